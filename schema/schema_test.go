package schema_test

import (
	"strings"
	"sync"
	"testing"
	_ "time/tzdata" // the tests load zones also where the machine has none

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/schema"
)

// field is an Arrow field of the kind this package makes.
func field(name string, dataType arrow.DataType, nullable bool) arrow.Field {
	return arrow.Field{Name: name, Type: dataType, Nullable: nullable}
}

var (
	name   = field("name", arrow.BinaryTypes.String, true)
	age    = field("age", arrow.PrimitiveTypes.Int64, true)
	active = field("active", arrow.FixedWidthTypes.Boolean, true)
	key    = field("_key", arrow.BinaryTypes.String, false)
	ttl    = field("_ttl", arrow.PrimitiveTypes.Int64, false)
	index  = field("_index", arrow.PrimitiveTypes.Uint64, false)
)

// acceptance G: the columns and their order, made in Go and from text.
func TestHashColumns(t *testing.T) {
	fields := []schema.Column{schema.Utf8("name"), schema.Int64("age"), schema.Boolean("active")}
	with := func(before []schema.Column, after ...schema.Column) []schema.Column {
		return append(append(before, fields...), after...)
	}
	const text = "name:utf8,age:int64,active:boolean"

	for _, test := range []struct {
		row     string
		columns []schema.Column
		text    string
		want    []arrow.Field
	}{
		{"G1", with([]schema.Column{schema.Key("_key")}), "_key:key," + text, []arrow.Field{key, name, age, active}},
		{"G2", fields, text, []arrow.Field{name, age, active}},
		{
			"G3", with([]schema.Column{schema.Key("redis_key")}), "redis_key:key," + text,
			[]arrow.Field{field("redis_key", arrow.BinaryTypes.String, false), name, age, active},
		},
		{
			"G4 first", with([]schema.Column{schema.Index("_index"), schema.Key("_key"), schema.TTL("_ttl", arrow.Second)}),
			"_index:index,_key:key,_ttl:ttl," + text,
			[]arrow.Field{index, key, ttl, name, age, active},
		},
		{
			"G4 last", with(nil, schema.Index("_index"), schema.Key("_key"), schema.TTL("_ttl", arrow.Second)),
			text + ",_index:index,_key:key,_ttl:ttl[s]",
			[]arrow.Field{name, age, active, index, key, ttl},
		},
		{"G5", []schema.Column{schema.Key("_key")}, "_key:key", []arrow.Field{key}},
		{
			"G10",
			[]schema.Column{schema.Boolean("active"), schema.Key("_key"), schema.Utf8("name")},
			"active:boolean,_key:key,name:utf8",
			[]arrow.Field{active, key, name},
		},
		{
			"F5 binary key",
			[]schema.Column{schema.BinaryKey("_key")},
			"_key:binary_key",
			[]arrow.Field{field("_key", arrow.BinaryTypes.Binary, false)},
		},
	} {
		t.Run(test.row, func(t *testing.T) {
			inGo, err := schema.NewHash(test.columns...)
			require.NoError(t, err)
			parsed, err := schema.ParseHash(test.text)
			require.NoError(t, err)

			want := arrow.NewSchema(test.want, nil)
			assert.True(t, want.Equal(inGo.Arrow()), "%s", inGo.Arrow())
			assert.True(t, want.Equal(parsed.Arrow()), "%s", parsed.Arrow())
			assert.True(t, inGo.Equal(parsed))
			assert.Len(t, inGo.Columns(), len(test.columns))
		})
	}
}

