package schema_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/redisarrow/redisarrow/schema"
)

func ExampleNewHash() {
	users, err := schema.NewHash(
		schema.Key("_key"), schema.TTL("_ttl", arrow.Second),
		schema.Utf8("name"), schema.Int64("age"), schema.Boolean("active"), schema.Date("signup_date"),
		schema.Timestamp("seen", arrow.Millisecond, schema.TimeZone("UTC"), schema.Epoch(arrow.Second)),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range users.Arrow().Fields() {
		fmt.Println(f.Name, f.Type, f.Nullable)
	}
	// Output:
	// _key utf8 false
	// _ttl int64 false
	// name utf8 true
	// age int64 true
	// active bool true
	// signup_date date32 true
	// seen timestamp[ms, tz=UTC] true
}

func ExampleParseHash() {
	users, err := schema.ParseHash(`_key:key, name:string, "odd:name":int, at:timestamp[us,epoch=s]`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(users)
	// Output: _key:key,name:utf8,"odd:name":int64,at:timestamp[us,epoch=s]
}

func ExampleParseHash_error() {
	_, err := schema.ParseHash("_key:key,age:int64,age:utf8")
	var mistake *schema.Error
	if errors.As(err, &mistake) {
		fmt.Println(mistake.Column, mistake.Offset, mistake.Item)
	}
	fmt.Println(err)
	// Output:
	// age 19 age:utf8
	// schema: column "age": columns 2 (field) and 3 (field) have the same name; one of them needs another (at offset 19: "age:utf8")
}

func ExampleNewString() {
	counters, err := schema.NewString(schema.Key("_key"), schema.Int64("count"))
	if err != nil {
		fmt.Println(err)
		return
	}
	value, _ := counters.Value()
	fmt.Println(value.Name(), value.Type())
	fmt.Println(counters)
	// Output:
	// count int64
	// _key:key,count:int64
}

func ExampleParseString() {
	prices, err := schema.ParseString("_key:key,_ttl:ttl[ms],price:double")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(prices)
	// Output: _key:key,_ttl:ttl[ms],price:float64
}

func ExampleParseField() {
	value, err := schema.ParseField("value", "timestamp[ms,Europe/Berlin]")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(value.Name(), value.Type())
	// Output: value timestamp[ms, tz=Europe/Berlin]
}

// A struct as go-redis writes and reads it.
func ExampleHashOf() {
	type User struct {
		Name    string    `redis:"name"`
		Age     *int8     `redis:"age,omitempty"`
		Active  bool      `redis:"active"`
		Seen    time.Time `redis:"seen"`
		Born    string    `redis:"born" redisarrow:"date32"`
		Balance string    `redis:"balance" redisarrow:"decimal128[18,2]"`
		cached  bool
	}
	_ = User{cached: true}
	users, err := schema.HashOf[User](schema.Key("_key"), schema.TTL("_ttl", arrow.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(users)
	// Output: _key:key,_ttl:ttl[s],name:utf8,age:int8,active:boolean,seen:timestamp[us,UTC],born:date32,balance:decimal128[18,2]
}

func ExampleHashOf_error() {
	type User struct {
		Name    string   `redis:"name"`
		Friends []string `redis:"friends"`
	}
	_, err := schema.HashOf[User]()
	fmt.Println(err)
	// Output: schema: column "friends": field Friends of struct schema_test.User: there is no column for Go type []string: name one, such as `redisarrow:"utf8"`
}

// The rows are to be those of a table that is there already.
func ExampleHashFromArrow() {
	table := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.BinaryTypes.String},
		{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "price", Type: &arrow.Decimal128Type{Precision: 10, Scale: 2}, Nullable: true},
	}, nil)
	products, err := schema.HashFromArrow(table, schema.Key("id")) // the key has a place in it
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(products)
	fmt.Println(products.Arrow().Equal(table))
	// Output:
	// id:key,name:utf8,price:decimal128[10,2]
	// true
}

func ExampleStringFromArrow() {
	count := arrow.NewSchema([]arrow.Field{{Name: "count", Type: arrow.PrimitiveTypes.Uint64, Nullable: true}}, nil)
	counters, err := schema.StringFromArrow(count, schema.Key("_key"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(counters)
	// Output: _key:key,count:uint64
}

func ExampleField() {
	users, err := schema.NewHash(
		schema.Field(arrow.Field{Name: "name", Type: arrow.BinaryTypes.LargeString, Nullable: true}),
		schema.Key("_key"),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(users)
	// Output: name:large_utf8,_key:key
}

func ExampleHash_Project() {
	users, err := schema.ParseHash("_key:key,name:utf8,age:int64,active:boolean,_ttl:ttl")
	if err != nil {
		fmt.Println(err)
		return
	}
	some, err := users.Project("age", "name")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(some)
	keys, err := users.Project()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(keys)
	// Output:
	// _key:key,age:int64,name:utf8,_ttl:ttl[s]
	// _key:key,_ttl:ttl[s]
}

func ExampleString_Project() {
	values, err := schema.ParseString("_key:key,value:utf8")
	if err != nil {
		fmt.Println(err)
		return
	}
	keys, err := values.Project()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(keys)
	// Output: _key:key
}

func ExampleInfer() {
	users := []map[string]string{
		{"name": "Alice", "age": "30", "zip": "01234", "seen": "2024-01-15T10:30:00Z"},
		{"name": "Bob", "age": "41", "zip": "90210"},
	}
	s, err := schema.Infer(slices.Values(users), schema.InferOptions{}, schema.Key("_key"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s)
	// Output: _key:key,age:int64,name:utf8,zip:utf8,seen:timestamp[us,UTC]
}

// What was found out about each field, and a type that is given.
func ExampleInference() {
	i, err := schema.NewInference(schema.InferOptions{Types: []schema.Column{schema.Int32("age")}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, hash := range []map[string]string{{"age": "30", "plan": "7"}, {"age": "unknown", "plan": "none"}, {"age": "41"}} {
		i.AddHash(maps.All(hash))
	}
	for _, f := range i.Fields() {
		fmt.Printf("%s: %d of %d have it, %d fit, %d would fit %v\n", f.Column, f.Present, i.Rows(), f.Fits, f.NarrowFits, f.Narrow.Type())
	}
	// Output:
	// age:int32: 3 of 3 have it, 2 fit, 0 would fit <nil>
	// plan:utf8: 2 of 3 have it, 2 fit, 1 would fit int64
}
