package schema_test

import (
	"reflect"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/schema"
)

// Every column of this package comes back from its Arrow field.
func TestFieldOfEachType(t *testing.T) {
	h, err := schema.ParseHash("a:utf8,b:binary,c:large_utf8,d:large_binary,e:int8,f:int16,g:int32,h:int64,i:uint8,j:uint16,k:uint32,l:uint64," +
		"m:float32,n:float64,o:decimal128[10,2],p:boolean,q:date32,r:timestamp[s],s:timestamp[ms,UTC],t:timestamp[us,Europe/Berlin],u:timestamp[ns,+05:00]")
	require.NoError(t, err)
	for i, c := range h.Columns() {
		assert.True(t, schema.Field(h.Arrow().Field(i)).Equal(c), "%s", c)
	}
	again, err := schema.HashFromArrow(h.Arrow())
	require.NoError(t, err)
	assert.True(t, again.Equal(h))
	assert.True(t, again.Arrow().Equal(h.Arrow()))

	// In another's hands a zone may be written otherwise; here it has one form.
	utc := schema.Field(field("at", &arrow.TimestampType{Unit: arrow.Second, TimeZone: "utc"}, true))
	assert.Equal(t, "at:timestamp[s,UTC]", utc.String())
}

func TestHashFromArrow(t *testing.T) {
	metadata := arrow.NewMetadata([]string{"pandas"}, []string{"{}"})
	day := field("day", arrow.FixedWidthTypes.Date32, true)
	day.Metadata = metadata
	given := arrow.NewSchema([]arrow.Field{
		field("_key", arrow.BinaryTypes.String, false), field("name", arrow.BinaryTypes.LargeString, true), day,
		field("at", &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}, true),
	}, &metadata)
	for name, test := range map[string]struct {
		columns []schema.Column
		want    string
	}{
		"in place": {[]schema.Column{schema.Key("_key")}, "_key:key,name:large_utf8,day:date32,at:timestamp[ms,UTC]"},
		"leading": {
			[]schema.Column{schema.TTL("_ttl", arrow.Millisecond), schema.Key("_key"), schema.Index("_index")},
			"_ttl:ttl[ms],_index:index,_key:key,name:large_utf8,day:date32,at:timestamp[ms,UTC]",
		},
		"with more than Arrow says": {
			[]schema.Column{schema.Key("_key"), schema.Timestamp("at", arrow.Millisecond, schema.TimeZone("UTC"), schema.Epoch(arrow.Second))},
			"_key:key,name:large_utf8,day:date32,at:timestamp[ms,UTC,epoch=s]",
		},
		"expiry": {[]schema.Column{schema.Key("_key"), schema.ExpiresAt("at")}, "_key:key,name:large_utf8,day:date32,at:expires_at"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := schema.HashFromArrow(given, test.columns...)
			require.NoError(t, err)
			assert.Equal(t, test.want, h.String())
			assert.False(t, h.Arrow().HasMetadata())
			parsed, err := schema.ParseHash(test.want)
			require.NoError(t, err)
			assert.True(t, parsed.Equal(h))
			assert.True(t, parsed.Arrow().Equal(h.Arrow()))
		})
	}
	t.Run("strings", func(t *testing.T) {
		s, err := schema.StringFromArrow(arrow.NewSchema([]arrow.Field{key, field("count", arrow.PrimitiveTypes.Int64, true), ttl}, nil),
			schema.TTL("_ttl", arrow.Second), schema.Key("_key"))
		require.NoError(t, err)
		assert.Equal(t, "_key:key,count:int64,_ttl:ttl[s]", s.String())
		_, err = schema.StringFromArrow(arrow.NewSchema([]arrow.Field{name, age}, nil))
		assert.ErrorContains(t, err, "a string has one value")
	})
	t.Run("nothing is shared", func(t *testing.T) {
		at := &arrow.TimestampType{Unit: arrow.Millisecond}
		price := &arrow.Decimal128Type{Precision: 10, Scale: 2}
		h, err := schema.NewHash(schema.Field(field("at", at, true)), schema.Field(field("price", price, true)))
		require.NoError(t, err)
		at.Unit, price.Scale = arrow.Second, 4
		assert.Equal(t, "at:timestamp[ms],price:decimal128[10,2]", h.String())
	})
}

// celsius is an extension type.
type celsius struct{ arrow.ExtensionBase }

func (*celsius) ArrayType() reflect.Type                    { return nil }
func (*celsius) ExtensionName() string                      { return "celsius" }
func (*celsius) ExtensionEquals(o arrow.ExtensionType) bool { return o.ExtensionName() == "celsius" }
func (*celsius) Serialize() string                          { return "" }
func (c *celsius) Deserialize(arrow.DataType, string) (arrow.ExtensionType, error) {
	return c, nil
}

