package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// Every mistake on the command line: status 2, one line that says what to do,
// and not a byte sent to the cluster.
func TestExportRefuses(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	dir := t.TempDir()
	out := filepath.Join(dir, "out.arrow")
	password := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(password, []byte("\n"), 0o600))

	whole := map[string][]string{
		"url":     {"--url", c.URLs()[0]},
		"type":    {"--type", "hash"},
		"pattern": {"--pattern", "user:*"},
		"schema":  {"--schema", "name:utf8"},
		"output":  {"--output", out},
	}
	order := []string{"url", "type", "pattern", "schema", "output"}
	// with gives a good command line without some of its flags, and more.
	with := func(without []string, more ...string) []string {
		args := []string{"export"}
		for _, name := range order {
			if !slices.Contains(without, name) {
				args = append(args, whole[name]...)
			}
		}
		return append(args, more...)
	}
	none := []string(nil)
	for _, r := range []struct {
		name string
		args []string
		want []string
	}{
		{"no url", with([]string{"url"}), []string{"--url"}},
		{"no pattern", with([]string{"pattern"}), []string{"--pattern is missing", "'*'"}},
		{"an empty schema", with([]string{"schema"}, "--schema", ""), []string{"--schema is missing"}},
		{"types beside a schema", with(none, "--types", "age:utf8"), []string{"--types", "leave one of them out"}},
		{"types that aren't fields", with([]string{"schema"}, "--types", "k:key"), []string{"--types", "for fields"}},
		{"types that aren't", with([]string{"schema"}, "--types", "age:number"), []string{"--types", `"age"`}},
		{"no sample", with([]string{"schema"}, "--sample", "0"), []string{"--sample", "from 1"}},
		{"no time", with([]string{"schema"}, "--within", "0s"), []string{"--within", "positive"}},
		{"no output", with([]string{"output"}), []string{"--output is missing"}},
		{"unknown type", with([]string{"type"}, "--type", "list"), []string{`"list"`, "hash or string"}},
		{"unknown flag", with(none, "--patern", "x"), []string{"unknown flag: --patern"}},
		{"unknown short flag", with(none, "-x"), []string{"-x"}},
		{"flag without its value", with(none, "--batch-size"), []string{"--batch-size"}},
		{"unknown column type", with([]string{"schema"}, "--schema", "age:number"), []string{"--schema", `"age"`, "number"}},
		{"value-type with hash", with(none, "--value-type", "int64"), []string{"--value-type is for strings"}},
		{"a name without equals sign", with(none, "--ttl", "left"), []string{`"left"`, "--ttl=left"}},
		{"negative batch size", with(none, "--batch-size", "-1"), []string{"--batch-size", "whole number from 0"}},
		{"negative max rows", with(none, "--max-rows=-5"), []string{"--max-rows", "whole number from 0"}},
		{"concurrency 0", with(none, "--concurrency", "0"), []string{"--concurrency", "from 1"}},
		{"negative concurrency", with(none, "--concurrency", "-1"), []string{"--concurrency", "from 1"}},
		{"negative stall timeout", with(none, "--stall-timeout=-1s"), []string{"StallTimeout", "positive"}},
		{"stall timeout without a unit", with(none, "--stall-timeout", "30"), []string{"--stall-timeout", "unit"}},
		{"partition 0", with(none, "--partition", "0/3"), []string{"--partition", `"0/3"`, "i is from 1 to n"}},
		{"partition beyond the last", with(none, "--partition", "4/3"), []string{"--partition", "i is from 1 to n"}},
		{"partition of none", with(none, "--partition", "1/0"), []string{"--partition", "n is from 1 to 16384"}},
		{"partition of too many", with(none, "--partition", "1/16385"), []string{"--partition", "n is from 1 to 16384"}},
		{"half a partition", with(none, "--partition", "3"), []string{"--partition", "give i/n, such as 1/3"}},
		{"partition in words", with(none, "--partition", "one/3"), []string{"--partition", "give i/n, such as 1/3"}},
		{"slots that aren't", with(none, "--slots", "0-16384"), []string{"--slots", "at most 16383"}},
		{"no slots", with(none, "--slots", ""), []string{"--slots", "give slots, such as 0-5460,7000"}},
		{"slots and partition", with(none, "--slots", "0", "--partition", "1/3"), []string{"--slots", "--partition", "leave one of them out"}},
		{"duty 0", with(none, "--duty", "0"), []string{"--duty", "above 0, up to 1"}},
		{"duty in percent", with(none, "--duty", "20"), []string{"--duty", "above 0, up to 1"}},
		{"duty that isn't a number", with(none, "--duty", "nan"), []string{"--duty", "above 0, up to 1"}},
		{"negative keys per second", with(none, "--max-keys-per-second=-1"), []string{"--max-keys-per-second", "whole number from 0"}},
		{"not a number", with(none, "--batch-size", "many"), []string{"--batch-size", "many"}},
		{"unknown policy", with(none, "--on-parse-error", "ignore"), []string{"--on-parse-error", "fail, null or skip"}},
		{"unknown compression", with(none, "--compression", "gzip"), []string{"--compression", "none, lz4 or zstd"}},
		{"a compression of Parquet alone", with(none, "--compression", "snappy"), []string{"--compression", "none, lz4 or zstd"}},
		{"an unknown compression of Parquet", with(none, "--format", "parquet", "--output", "-", "--compression", "brotli"), []string{"--compression", "snappy, none, lz4, zstd or gzip"}},
		{"text that is compressed", with(none, "--output", "-", "--format", "csv", "--compression", "gzip"), []string{"--compression", "pipe"}},
		{"unknown format", with(none, "--format", "xlsx"), []string{"--format", "arrow, arrows, parquet, csv, jsonl"}},
		{"unknown extension", with([]string{"output"}, "--output", filepath.Join(dir, "users.json")), []string{"--output", `".json"`, "--format", "jsonl"}},
		{"another format than the extension", with(none, "--format", "parquet"), []string{"--format is parquet", "says arrow"}},
		{"row groups of another format", with(none, "--row-group-rows", "1000"), []string{"--row-group-rows", "--format parquet"}},
		{"row groups in parts of another format", with(none, "--output", dir+"/", "--row-group-rows", "1000"), []string{"--row-group-rows"}},
		{"statistics of another format", with(none, "--no-statistics"), []string{"--no-statistics", "--format parquet"}},
		{"negative row groups", with(none, "--format", "parquet", "--row-group-rows=-1"), []string{"--row-group-rows", "whole number from 0"}},
		{"parts of no bytes", with(none, "--part-bytes", "0"), []string{"--part-bytes", "256MiB"}},
		{"parts of a file", with(none, "--part-rows", "1000"), []string{"--part-rows", "give --output a folder"}},
		{"parts by bytes of a file", with(none, "--part-bytes", "1MiB"), []string{"--part-bytes", "give --output a folder"}},
		{"missing output folder", with([]string{"output"}, "--output", filepath.Join(dir, "no", "x.arrow")), []string{"--output", "folder doesn't exist", "create it"}},
		{"a folder as output", with([]string{"output"}, "--output", dir), []string{"--output", "not a regular file"}},
		{"missing password file", with(none, "--password-file", filepath.Join(dir, "none")), []string{"--password-file", "no such file"}},
		{"empty password file", with(none, "--password-file", password), []string{"--password-file", "empty"}},
		{"certificate without a key", with(none, "--tls", "--cert", out), []string{"--cert", "--key-file"}},
		{"key without a certificate", with(none, "--tls", "--key-file", out), []string{"--cert", "--key-file"}},
		{"CA without TLS", with(none, "--cacert", out), []string{"--cacert", "--tls"}},
		{"server name without TLS", with(none, "--server-name", "x"), []string{"--server-name", "--tls"}},
	} {
		t.Run(r.name, func(t *testing.T) {
			c.ResetLog()
			p := redisarrow(t, r.args...)
			requireLine(t, p, exitUsage, r.want...)
			assert.Contains(t, p.stderr, "(see redisarrow export --help)")
			assert.Empty(t, names(t, dir), "nothing was written")
			assert.Zero(t, c.Count(-1, "SCAN"))
			assert.Zero(t, c.Count(-1, "HELLO"), "the cluster was not asked")
		})
	}
}