// Each constructor's column, its Arrow type and its text.
func TestColumn(t *testing.T) {
	for _, test := range []struct {
		column   schema.Column
		kind     schema.Kind
		dataType arrow.DataType
		nullable bool
		text     string
	}{
		{schema.Utf8("c"), schema.KindField, arrow.BinaryTypes.String, true, "c:utf8"},
		{schema.Binary("c"), schema.KindField, arrow.BinaryTypes.Binary, true, "c:binary"},
		{schema.Int64("c"), schema.KindField, arrow.PrimitiveTypes.Int64, true, "c:int64"},
		{schema.Float64("c"), schema.KindField, arrow.PrimitiveTypes.Float64, true, "c:float64"},
		{schema.LargeUtf8("c"), schema.KindField, arrow.BinaryTypes.LargeString, true, "c:large_utf8"},
		{schema.LargeBinary("c"), schema.KindField, arrow.BinaryTypes.LargeBinary, true, "c:large_binary"},
		{schema.Int8("c"), schema.KindField, arrow.PrimitiveTypes.Int8, true, "c:int8"},
		{schema.Int16("c"), schema.KindField, arrow.PrimitiveTypes.Int16, true, "c:int16"},
		{schema.Int32("c"), schema.KindField, arrow.PrimitiveTypes.Int32, true, "c:int32"},
		{schema.Uint8("c"), schema.KindField, arrow.PrimitiveTypes.Uint8, true, "c:uint8"},
		{schema.Uint16("c"), schema.KindField, arrow.PrimitiveTypes.Uint16, true, "c:uint16"},
		{schema.Uint32("c"), schema.KindField, arrow.PrimitiveTypes.Uint32, true, "c:uint32"},
		{schema.Uint64("c"), schema.KindField, arrow.PrimitiveTypes.Uint64, true, "c:uint64"},
		{schema.Float32("c"), schema.KindField, arrow.PrimitiveTypes.Float32, true, "c:float32"},
		{schema.Decimal128("c", 10, 2), schema.KindField, &arrow.Decimal128Type{Precision: 10, Scale: 2}, true, "c:decimal128[10,2]"},
		{schema.Decimal128("c", 38, 0), schema.KindField, &arrow.Decimal128Type{Precision: 38, Scale: 0}, true, "c:decimal128[38,0]"},
		{schema.Boolean("c"), schema.KindField, arrow.FixedWidthTypes.Boolean, true, "c:boolean"},
		{schema.Date("c"), schema.KindField, arrow.FixedWidthTypes.Date32, true, "c:date32"},
		{schema.Timestamp("c", arrow.Microsecond), schema.KindField, &arrow.TimestampType{Unit: arrow.Microsecond}, true, "c:timestamp[us]"},
		{schema.Key("c"), schema.KindKey, arrow.BinaryTypes.String, false, "c:key"},
		{schema.BinaryKey("c"), schema.KindKey, arrow.BinaryTypes.Binary, false, "c:binary_key"},
		// acceptance I, rows 1 and 3: a TTL in seconds or in milliseconds
		{schema.TTL("c", arrow.Second), schema.KindTTL, arrow.PrimitiveTypes.Int64, false, "c:ttl[s]"},
		{schema.TTL("c", arrow.Millisecond), schema.KindTTL, arrow.PrimitiveTypes.Int64, false, "c:ttl[ms]"},
		// acceptance I, row 5: null for a key that doesn't expire
		{schema.ExpiresAt("c"), schema.KindExpiresAt, &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}, true, "c:expires_at"},
		{schema.Index("c"), schema.KindIndex, arrow.PrimitiveTypes.Uint64, false, "c:index"},
	} {
		t.Run(test.text, func(t *testing.T) {
			h, err := schema.NewHash(test.column)
			require.NoError(t, err)
			assert.True(t, arrow.NewSchema([]arrow.Field{field("c", test.dataType, test.nullable)}, nil).Equal(h.Arrow()), "%s", h.Arrow())

			c := h.Columns()[0]
			assert.True(t, c.Equal(test.column))
			assert.Equal(t, "c", c.Name())
			assert.Equal(t, test.kind, c.Kind())
			assert.Equal(t, test.nullable, c.Nullable())
			assert.True(t, arrow.TypeEqual(test.dataType, c.Type()))
			assert.Equal(t, test.text, c.String())
			_, fixed := c.EpochUnit()
			assert.False(t, fixed)

			parsed, err := schema.ParseHash(test.text)
			require.NoError(t, err)
			assert.True(t, parsed.Equal(h))
		})
	}
	assert.Equal(t, arrow.Second, schema.TTL("c", arrow.Second).TTLUnit())
	assert.Equal(t, arrow.Millisecond, schema.TTL("c", arrow.Millisecond).TTLUnit())
}

