package main

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Help goes to standard output with status 0, and knows every flag.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"help"}} {
		p := redisarrow(t, args...)
		require.Zero(t, p.status)
		assert.Empty(t, p.stderr)
		for _, command := range []string{"export", "health", "demo", "version"} {
			assert.Regexp(t, regexp.MustCompile(`(?m)^  `+command+` `), p.stdout)
		}
	}

	p := redisarrow(t, "export", "--help")
	require.Zero(t, p.status)
	assert.Empty(t, p.stderr)
	for _, flag := range []string{
		"url", "type", "pattern", "schema", "value-type", "key", "ttl", "index", "batch-size", "max-rows",
		"concurrency", "on-parse-error", "redact-values", "compression", "user", "password-file", "tls", "cacert", "cert",
		"key-file", "server-name", "sentinel-master", "sentinel-user", "sentinel-password-file", "slots", "partition", "max-keys-per-second", "duty", "stall-timeout", "enumerate", "max-ledger-bytes", "strict", "allow-incomplete", "output", "format", "row-group-rows", "part-rows", "part-bytes", "checkpoint", "dry-run", "no-statistics", "stats", "stats-json", "log-level", "log-format",
	} {
		assert.Regexp(t, regexp.MustCompile(`(?m)^ +--`+flag+`[ \[]`), p.stdout)
	}
	for _, text := range []string{"hash|string", "N|all", "fail|null|skip", "none|lz4|zstd|snappy|gzip", "arrow|arrows|parquet|csv|jsonl", `"_ttl"`, "REDISARROW_PASSWORD", "Example"} {
		assert.Contains(t, p.stdout, text)
	}

	p = redisarrow(t, "health", "--help")
	require.Zero(t, p.status)
	for _, text := range []string{"--json", "--url", "--password-file", "--cacert", "Exit status", "Example"} {
		assert.Contains(t, p.stdout, text)
	}

	p = redisarrow(t, "demo", "--help")
	require.Zero(t, p.status)
	assert.Contains(t, p.stdout, "REDIS_URL")
	assert.Contains(t, p.stdout, "--output")
}

func TestVersion(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"--version"}} {
		p := redisarrow(t, args...)
		require.Zero(t, p.status)
		assert.Empty(t, p.stderr)
		assert.Regexp(t, `^redisarrow \S+, go1\.\d+`, p.stdout)
	}
	p := redisarrow(t, "version")
	for _, line := range []string{`platform +\w+/\w+`, `github.com/apache/arrow-go/v18 +v18\.`, `github.com/redis/go-redis/v9 +v9\.`} {
		assert.Regexp(t, "(?m)^"+line, p.stdout)
	}
}