// acceptance N: what goes wrong with the cluster.
func TestExportCannotConnect(t *testing.T) {
	c := fixture(t, minicluster.Config{})
	dir := t.TempDir()
	out := filepath.Join(dir, "out.arrow")
	for _, r := range []struct {
		name   string
		url    string
		status int
		want   []string
	}{
		{"malformed URL", "redis://h:port", exitUsage, nil},
		{"closed port without a scheme", "127.0.0.1:1", exitNoConnection, []string{"127.0.0.1:1"}},
		{"another scheme", "http://127.0.0.1:7000", exitUsage, nil},
		{"closed port", "redis://127.0.0.1:1", exitNoConnection, []string{"127.0.0.1:1"}},
		{"unknown host", "redis://no-such-host.invalid:7000", exitNoConnection, []string{"no-such-host.invalid"}},
		{"a database number on a cluster", c.URLs()[0] + "/3", exitUsage, []string{"database"}},
	} {
		t.Run(r.name, func(t *testing.T) {
			p := redisarrow(t, append([]string{"export", "--url", r.url, "--output", out}, hashArgs...)...)
			requireLine(t, p, r.status, r.want...)
			assert.Empty(t, names(t, dir))
		})
	}
}

func TestUnknownCommand(t *testing.T) {
	requireLine(t, redisarrow(t, "exprot"), exitUsage, `unknown command "exprot"`, `did you mean "export"?`, "(see redisarrow --help)")
	requireLine(t, redisarrow(t, "frobnicate"), exitUsage, `unknown command "frobnicate"`)
	requireLine(t, redisarrow(t, "--frobnicate"), exitUsage, "unknown flag: --frobnicate")
	requireLine(t, redisarrow(t, "version", "x"), exitUsage, `unexpected argument "x"`)
	requireLine(t, redisarrow(t, "demo", "x"), exitUsage, `unexpected argument "x"`)
	requireLine(t, redisarrow(t, "demo", "--output", "/no/such/folder"), exitUsage, "/no/such/folder", "create it")
}
