package redisarrow_test

import (
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/redisarrow/redisarrow"

// heavy is what a program that imports the library must not be given along with it.
var heavy = regexp.MustCompile(`^(` + strings.Join([]string{
	`github\.com/spf13/`,
	`github\.com/apache/thrift`, `github\.com/apache/arrow-go/v\d+/(parquet|arrow/flight)`,
	`github\.com/(duckdb|marcboeker)/`,
	`go\.opentelemetry\.io/`,
	`google\.golang\.org/`,
	`github\.com/(stretchr|testcontainers|moby)/`,
	`testing$`,
}, "|") + `)`)

// apart are the packages that nobody gets who doesn't ask for them: what they are
// for is heavy.
var apart = regexp.MustCompile(`^` + module + `/(cmd|bench|examples|arrowutil/parquet|internal/(chaos|faultnet|pyenv|testcluster))(/|$)`)

// house says what packages may import, beside the standard library. In it "arrow"
// is what is below that folder of arrow-go, and a name without a dot is a package of
// this module.
var house = map[string][]string{
	"schema":        {"arrow", "convert"}, // what is inferred has to be what a scan parses
	"convert":       {"arrow"},
	"cluster":       {"github.com/redis/go-redis/v9", "golang.org/x/sync", "internal/resp", "internal/enumeration"},
	"internal/resp": {},
	"internal/scan": {"cluster", "internal/resp", "internal/enumeration", "internal/glob", "github.com/zeebo/xxh3", "golang.org/x"},
	"iterator": {
		"arrow", "github.com/redis/go-redis/v9", "schema", "convert", "cluster",
		"internal/resp", "internal/scan", "internal/enumeration", "internal/sealed", "internal/sample",
	},
	"arrowutil":         {"arrow", "internal/wholefile"},
	"arrowutil/parquet": {"arrow", "github.com/apache/arrow-go/v18/parquet", "arrowutil"},
}

func TestImports(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}}|{{join .Imports " "}}|{{join .Deps " "}}`, "./...").Output()
	require.NoError(t, err)
	rules, library := maps.Clone(house), 0
	for line := range strings.Lines(string(out)) {
		parts := strings.SplitN(strings.TrimSpace(line), "|", 3)
		require.Len(t, parts, 3, line)
		path, imports, deps := parts[0], strings.Fields(parts[1]), strings.Fields(parts[2])
		if !apart.MatchString(path) {
			library++
			for _, dep := range deps {
				assert.False(t, heavy.MatchString(dep), "%s needs %s", path, dep)
			}
		}
		name := strings.TrimPrefix(path, module+"/")
		allowed, ok := rules[name]
		if !ok {
			continue
		}
		delete(rules, name)
		for _, i := range imports {
			if first, _, _ := strings.Cut(i, "/"); !strings.Contains(first, ".") {
				continue // the standard library
			}
			assert.True(t, slices.ContainsFunc(allowed, func(may string) bool {
				switch {
				case may == "arrow":
					may = "github.com/apache/arrow-go/v18/arrow"
				case !strings.Contains(may, "."):
					return i == module+"/"+may
				}
				return i == may || strings.HasPrefix(i, may+"/")
			}), "%s imports %s", name, i)
		}
	}
	assert.Empty(t, rules, "packages that aren't there")
	assert.Greater(t, library, 8)
}

// What is looked for is found where it is.
func TestImportsOfTheHeavy(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/redisarrow", "./arrowutil/parquet").Output()
	require.NoError(t, err)
	found := map[string]bool{}
	for _, dep := range strings.Fields(string(out)) {
		if m := heavy.FindString(dep); m != "" {
			found[m] = true
		}
	}
	assert.Subset(t, found, map[string]bool{
		"github.com/spf13/": true, "github.com/apache/thrift": true, "github.com/apache/arrow-go/v18/parquet": true, "google.golang.org/": true,
	})
}