func TestColumnEqual(t *testing.T) {
	base := schema.Timestamp("c", arrow.Microsecond)
	for _, other := range []schema.Column{
		{},
		schema.Timestamp("d", arrow.Microsecond),
		schema.Timestamp("c", arrow.Millisecond),
		schema.Timestamp("c", arrow.Microsecond, schema.TimeZone("UTC")),
		schema.Timestamp("c", arrow.Microsecond, schema.Epoch(arrow.Second)),
		schema.Utf8("c"),
	} {
		assert.False(t, base.Equal(other), "%s", other)
		assert.False(t, other.Equal(base), "%s", other)
	}
	assert.True(t, base.Equal(schema.Timestamp("c", arrow.Microsecond)))
	assert.False(t, schema.TTL("c", arrow.Second).Equal(schema.TTL("c", arrow.Millisecond)))
	assert.False(t, schema.TTL("c", arrow.Second).Equal(schema.Int64("c")))
	assert.False(t, schema.Key("c").Equal(schema.Utf8("c")))
	assert.False(t, schema.Decimal128("c", 10, 2).Equal(schema.Decimal128("c", 11, 2)))
	assert.False(t, schema.Decimal128("c", 10, 2).Equal(schema.Decimal128("c", 10, 3)))
	assert.False(t, schema.Utf8("c").Equal(schema.LargeUtf8("c")))
}

