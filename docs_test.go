package redisarrow_test

import (
	"encoding/json"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

func markdown(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

// documents are all Markdown files that are for users.
func documents(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	require.Greater(t, len(files), 5)
	return append(files, "README.md", "CONTRIBUTING.md")
}

var heading = regexp.MustCompile(`(?m)^#+ (.*)$`)

// anchors are what can be linked to in a file.
func anchors(t *testing.T, file string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(markdown(t, file), -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} -]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all[strings.ReplaceAll(name, " ", "-")] = true
	}
	return all
}

func TestDocsLinks(t *testing.T) {
	for _, file := range documents(t) {
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(markdown(t, file), -1) {
			if strings.HasPrefix(m[1], "https://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
				assert.True(t, exists(target), "%s: %s", file, m[1])
			}
			if anchor != "" {
				assert.True(t, anchors(t, target)[anchor], "%s: %s", file, m[1])
			}
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Each file is run as README is.
func TestDocsBlocks(t *testing.T) {
	t.Parallel()
	type claims = []struct{ section, language, text, why string }
	claimed := map[string]claims{
		"docs/types.md":    {{"The text form of a schema", "", `^_key:key,`, "TestDocsSchema"}},
		"docs/inside.md":   {{"", "", `survey .*enumerate`, "a picture"}, {"The ledger", "", `pending`, "a picture"}},
		"docs/new-type.md": {{"", "", `^package iterator`, "TestDocsNewType"}},
		"docs/production.md": {
			{"Least rights", "", `^ACL SETUSER `, "TestDocsRights"},
			{"A job that can be killed", "yaml", `kind: Job`, "TestDocsJob"},
			{"A cluster to try it on", "", `^docker compose`, "TestDocsCompose; there is no image to be pulled in the tests"},
		},
	}
	for _, file := range documents(t) {
		if file == "README.md" {
			continue // TestREADMEBlocks
		}
		t.Run(file, func(t *testing.T) { runBlocks(t, file, claimed[file]) })
	}
}

func docBlock(t *testing.T, file, containing string) string {
	t.Helper()
	for _, b := range fencedBlocks(t, file) {
		if strings.Contains(b.text, containing) {
			return b.text
		}
	}
	t.Fatalf("%s has no block with %q", file, containing)
	return ""
}

func TestDocsSchema(t *testing.T) {
	text := strings.TrimSpace(docBlock(t, "docs/types.md", "_key:key,"))
	parsed, err := schema.ParseHash(text)
	require.NoError(t, err)
	assert.Equal(t, text, parsed.String())
}

// Every type in the table is one, and every type is in the table.
func TestDocsTypes(t *testing.T) {
	_, err := schema.ParseHash("x:nothing")
	require.Error(t, err)
	_, known, found := strings.Cut(err.Error(), "known are ")
	require.True(t, found)
	text := markdown(t, "docs/types.md")
	for _, name := range regexp.MustCompile(`[a-z_0-9]+(\[[^]]*\])?`).FindAllString(strings.SplitN(known, " (at", 2)[0], -1) {
		name, _, _ = strings.Cut(name, "[")
		if name != "and" && name != "for" && name != "metadata" {
			assert.Contains(t, text, "\n| `"+name, name)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_0-9]+(?:\\[[^]]*\\])?)`").FindAllStringSubmatch(text, -1) {
		_, err := schema.ParseHash("x:" + m[1])
		assert.NoError(t, err, m[1])
	}
}

// Every setting that the table names is one.
func TestDocsTuning(t *testing.T) {
	_, table, found := strings.Cut(markdown(t, "docs/tuning.md"), "\n## What to set\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n## ")
	names := 0
	for _, m := range regexp.MustCompile("(?m)^\\| (`\\w+`(?:, `\\w+`)*) \\|").FindAllStringSubmatch(table, -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			if name = strings.Trim(name, "`"); name != "Config" {
				_, ok := reflect.TypeFor[iterator.Config]().FieldByName(name)
				assert.True(t, ok, name)
				names++
			}
		}
	}
	assert.Greater(t, names, 8)
}

