package main

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/schema"
)

// Whatever the flags for rows and the numbers are given, it is a schema that
// prints back, or a usage error.
func FuzzFlags(f *testing.F) {
	for _, args := range []string{
		"--type=hash\n--schema=name:utf8,age:int64", "--type=string\n--value-type=int64\n--ttl", "--type=string\n--schema=v:utf8,_index:index\n--index=n",
		"--type=hash\n--schema=_key:key\n--key=", "--type=string\n--schema=\n--value-type=timestamp[ms,UTC]", "--type=hash\n--schema=a:utf8\n--key=a", "--type=list",
		"--type=string\n--value-type=utf8,b:int64", "--max-rows=-1", "--batch-size=2147483648", "--concurrency=all", "--concurrency=0", "--index=\xff\n--type=string", "--ttl=_key\n--type=string",
	} {
		f.Add(args)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var flags rowFlags
		var size, concurrency int
		var count int64
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		fs.SortFlags = false
		fs.Usage = func() {}
		flags.register(fs)
		fs.Var(newValue(&size, "0", "N", parseSize), "batch-size", "")
		fs.Var(newValue(&count, "0", "N", parseCount), "max-rows", "")
		fs.Var(newValue(&concurrency, "1", "N|all", parseConcurrency), "concurrency", "")
		if err := fs.Parse(strings.Split(text, "\n")); err != nil {
			return
		}
		require.GreaterOrEqual(t, size, 0)
		require.GreaterOrEqual(t, count, int64(0))
		require.GreaterOrEqual(t, concurrency, -1)
		if given := fs.Lookup("max-rows"); given.Changed {
			want, err := strconv.ParseInt(given.Value.String(), 10, 64)
			require.NoError(t, err)
			require.Equal(t, want, count)
		}
		made, err := flags.rows()
		if err != nil {
			var usage *usageError
			require.True(t, errors.As(err, &usage), "%v", err)
			return
		}
		printed := made.String()
		if flags.redisType == "hash" {
			again, err := schema.ParseHash(printed)
			require.NoError(t, err, "%q", printed)
			require.Equal(t, printed, again.String())
			return
		}
		again, err := schema.ParseString(printed)
		require.NoError(t, err, "%q", printed)
		require.Equal(t, printed, again.String())
	})
}

// Whatever --partition is given, it is a part of the slots, or an error.
func FuzzPartition(f *testing.F) {
	for _, text := range []string{"1/1", "3/7", "16384/16384", "0/3", "4/3", "1/0", "1/16385", "/", "1/2/3", "+1/3", "-1/-3", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		part, err := parsePartition(text)
		require.Equal(t, err != nil, part.Empty())
		if part, err := parseSlots(text); err == nil {
			require.False(t, part.Empty())
		}
	})
}

// A password, written into a URL as it should be, is hidden wherever it may
// turn up, written in either way.
func FuzzSecrets(f *testing.F) {
	f.Add("user", "hunter22", "no: hunter22!")
	f.Add("", "p@ss/word:%", "x")
	f.Add("a:b", "####", "#")
	f.Fuzz(func(t *testing.T, user, password, text string) {
		if len(password) < minSecret || strings.Contains(password, "*") {
			return
		}
		raw := (&url.URL{Scheme: "redis", User: url.UserPassword(user, password), Host: "h:1"}).String()
		var s secrets
		s.addURL(raw)
		for _, written := range []string{password, url.QueryEscape(password), raw} {
			hidden := s.hide(text + "=" + written + "=")
			require.NotContains(t, hidden, password)
		}
	})
}
