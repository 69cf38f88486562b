package schema_test

import (
	"math/big"
	"net/netip"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/schema"
)

type (
	status  string
	level   int8
	flag    bool
	blob    []byte
	stamped struct{ time.Time } // has UnmarshalText from time.Time

	scanned int32 // read by its own ScanRedis
	packed  struct{ bits uint64 }

	// base and inlined are structs within others.
	base struct {
		ID int64 `redis:"id"`
	}
	inlined struct {
		Street string `redis:"street"`
		Number uint16 `redis:"number"`
	}
	ring struct {
		*ring
		Name string `redis:"name"`
	}
)

func (s *scanned) ScanRedis(text string) error { *s = scanned(len(text)); return nil }

func (p *packed) UnmarshalBinary(data []byte) error { p.bits = uint64(len(data)); return nil }

func TestHashOf(t *testing.T) {
	type builtin struct {
		String   string        `redis:"string"`
		Bytes    []byte        `redis:"bytes"`
		Bool     bool          `redis:"bool"`
		Int      int           `redis:"int"`
		Int8     int8          `redis:"int8"`
		Int16    int16         `redis:"int16"`
		Int32    int32         `redis:"int32"`
		Int64    int64         `redis:"int64"`
		Uint     uint          `redis:"uint"`
		Uint8    uint8         `redis:"uint8"`
		Uint16   uint16        `redis:"uint16"`
		Uint32   uint32        `redis:"uint32"`
		Uint64   uint64        `redis:"uint64"`
		Float32  float32       `redis:"float32"`
		Float64  float64       `redis:"float64"`
		Time     time.Time     `redis:"time"`
		Duration time.Duration `redis:"duration"`
	}
	type pointers struct {
		String *string    `redis:"string"`
		Int    *int       `redis:"int"`
		Bool   *bool      `redis:"bool"`
		Bytes  *[]byte    `redis:"bytes"`
		Time   *time.Time `redis:"time,omitempty"`
	}
	type named struct {
		Status  status     `redis:"status"`
		Level   *level     `redis:"level"`
		Flag    flag       `redis:"flag"`
		Blob    blob       `redis:"blob"`
		Scanned scanned    `redis:"scanned"`
		Packed  *packed    `redis:"packed"`
		Stamped stamped    `redis:"stamped"`
		Addr    netip.Addr `redis:"addr"` // both UnmarshalText and UnmarshalBinary
		Big     *big.Int   `redis:"big"`
	}
	type tags struct {
		Plain    string `redis:"plain"`
		Options  string `redis:"options,omitempty"`
		Untagged string
		Dash     string         `redis:"-"`
		DashName string         `redis:"-,"`
		Empty    string         `redis:""`
		NotOurs  map[string]int `json:"x"`
		hidden   int
	}
	type typed struct {
		Day     time.Time      `redis:"day" redisarrow:"date32"`
		Seen    int64          `redis:"seen,omitempty" redisarrow:" timestamp[ms, Europe/Berlin, epoch=s] "`
		Balance string         `redis:"balance" redisarrow:"decimal128[18,2]"`
		Odd     map[string]int `redis:"odd" redisarrow:"utf8"`
	}
	type embedding struct {
		base
		Name    string  `redis:"name"`
		Home    inlined `redis:",inline"`
		Ignored inlined
	}
	type embeddingPointer struct {
		*base `redis:",omitempty"`
		time.Time
		status
	}
	_, _, _ = tags{hidden: 1}, ring{}.ring, embeddingPointer{}.status // read by reflection alone
	for name, test := range map[string]struct {
		made func(...schema.Column) (*schema.Hash, error)
		want string
	}{
		"Go's types": {
			schema.HashOf[builtin],
			"string:utf8,bytes:binary,bool:boolean,int:int64,int8:int8,int16:int16,int32:int32,int64:int64," +
				"uint:uint64,uint8:uint8,uint16:uint16,uint32:uint32,uint64:uint64,float32:float32,float64:float64," +
				"time:timestamp[us,UTC],duration:int64",
		},
		"pointers": {schema.HashOf[pointers], "string:utf8,int:int64,bool:boolean,bytes:binary,time:timestamp[us,UTC]"},
		"named types": {
			schema.HashOf[named],
			"status:utf8,level:int8,flag:boolean,blob:binary,scanned:utf8,packed:binary,stamped:utf8,addr:utf8,big:utf8",
		},
		"tags": {schema.HashOf[tags], "plain:utf8,options:utf8,-:utf8"},
		"types of columns": {
			schema.HashOf[typed],
			"day:date32,seen:timestamp[ms,Europe/Berlin,epoch=s],balance:decimal128[18,2],odd:utf8",
		},
		"embedded":         {schema.HashOf[embedding], "id:int64,name:utf8,street:utf8,number:uint16"},
		"embedded pointer": {schema.HashOf[embeddingPointer], "id:int64"},
		"of itself":        {schema.HashOf[ring], "name:utf8"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := test.made()
			require.NoError(t, err)
			assert.Equal(t, test.want, h.String())
			for _, c := range h.Columns() {
				assert.True(t, c.Nullable())
			}
			parsed, err := schema.ParseHash(test.want)
			require.NoError(t, err)
			assert.True(t, parsed.Equal(h))

			h, err = test.made(schema.Key("_key"), schema.TTL("_ttl", arrow.Second))
			require.NoError(t, err)
			assert.Equal(t, "_key:key,_ttl:ttl[s],"+test.want, h.String())
		})
	}
	t.Run("a column in a field's place", func(t *testing.T) {
		h, err := schema.HashOf[inlined](schema.Int32("number"), schema.Key("_key"), schema.Utf8("more"))
		require.NoError(t, err)
		assert.Equal(t, "_key:key,more:utf8,street:utf8,number:int32", h.String())
	})
}