// The rule is README's, which is the one that is tried.
func TestDocsRights(t *testing.T) {
	assert.Equal(t, docBlock(t, "README.md", "ACL SETUSER reader"), docBlock(t, "docs/production.md", "ACL SETUSER"))
}

// The job's command has flags that there are.
func TestDocsJob(t *testing.T) {
	var job struct {
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Command, Args []string
						Env           []struct{ Name string }
					}
				}
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(docBlock(t, "docs/production.md", "kind: Job")), &job))
	require.Len(t, job.Spec.Template.Spec.Containers, 1)
	container := job.Spec.Template.Spec.Containers[0]
	require.Len(t, container.Args, 1)
	help, err := exec.CommandContext(t.Context(), "go", "run", "./cmd/redisarrow", "export", "--help").Output()
	require.NoError(t, err)
	for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(container.Args[0], -1) {
		assert.Regexp(t, `(?m)^ +`+flag+`[ \[]`, string(help))
	}
	// What the shell makes of it.
	shell := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(container.Args[0], "exec redisarrow", "exec printf '%s\n'", 1))
	shell.Env = []string{"JOB_COMPLETION_INDEX=2", "PATH=" + os.Getenv("PATH")}
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "\n3/3\n")
	assert.Contains(t, string(out), "\n/data/users-2/\n")
}

// What the page shows is built in its place.
func TestDocsNewType(t *testing.T) {
	_, body, found := strings.Cut(docBlock(t, "docs/new-type.md", "package iterator"), "\n")
	require.True(t, found)
	source := filepath.Join(t.TempDir(), "set.go")
	require.NoError(t, os.WriteFile(source, []byte(`package iterator

import (
	"context"
	"encoding/json"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/internal/scan"
	"github.com/redisarrow/redisarrow/schema"
)
`+body), 0o600))
	place, err := filepath.Abs("iterator/set.go")
	require.NoError(t, err)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{place: source}})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(file, overlay, 0o600))
	out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", file, "./iterator").CombinedOutput()
	assert.NoError(t, err, "%s", out)
}

// The nodes of the compose file start with the command lines that are in it, and
// the service that joins them names them all.
func TestDocsCompose(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Image       string
			Environment map[string]string
			Entrypoint  []string
			Command     []string
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(markdown(t, "docs/compose.yaml")), &file))
	require.Len(t, file.Services, 7)
	joins := file.Services["cluster"].Command[0]
	for name, s := range file.Services {
		assert.Contains(t, s.Image, "redis:8")
		if name != "cluster" {
			assert.Contains(t, joins, "127.0.0.1:"+s.Environment["PORT"])
		}
	}
	node := file.Services["node1"]
	require.Equal(t, []string{"sh", "-c"}, node.Entrypoint)

	testcluster.Each(t, func(t *testing.T, server testcluster.Server) {
		bin := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(bin, "redis-server"), []byte("#!/bin/sh\nexec '"+server.Path+"' \"$@\"\n"), 0o700))
		port := "65535"
		for port > "55000" { // the bus has one 10,000 above
			var err error
			port, err = freePort()
			require.NoError(t, err)
		}
		// Compose writes $$ for a $.
		command := strings.ReplaceAll(node.Command[0], "$$", "$")
		cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command, "--dir /tmp", "--dir "+t.TempDir(), 1))
		cmd.Env = []string{"PORT=" + port, "PATH=" + bin + ":" + os.Getenv("PATH")}
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + port})
		t.Cleanup(func() { _ = rdb.Close() })
		require.Eventually(t, func() bool { return rdb.Ping(t.Context()).Err() == nil }, 10*time.Second, 50*time.Millisecond)
		info, err := rdb.ClusterInfo(t.Context()).Result()
		require.NoError(t, err)
		assert.Contains(t, info, "cluster_known_nodes:1")
		announced, err := rdb.ConfigGet(t.Context(), "cluster-announce-ip").Result()
		require.NoError(t, err)
		assert.Equal(t, "127.0.0.1", announced["cluster-announce-ip"])
	}, "redis-8.0", "valkey-8.1")
}

