package schema

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever the tags of two fields, their struct has a schema that prints back,
// or a mistake that is told.
func FuzzStructTags(f *testing.F) {
	types := []reflect.Type{
		reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[*float64](), reflect.TypeFor[time.Time](), reflect.TypeFor[[]byte](), reflect.TypeFor[map[string]int](),
		reflect.TypeFor[struct {
			Inner string `redis:"inner"`
		}](),
	}
	for i, tag := range []string{`redis:"a"`, `redis:"a,omitempty" redisarrow:"date32"`, `redis:"-"`, `redis:",inline"`, `redisarrow:"int8"`, `redis:"a" redisarrow:"timestamp[ms,UTC]"`, `redis:"`, `redis:"\xff"`, `redis:"a" redisarrow:"key"`} {
		f.Add(tag, `redis:"b"`, byte(i), byte(i/2))
	}
	f.Fuzz(func(t *testing.T, first, second string, a, b byte) {
		made, mistake := structColumns(reflect.StructOf([]reflect.StructField{
			{Name: "First", Type: types[int(a)%len(types)], Tag: reflect.StructTag(first)},
			{Name: "Second", Type: types[int(b)%len(types)], Tag: reflect.StructTag(second)},
		}))
		if mistake != nil {
			require.NotEmpty(t, mistake.Error())
			return
		}
		require.NotEmpty(t, made)
		h, err := NewHash(made...)
		if err != nil {
			return // of one name, or of one that isn't UTF-8
		}
		again, err := ParseHash(h.String())
		require.NoError(t, err, "%q", h)
		require.True(t, again.Equal(h), "%q", h)
	})
}

// A type that stands beside a name means what it means within a schema.
func FuzzParseField(f *testing.F) {
	for _, text := range []string{"utf8", " timestamp[ms, UTC] ", "decimal128[18,2]", "key", "utf8,b:int64", "", "ttl[s]", "decimal128[39,0]", "timestamp[us,epoch=s", "\xff"} {
		f.Add("odd:name", text)
		f.Add("", text)
	}
	f.Fuzz(func(t *testing.T, name, typeText string) {
		column, err := ParseField(name, typeText)
		h, hashErr := ParseHash(formatName(name) + ":" + typeText)
		switch {
		case hashErr == nil && len(h.Columns()) == 1 && h.Columns()[0].Kind() == KindField && h.Columns()[0].Name() == name:
			require.NoError(t, err)
			require.Equal(t, h.Columns()[0].String(), column.String())
		case err == nil:
			require.NoError(t, hashErr, "%q", column)
		}
	})
}