func TestHashOfMistakes(t *testing.T) {
	type channel struct {
		Name string   `redis:"name"`
		C    chan int `redis:"c"`
	}
	type list struct {
		L []string `redis:"l"`
	}
	type iface struct {
		V any `redis:"v"`
	}
	type twice struct {
		P **int `redis:"p"`
	}
	type inner struct {
		In inlined `redis:"in"`
	}
	type array struct {
		A [16]byte `redis:"a"`
	}
	type unexported struct {
		name string `redis:"name"`
	}
	type nameless struct {
		Name string `redis:",omitempty"`
	}
	type inlineString struct {
		Name string `redis:",inline"`
	}
	type badType struct {
		Name string `redis:"name" redisarrow:"float"`
	}
	type metadataType struct {
		Name string `redis:"name" redisarrow:"key"`
	}
	type emptyType struct {
		Name string `redis:"name" redisarrow:""`
	}
	type typeAlone struct {
		Name string `redisarrow:"utf8"`
	}
	type same struct {
		A string `redis:"x"`
		B int    `redis:"x"`
	}
	type untagged struct{ Name string }
	type deep struct {
		Name string `redis:"name"`
		Home struct {
			Owner struct {
				C complex64 `redis:"c"`
			} `redis:",inline"`
		} `redis:",inline"`
	}
	type notUTF8 struct {
		Name string "redis:\"\\xff\""
	}
	_ = unexported{name: "used"}
	for name, test := range map[string]struct {
		made   func(...schema.Column) (*schema.Hash, error)
		column string
		reason string
	}{
		"channel":             {schema.HashOf[channel], "c", "field C of struct schema_test.channel: there is no column for Go type chan int: name one"},
		"slice":               {schema.HashOf[list], "l", "[]string"},
		"interface":           {schema.HashOf[iface], "v", "interface"},
		"pointer to pointer":  {schema.HashOf[twice], "p", "**int"},
		"struct with a name":  {schema.HashOf[inner], "in", "schema_test.inlined"},
		"array":               {schema.HashOf[array], "a", "[16]uint8"},
		"unexported":          {schema.HashOf[unexported], "name", "isn't exported"},
		"no name":             {schema.HashOf[nameless], "", `field Name of struct schema_test.nameless: the tag ` + "`redis:\",omitempty\"`" + ` has no name`},
		"inline string":       {schema.HashOf[inlineString], "", "has no name"},
		"unknown type":        {schema.HashOf[badType], "name", `unknown type "float"`},
		"type of metadata":    {schema.HashOf[metadataType], "name", "metadata column"},
		"empty type":          {schema.HashOf[emptyType], "name", "the type is missing"},
		"a type without name": {schema.HashOf[typeAlone], "", "no name"},
		"same name":           {schema.HashOf[same], "x", "same name"},
		"no tag at all":       {schema.HashOf[untagged], "", "no field of struct schema_test.untagged has a tag"},
		"empty struct":        {schema.HashOf[struct{}], "", "no field"},
		"deep":                {schema.HashOf[deep], "c", "field Home.Owner.C of struct schema_test.deep"},
		"not UTF-8":           {schema.HashOf[notUTF8], "\xff", "UTF-8"},
		"not a struct":        {schema.HashOf[int], "", "int is not a struct"},
		"a pointer":           {schema.HashOf[*inlined], "", "*schema_test.inlined is not a struct"},
		"an interface":        {schema.HashOf[error], "", "error is not a struct"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := test.made(schema.Key("_key"))
			assert.Nil(t, h)
			var mistake *schema.Error
			require.ErrorAs(t, err, &mistake)
			assert.Equal(t, test.column, mistake.Column)
			assert.Contains(t, mistake.Reason, test.reason)
			assert.Equal(t, -1, mistake.Offset)
		})
	}
	t.Run("columns of one name", func(t *testing.T) {
		_, err := schema.HashOf[inlined](schema.Int32("number"), schema.Int64("number"))
		assert.ErrorContains(t, err, "same name")
	})
	t.Run("two keys", func(t *testing.T) {
		_, err := schema.HashOf[inlined](schema.Key("a"), schema.Key("b"))
		assert.ErrorContains(t, err, "second key column")
	})
}