// public are the packages that others import.
var public = []string{".", "schema", "convert", "cluster", "iterator", "arrowutil", "arrowutil/parquet", "iterator/oteliterator"}

// plain are constants whose names say it all.
var plain = map[string]bool{"StateOK": true}

// Every exported name says what it is, and every package what it is for.
func TestDocsOfNames(t *testing.T) {
	for _, folder := range public {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		set := token.NewFileSet()
		var parsed []*ast.File
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(set, file, nil, parser.ParseComments)
			require.NoError(t, err)
			parsed = append(parsed, f)
		}
		p, err := doc.NewFromFiles(set, parsed, folder)
		require.NoError(t, err)
		assert.NotEmpty(t, p.Doc, folder)
		assert.FileExists(t, filepath.Join(folder, "doc.go"))
		values := func(list []*doc.Value) {
			for _, v := range list {
				for _, spec := range v.Decl.Specs {
					s, ok := spec.(*ast.ValueSpec)
					if ok && s.Names[0].IsExported() {
						assert.True(t, v.Doc != "" || s.Doc.Text() != "" || s.Comment.Text() != "" || plain[s.Names[0].Name], "%s: %s", folder, s.Names[0])
					}
				}
			}
		}
		// What a method is for that an interface asks for is said there.
		asked := map[string]bool{"String": true, "Error": true, "Unwrap": true, "Set": true, "Validate": true}
		for _, f := range parsed {
			ast.Inspect(f, func(n ast.Node) bool {
				if i, ok := n.(*ast.InterfaceType); ok {
					for _, method := range i.Methods.List {
						for _, name := range method.Names {
							asked[name.Name] = true
						}
					}
				}
				return true
			})
		}
		functions := func(list []*doc.Func) {
			for _, f := range list {
				if !asked[f.Name] {
					assert.NotEmpty(t, f.Doc, "%s: %s %s", folder, f.Recv, f.Name)
				}
			}
		}
		values(p.Consts)
		values(p.Vars)
		functions(p.Funcs)
		for _, typ := range p.Types {
			assert.NotEmpty(t, typ.Doc, "%s: %s", folder, typ.Name)
			values(typ.Consts)
			values(typ.Vars)
			functions(typ.Funcs)
			functions(typ.Methods)
		}
	}
}

// entries are the functions that a user begins with.
var entries = map[string][]string{
	"schema":                {"NewHash", "NewString", "ParseHash", "ParseString", "HashFromArrow", "HashOf", "Infer"},
	"cluster":               {"Connect", "Check", "Partition", "EvenPartition"},
	"iterator":              {"NewClusterHashBatchIterator", "NewClusterStringBatchIterator", "InferHash", "InferString"},
	"arrowutil":             {"WriteIPCFile", "WriteIPCStream", "WriteFile", "WriteStream", "Collect"},
	"iterator/oteliterator": {"Observer"},
}

// Each has an example that is run: one with its name, or one in which it is called.
func TestDocsExamples(t *testing.T) {
	for folder, names := range entries {
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		require.NoError(t, err)
		called := map[string]bool{}
		set := token.NewFileSet()
		for _, file := range files {
			f, err := parser.ParseFile(set, file, nil, parser.ParseComments)
			require.NoError(t, err)
			for _, e := range doc.Examples(f) {
				if e.Output == "" && !e.EmptyOutput {
					continue // it is only compiled
				}
				ast.Inspect(e.Code, func(n ast.Node) bool {
					if s, ok := n.(*ast.SelectorExpr); ok {
						called[s.Sel.Name] = true
					}
					return true
				})
			}
		}
		for _, name := range names {
			assert.True(t, called[name], "%s.%s has no example that is run", folder, name)
		}
	}
}
