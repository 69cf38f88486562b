package schema_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/schema"
)

func TestProject(t *testing.T) {
	for _, test := range []struct {
		row   string
		text  string
		names []string
		want  string
	}{
		{"L1 two of three", "name:utf8,age:int64,active:boolean", []string{"name", "age"}, "name:utf8,age:int64"},
		{"L1 order", "name:utf8,age:int64,active:boolean", []string{"age", "name"}, "age:int64,name:utf8"},
		{"L2 leading", "_key:key,_ttl:ttl[s],name:utf8,age:int64", []string{"age"}, "_key:key,_ttl:ttl[s],age:int64"},
		{"L2 trailing", "name:utf8,age:int64,_ttl:ttl[ms],_key:key", []string{"age"}, "age:int64,_ttl:ttl[ms],_key:key"},
		{
			"L2 around", "_index:index,a:utf8,b:utf8,c:utf8,_at:expires_at",
			[]string{"c", "a"},
			"_index:index,c:utf8,a:utf8,_at:expires_at",
		},
		{"L2 between", "a:utf8,_key:key,b:utf8,c:utf8", []string{"c", "b", "a"}, "c:utf8,_key:key,b:utf8,a:utf8"},
		{"L2 between, fewer", "a:utf8,b:utf8,_key:key,c:utf8", []string{"c"}, "c:utf8,_key:key"},
		// acceptance L, row 3: whether any hash has the field is not the schema's matter.
		{"L3 options stay", "_key:key,at:timestamp[ms,UTC,epoch=s],b:utf8", []string{"at"}, "_key:key,at:timestamp[ms,UTC,epoch=s]"},
		{"keys only", "_key:key,a:utf8,_ttl:ttl[s]", nil, "_key:key,_ttl:ttl[s]"},
		{"empty name", `"":utf8,a:utf8`, []string{""}, `"":utf8`},
		{"all", "a:utf8,_key:key,b:utf8,_ttl:ttl[s],c:utf8", []string{"a", "b", "c"}, "a:utf8,_key:key,b:utf8,_ttl:ttl[s],c:utf8"},
	} {
		t.Run(test.row, func(t *testing.T) {
			h, err := schema.ParseHash(test.text)
			require.NoError(t, err)
			p, err := h.Project(test.names...)
			require.NoError(t, err)
			assert.Equal(t, test.want, p.String())

			made, err := schema.ParseHash(test.want)
			require.NoError(t, err)
			assert.True(t, p.Equal(made))
			assert.True(t, p.Arrow().Equal(made.Arrow()))
			assert.Equal(t, test.text, h.String(), "the schema projected from has changed")
		})
	}
}

// acceptance L, row 4
func TestProjectMistakes(t *testing.T) {
	for _, test := range []struct {
		row    string
		text   string
		names  []string
		column string
		reason string
	}{
		{"L4 unknown", "_key:key,a:utf8", []string{"a", "b"}, "b", "no such field"},
		{"L4 unknown empty name", "_key:key,a:utf8", []string{""}, "", "no such field"},
		{"L4 repeated", "_key:key,a:utf8,b:utf8", []string{"a", "b", "a"}, "a", "twice"},
		{"L4 metadata", "_key:key,a:utf8", []string{"_key", "a"}, "_key", "metadata column (key)"},
		{"nothing left", "a:utf8", nil, "", "no column at all"},
	} {
		t.Run(test.row, func(t *testing.T) {
			h, err := schema.ParseHash(test.text)
			require.NoError(t, err)
			p, err := h.Project(test.names...)
			assert.Nil(t, p)
			var mistake *schema.Error
			require.ErrorAs(t, err, &mistake)
			assert.Equal(t, test.column, mistake.Column)
			assert.Contains(t, mistake.Reason, test.reason)
		})
	}
}