func TestFromArrowMistakes(t *testing.T) {
	schemaOf := func(fields ...arrow.Field) *arrow.Schema { return arrow.NewSchema(fields, nil) }
	nullable := func(dataType arrow.DataType) *arrow.Schema { return schemaOf(name, field("x", dataType, true)) }
	const known = "known are utf8, binary, large_utf8, "
	for row, test := range map[string]struct {
		given   *arrow.Schema
		columns []schema.Column
		column  string
		reason  string
	}{
		"list":           {nullable(arrow.ListOf(arrow.PrimitiveTypes.Int64)), nil, "x", "there are no columns of Arrow type list<item: int64, nullable>: " + known},
		"struct":         {nullable(arrow.StructOf(name)), nil, "x", known},
		"dictionary":     {nullable(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}), nil, "x", known},
		"extension":      {nullable(&celsius{arrow.ExtensionBase{Storage: arrow.PrimitiveTypes.Int64}}), nil, "x", known},
		"null":           {nullable(arrow.Null), nil, "x", known},
		"float16":        {nullable(arrow.FixedWidthTypes.Float16), nil, "x", known},
		"date64":         {nullable(arrow.FixedWidthTypes.Date64), nil, "x", known},
		"time32":         {nullable(arrow.FixedWidthTypes.Time32s), nil, "x", known},
		"duration":       {nullable(arrow.FixedWidthTypes.Duration_s), nil, "x", known},
		"decimal256":     {nullable(&arrow.Decimal256Type{Precision: 50, Scale: 2}), nil, "x", known},
		"fixed size":     {nullable(&arrow.FixedSizeBinaryType{ByteWidth: 16}), nil, "x", known},
		"view":           {nullable(arrow.BinaryTypes.StringView), nil, "x", known},
		"negative scale": {nullable(&arrow.Decimal128Type{Precision: 5, Scale: -2}), nil, "x", "the scale of a decimal128"},
		"unit":           {nullable(&arrow.TimestampType{Unit: 7}), nil, "x", "a timestamp's unit"},
		"zone":           {nullable(&arrow.TimestampType{TimeZone: "Local"}), nil, "x", "another zone on every machine"},
		"not null":       {schemaOf(field("x", arrow.PrimitiveTypes.Int64, false)), nil, "x", "isn't nullable"},
		"a key":          {schemaOf(key, name), nil, "_key", "made with Key, TTL or Index"},
		"same name":      {schemaOf(name, name), nil, "name", "same name"},
		"no field":       {schemaOf(), nil, "", "no column at all"},
		"no schema":      {nil, nil, "", "no Arrow schema"},
		"another type":   {schemaOf(key, name), []schema.Column{schema.BinaryKey("_key")}, "_key", "of type binary, the Arrow schema has utf8"},
		"another zone": {
			schemaOf(field("x", arrow.FixedWidthTypes.Timestamp_us, true)),
			[]schema.Column{schema.Timestamp("x", arrow.Microsecond)},
			"x", "of type timestamp[us], the Arrow schema has timestamp[us, tz=UTC]",
		},
		"nullable instead of not": {
			schemaOf(field("x", arrow.FixedWidthTypes.Timestamp_ms, false)),
			[]schema.Column{schema.ExpiresAt("x")},
			"x", "can be null",
		},
		"two for a field":     {schemaOf(name), []schema.Column{schema.Utf8("name"), schema.Utf8("name")}, "name", "same name"},
		"two keys":            {schemaOf(key, name), []schema.Column{schema.Key("_key"), schema.Key("k")}, "_key", "second key column"},
		"a column of no unit": {schemaOf(ttl, name), []schema.Column{schema.TTL("_ttl", arrow.Nanosecond)}, "_ttl", "seconds or milliseconds"},
	} {
		t.Run(row, func(t *testing.T) {
			h, err := schema.HashFromArrow(test.given, test.columns...)
			assert.Nil(t, h)
			var mistake *schema.Error
			require.ErrorAs(t, err, &mistake)
			assert.Equal(t, test.column, mistake.Column)
			assert.Contains(t, mistake.Reason, test.reason)
			assert.Equal(t, -1, mistake.Offset)

			s, err := schema.StringFromArrow(test.given, test.columns...)
			assert.Nil(t, s)
			assert.ErrorAs(t, err, &mistake)
		})
	}
	t.Run("no type", func(t *testing.T) {
		_, err := schema.NewHash(schema.Field(arrow.Field{Name: "x", Nullable: true}))
		assert.ErrorContains(t, err, `column "x": the field has no type`)
	})
}