// acceptance E, last line: a field can fix its unit, its zone and its epoch unit.
func TestTimestampOptions(t *testing.T) {
	units := map[string]arrow.TimeUnit{"s": arrow.Second, "ms": arrow.Millisecond, "us": arrow.Microsecond, "ns": arrow.Nanosecond}
	zones := []string{"", "UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "+05:00", "-09:30", "+00:00"}
	for unitName, unit := range units {
		for _, zone := range zones {
			want := "timestamp[" + unitName
			if zone != "" {
				want += "," + zone
			}
			plain := schema.Timestamp("at", unit, schema.TimeZone(zone))
			checkTimestamp(t, plain, unit, zone, want+"]")

			for epochName, epoch := range units {
				fixed := schema.Timestamp("at", unit, schema.TimeZone(zone), schema.Epoch(epoch))
				checkTimestamp(t, fixed, unit, zone, want+",epoch="+epochName+"]")
				got, ok := fixed.EpochUnit()
				assert.True(t, ok)
				assert.Equal(t, epoch, got)
				assert.False(t, fixed.Equal(plain))
			}
		}
	}
	utc := schema.Timestamp("at", arrow.Second, schema.TimeZone("utc"))
	checkTimestamp(t, utc, arrow.Second, "UTC", "timestamp[s,UTC]")
}

func checkTimestamp(t *testing.T, c schema.Column, unit arrow.TimeUnit, zone, text string) {
	t.Helper()
	h, err := schema.NewHash(c)
	require.NoError(t, err)
	assert.Equal(t, "at:"+text, h.String())
	dataType, ok := c.Type().(*arrow.TimestampType)
	require.True(t, ok)
	assert.Equal(t, unit, dataType.Unit)
	assert.Equal(t, zone, dataType.TimeZone)
	_, err = dataType.GetZone() // what passes here must be usable by arrow too
	assert.NoError(t, err)

	parsed, err := schema.ParseHash(h.String())
	require.NoError(t, err)
	assert.True(t, parsed.Equal(h))
	alone, err := schema.ParseField("at", text)
	require.NoError(t, err)
	assert.True(t, alone.Equal(c))
}

func TestMistakesInGo(t *testing.T) {
	for _, test := range []struct {
		row     string
		columns []schema.Column
		column  string
		reason  string
	}{
		{"G6 no column", nil, "", "no column at all"},
		{"G11 duplicate", []schema.Column{schema.Utf8("a"), schema.Int64("b"), schema.Date("a")}, "a", "columns 1 (field) and 3 (field) have the same name"},
		{"G11 like metadata", []schema.Column{schema.Key("a"), schema.Int64("a")}, "a", "columns 1 (key) and 2 (field) have the same name"},
		{"G11 empty names", []schema.Column{schema.Utf8(""), schema.Utf8("")}, "", "have the same name"},
		{"two keys", []schema.Column{schema.Key("a"), schema.BinaryKey("b")}, "b", `second key column, after "a"`},
		{"two TTLs", []schema.Column{schema.TTL("a", arrow.Second), schema.Utf8("x"), schema.TTL("b", arrow.Millisecond)}, "b", `second TTL column, after "a"`},
		{"two expiries", []schema.Column{schema.ExpiresAt("a"), schema.ExpiresAt("b")}, "b", "second expiry column"},
		{"two indexes", []schema.Column{schema.Index("a"), schema.Index("b")}, "b", "second index column"},
		{"zero column", []schema.Column{schema.Key("a"), {}}, "", "zero Column"},
		{"not UTF-8", []schema.Column{schema.Utf8("a\xff")}, "a\xff", "UTF-8"},
		{"TTL unit", []schema.Column{schema.TTL("a", arrow.Microsecond)}, "a", "seconds or milliseconds"},
		{"timestamp unit", []schema.Column{schema.Timestamp("a", 4)}, "a", "timestamp's unit"},
		{"timestamp unit", []schema.Column{schema.Timestamp("a", -1)}, "a", "timestamp's unit"},
		{"epoch unit", []schema.Column{schema.Timestamp("a", arrow.Second, schema.Epoch(4))}, "a", "epoch's unit"},
		{"precision", []schema.Column{schema.Decimal128("a", 0, 0)}, "a", "from 1 to 38 digits, not 0"},
		{"precision", []schema.Column{schema.Decimal128("a", 39, 2)}, "a", "from 1 to 38 digits, not 39"},
		{"scale", []schema.Column{schema.Decimal128("a", 5, 6)}, "a", "from 0 to 5, not 6"},
		{"scale", []schema.Column{schema.Decimal128("a", 5, -1)}, "a", "from 0 to 5, not -1"},
		{"unknown zone", []schema.Column{schema.Timestamp("a", arrow.Second, schema.TimeZone("Mars/Olympus"))}, "a", `"Mars/Olympus" can't be loaded`},
		{"a folder of zones", []schema.Column{schema.Timestamp("a", arrow.Second, schema.TimeZone("Europe"))}, "a", "can't be loaded"},
		{"local zone", []schema.Column{schema.Timestamp("a", arrow.Second, schema.TimeZone("Local"))}, "a", "another zone on every machine"},
		{"hostile zone", []schema.Column{schema.Timestamp("a", arrow.Second, schema.TimeZone("a],b:[utf8"))}, "a", "neither a name"},
		{"zone outside", []schema.Column{schema.Timestamp("a", arrow.Second, schema.TimeZone("../../etc/passwd"))}, "a", "neither a name"},
		{"offset too large", []schema.Column{schema.Timestamp("a", arrow.Second, schema.TimeZone("+24:00"))}, "a", `"+24:00"`},
		{"offset of other form", []schema.Column{schema.Timestamp("a", arrow.Second, schema.TimeZone("+0500"))}, "a", `"+0500"`},
		{"offset with 60 minutes", []schema.Column{schema.Timestamp("a", arrow.Second, schema.TimeZone("+05:60"))}, "a", `"+05:60"`},
	} {
		t.Run(test.row, func(t *testing.T) {
			h, err := schema.NewHash(test.columns...)
			assert.Nil(t, h)
			var mistake *schema.Error
			require.ErrorAs(t, err, &mistake)
			assert.Equal(t, test.column, mistake.Column)
			assert.Contains(t, mistake.Reason, test.reason)
			assert.Equal(t, -1, mistake.Offset)
			assert.Empty(t, mistake.Item)
			assert.Contains(t, err.Error(), mistake.Reason)
			assert.NotContains(t, err.Error(), "at offset ")

			s, err := schema.NewString(test.columns...)
			assert.Nil(t, s)
			assert.ErrorAs(t, err, &mistake)
		})
	}
}

// acceptance H, row 5 and what else is particular to strings.
func TestString(t *testing.T) {
	t.Run("H5 renamed", func(t *testing.T) {
		s, err := schema.NewString(schema.Key("_key"), schema.Int64("count"))
		require.NoError(t, err)
		value, ok := s.Value()
		assert.True(t, ok)
		assert.True(t, value.Equal(schema.Int64("count")))
		assert.True(t, arrow.NewSchema([]arrow.Field{key, field("count", arrow.PrimitiveTypes.Int64, true)}, nil).Equal(s.Arrow()))
	})
	t.Run("H6 columns", func(t *testing.T) {
		s, err := schema.ParseString("_key:key,_ttl:ttl,value:utf8")
		require.NoError(t, err)
		assert.True(t, arrow.NewSchema([]arrow.Field{key, ttl, field("value", arrow.BinaryTypes.String, true)}, nil).Equal(s.Arrow()))
	})
	t.Run("keys only", func(t *testing.T) {
		s, err := schema.ParseString("_key:key")
		require.NoError(t, err)
		_, ok := s.Value()
		assert.False(t, ok)
	})
	t.Run("two values", func(t *testing.T) {
		_, err := schema.NewString(schema.Utf8("a"), schema.Key("k"), schema.Utf8("b"))
		var mistake *schema.Error
		require.ErrorAs(t, err, &mistake)
		assert.Equal(t, "b", mistake.Column)

		_, err = schema.ParseString("a:utf8,k:key,b:utf8,c:utf8")
		require.ErrorAs(t, err, &mistake)
		assert.Equal(t, "b", mistake.Column)
		assert.Equal(t, 13, mistake.Offset)
		assert.Equal(t, "b:utf8", mistake.Item)
	})
	t.Run("projection", func(t *testing.T) {
		s, err := schema.ParseString("_key:key,value:utf8,_ttl:ttl")
		require.NoError(t, err)
		same, err := s.Project("value")
		require.NoError(t, err)
		assert.True(t, same.Equal(s))
		keys, err := s.Project()
		require.NoError(t, err)
		assert.Equal(t, "_key:key,_ttl:ttl[s]", keys.String())
		assert.False(t, keys.Equal(s))
		_, err = s.Project("other")
		assert.ErrorContains(t, err, `"other"`)
	})
}

// A schema keeps nothing of the caller's slices, hands none of its own out,
// and is built once.
func TestImmutable(t *testing.T) {
	given := []schema.Column{schema.Key("_key"), schema.Utf8("a"), schema.Utf8("b")}
	h, err := schema.NewHash(given...)
	require.NoError(t, err)
	const want = "_key:key,a:utf8,b:utf8"

	given[1] = schema.Int64("changed")
	h.Columns()[0] = schema.Int64("changed")
	h.Fields()[0] = schema.Int64("changed")
	_ = append(h.Columns()[:1], schema.Int64("changed"))
	names := []string{"b", "a"}
	p, err := h.Project(names...)
	require.NoError(t, err)
	names[0] = "changed"

	assert.Equal(t, want, h.String())
	assert.Equal(t, "_key:key,b:utf8,a:utf8", p.String())
	assert.Same(t, h.Arrow(), h.Arrow())
	assert.Equal(t, []string{"_key", "a", "b"}, columnNames(h.Columns()))
	assert.Equal(t, []string{"a", "b"}, columnNames(h.Fields()))
}

// For the race detector.
func TestConcurrentUse(t *testing.T) {
	h, err := schema.ParseHash("_key:key,name:utf8,at:timestamp[us,Europe/Berlin]")
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			p, err := h.Project("at")
			assert.NoError(t, err)
			_, err = p.Fields()[0].Type().(*arrow.TimestampType).GetZone()
			assert.NoError(t, err)
			assert.Equal(t, "_key:key,at:timestamp[us,Europe/Berlin]", p.String())
			assert.Equal(t, 3, h.Arrow().NumFields())
		})
	}
	wg.Wait()
}

// A message stays readable when a name is huge; the name itself is whole.
func TestErrorOfHugeName(t *testing.T) {
	huge := strings.Repeat("ü", 100_000)
	_, err := schema.ParseHash(huge + ":nonsense" + huge)
	var mistake *schema.Error
	require.ErrorAs(t, err, &mistake)
	assert.Equal(t, huge, mistake.Column)
	assert.Less(t, len(err.Error()), 1000)
	assert.NotContains(t, err.Error(), `\x`)
}

func TestKindString(t *testing.T) {
	seen := map[string]bool{}
	for k := schema.Kind(0); k <= schema.KindIndex; k++ {
		seen[k.String()] = true
	}
	assert.Len(t, seen, 6)
}

func columnNames(columns []schema.Column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name()
	}
	return names
}
