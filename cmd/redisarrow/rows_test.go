package main

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func parseRows(t *testing.T, args ...string) (rows, error) {
	t.Helper()
	var f rowFlags
	fs := pflag.NewFlagSet("export", pflag.ContinueOnError)
	f.register(fs)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	require.Empty(t, fs.Args())
	return f.rows()
}

func TestRows(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"key by default (G1)", []string{"--type=hash", "--schema=name:utf8,age:int64"}, "_key:key,name:utf8,age:int64"},
		{"key off (G2)", []string{"--type=hash", "--key=", "--schema=name:utf8"}, "name:utf8"},
		{"key renamed (G3)", []string{"--type=hash", "--key=redis_key", "--schema=name:utf8"}, "redis_key:key,name:utf8"},
		{"key alone is the default", []string{"--type=hash", "--key", "--schema=name:utf8"}, "_key:key,name:utf8"},
		{
			"index, key, ttl, fields, however the flags stand (G4)",
			[]string{"--type=hash", "--schema=name:utf8", "--ttl", "--key", "--index"},
			"_index:index,_key:key,_ttl:ttl[s],name:utf8",
		},
		{
			"named",
			[]string{"--type=hash", "--schema=name:utf8", "--ttl=left", "--index=row"},
			"row:index,_key:key,left:ttl[s],name:utf8",
		},
		{"ttl off again", []string{"--type=hash", "--schema=name:utf8", "--ttl="}, "_key:key,name:utf8"},
		{"keys alone (G5)", []string{"--type=hash", "--schema=_key:key"}, "_key:key"},
		{"the schema's own key wins over the default", []string{"--type=hash", "--schema=name:utf8,id:binary_key"}, "name:utf8,id:binary_key"},
		{
			"flags go among the schema's own, in order",
			[]string{"--type=hash", "--schema=_key:key,name:utf8", "--ttl", "--index"},
			"_index:index,_key:key,_ttl:ttl[s],name:utf8",
		},
		{"the key before the schema's own ttl", []string{"--type=hash", "--schema=left:ttl[ms],name:utf8"}, "_key:key,left:ttl[ms],name:utf8"},

		{"string", []string{"--type=string"}, "_key:key,value:utf8"},
		{"string of a type (H2)", []string{"--type=string", "--value-type=int64"}, "_key:key,value:int64"},
		{"string of a type with parameters", []string{"--type=string", "--value-type=timestamp[ms,Europe/Berlin]"}, "_key:key,value:timestamp[ms,Europe/Berlin]"},
		{"value renamed (H5)", []string{"--type=string", "--schema=count:int64"}, "_key:key,count:int64"},
		{"string with ttl (H6)", []string{"--type=string", "--ttl"}, "_key:key,_ttl:ttl[s],value:utf8"},
		{"string with index (H9)", []string{"--type=string", "--index"}, "_index:index,_key:key,value:utf8"},
		{"keys of strings alone", []string{"--type=string", "--schema=_key:key"}, "_key:key"},
		{
			"schema of metadata and a type",
			[]string{"--type=string", "--schema=k:binary_key,left:ttl[ms]", "--value-type=binary"},
			"k:binary_key,left:ttl[ms],value:binary",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseRows(t, c.args...)
			require.NoError(t, err)
			assert.Equal(t, c.want, got.String())
		})
	}
}

func TestRowsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no type", nil, "--type is missing"},
		{"unknown type", []string{"--type=list"}, "give hash or string"},
		{"hash without a schema", []string{"--type=hash"}, "--schema is missing"},
		{"hash with an empty schema", []string{"--type=hash", "--schema="}, "--schema is missing"},
		{"value-type with hash", []string{"--type=hash", "--schema=a:utf8", "--value-type=utf8"}, "--value-type is for strings"},
		{"unknown column type (G11)", []string{"--type=hash", "--schema=a:strnig"}, "strnig"},
		{"duplicate names (G11)", []string{"--type=hash", "--schema=a:utf8,a:int64"}, `"a"`},
		{"a field named as the default key (G11)", []string{"--type=hash", "--schema=_key:utf8"}, "--key=NAME"},
		{"a field named as --ttl", []string{"--type=hash", "--schema=t:utf8", "--ttl=t"}, "--ttl=NAME"},
		{"no column (G6)", []string{"--type=string", "--schema=", "--key="}, "no column"},
		{"--key and the schema's key", []string{"--type=hash", "--schema=k:key,a:utf8", "--key=id"}, `("k"), and --key is given too`},
		{"--key= and the schema's key", []string{"--type=hash", "--schema=k:key,a:utf8", "--key="}, `("k"), and --key is given too`},
		{"--ttl and the schema's", []string{"--type=hash", "--schema=t:ttl[ms],a:utf8", "--ttl"}, `("t"), and --ttl is given too`},
		{"--index and the schema's", []string{"--type=hash", "--schema=i:index,a:utf8", "--index"}, `("i"), and --index is given too`},
		{"two values", []string{"--type=string", "--schema=a:utf8,b:utf8"}, `"b"`},
		{"value-type and a value in the schema", []string{"--type=string", "--schema=a:utf8", "--value-type=int64"}, `("a")`},
		{"unknown value type", []string{"--type=string", "--value-type=decimal"}, "--value-type"},
		{"a value type that isn't one", []string{"--type=string", "--value-type=key"}, "isn't the type of a value"},
		{"a value type with a column in tow", []string{"--type=string", "--value-type=int64,x:key"}, "isn't the type of a value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseRows(t, c.args...)
			require.ErrorContains(t, err, c.want)
		})
	}
}
