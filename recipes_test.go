package redisarrow_test

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/internal/pyenv"
	"github.com/redisarrow/redisarrow/internal/testcluster"
)

// fenced is one block of code in a Markdown file.
type fenced struct {
	line     int    // of its opening fence, from 1
	section  string // heading of the second level above it
	language string
	text     string // with the newline at its end
}

// fencedBlocks are the blocks of a Markdown file, in order.
func fencedBlocks(t *testing.T, file string) (blocks []fenced) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	section, open, n := "", false, 0
	for line := range strings.Lines(string(text)) {
		n++
		language, fence := strings.CutPrefix(line, "```")
		require.False(t, !fence && strings.HasPrefix(strings.TrimSpace(line), "```"), "%s:%d: an indented block", file, n)
		switch {
		case fence && open:
			open = false
		case fence:
			open = true
			blocks = append(blocks, fenced{line: n, section: section, language: strings.TrimSpace(language)})
		case open:
			blocks[len(blocks)-1].text += line
		case strings.HasPrefix(line, "## "):
			section = strings.TrimSpace(line[3:])
		}
	}
	require.False(t, open, "%s: a block without an end", file)
	return blocks
}

// elsewhere are blocks that aren't run here, and why.
var elsewhere = []struct{ section, language, text, why string }{
	{"Formats", "bash", `aws s3 `, "TestObjectStoreREADME of cmd/redisarrow"},
	{"Rows", "", `^_key:key,`, "TestREADMESchema"},
	{"When it fails", "", `^redisarrow: `, "TestREADMEFailures"},
	{"Look first", "console", `^\$ redisarrow health `, "TestHealthREADME of cmd/redisarrow"},
	{"Permissions", "", `^ACL SETUSER `, "TestPermissionsSuffice"},
	{"How it works", "", `survey .*enumerate`, "a picture"},
}

// Every block of README is run as it stands there, or named above.
func TestREADMEBlocks(t *testing.T) {
	t.Parallel()
	runBlocks(t, "README.md", elsewhere)
}

// runBlocks runs the blocks of a Markdown file, in order, those of a section in
// a folder of their own, against one cluster whose first node is node1:7000:
//
//   - sh has to succeed.
//   - console: what follows the lines with a $ is what they print.
//   - python is run, and a block of text after it is what it prints. One that
//     begins with the comment "# name.py" is a file that a later block runs.
//   - go is run if it is a program, and type-checked if it is a part of one.
//
// In what is printed … stands for what differs from run to run: on a line of
// its own for any lines, else for a part of the line.
func runBlocks(t *testing.T, file string, elsewhere []struct{ section, language, text, why string }) {
	t.Helper()
	bench := newWorkbench(t)
	met := make([]bool, len(elsewhere))
	var last fenced
blocks:
	for _, b := range fencedBlocks(t, file) {
		for i, e := range elsewhere {
			if e.section == b.section && e.language == b.language && regexp.MustCompile(e.text).MatchString(b.text) {
				met[i] = true
				continue blocks
			}
		}
		before := last
		last = b
		t.Run(fmt.Sprintf("line %d, %s", b.line, b.language), func(t *testing.T) {
			bench.enter(t, b.section)
			switch b.language {
			case "sh":
				bench.shell(t, b.text)
			case "console":
				bench.console(t, b.text)
			case "python":
				bench.python(t, b.text)
			case "text":
				require.Equal(t, "python", before.language, "nothing printed this")
				if bench.printed == nil {
					t.Skip("the block before it was skipped")
				}
				assertPrinted(t, b.text, *bench.printed)
			case "go":
				bench.golang(t, b.text)
			default:
				t.Errorf("%s:%d: nothing tests this block", file, b.line)
			}
		})
	}
	for i, e := range elsewhere {
		assert.True(t, met[i], "no block %+v", e)
	}
}

// workbench is where the blocks of a file are run.
type workbench struct {
	root    string // this module
	bin     string // the command's folder
	cluster *minicluster.Cluster
	folders map[string]string // by section
	dir     string            // of the section at hand
	printed *string           // by the Python before
}

func newWorkbench(t *testing.T) *workbench {
	t.Helper()
	root, err := os.Getwd()
	require.NoError(t, err)
	c, err := minicluster.Start(minicluster.Config{})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	countries := []string{"DE", "FR", "JP"}
	for i := range 3000 {
		pairs := []string{
			"name", fmt.Sprint("User ", i), "age", fmt.Sprint(18 + i%60), "active", fmt.Sprint(i%2 == 0),
			"signup_date", "2024-01-15", "seen", "2024-01-15T10:30:00Z",
		}
		if i%10 > 0 {
			pairs = append(pairs, "country", countries[i%3])
		}
		key := fmt.Sprint("user:", i)
		c.SetHash(key, pairs...)
		if i%5 == 0 {
			c.Expire(key, time.Hour)
		}
		c.SetString(fmt.Sprint("counter:", i), fmt.Sprint(i))
	}
	return &workbench{root: root, bin: filepath.Dir(buildCommand(t)), cluster: c, folders: map[string]string{}}
}

// enter goes to the folder of a section.
func (w *workbench) enter(t *testing.T, section string) {
	t.Helper()
	if w.folders[section] == "" {
		dir, err := os.MkdirTemp(w.bin, "section-") // goes with the bench, not with the first block
		require.NoError(t, err)
		w.folders[section] = dir
	}
	w.dir = w.folders[section]
}

// command prepares a program that finds what the blocks need: Python only if
// it is called, so that the rest is run where there is none.
func (w *workbench) command(t *testing.T, text, program string, args ...string) *exec.Cmd {
	t.Helper()
	path := w.bin
	if strings.Contains(text, "python") {
		path += string(os.PathListSeparator) + filepath.Dir(pyenv.Python(t))
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "PATH="+path+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GOBIN="+w.bin, "PYTHONPATH=", "PYTHONNOUSERSITE=1", "PYTHONUTF8=1", "REDIS_URL=")
	return cmd
}

// shell runs commands and gives what they print: first on standard error, then
// on standard output, because of a pipe's ends either may be the quicker one.
func (w *workbench) shell(t *testing.T, commands string) string {
	t.Helper()
	commands = w.here(t, commands)
	cmd := w.command(t, commands, "sh", "-e", "-c", commands)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s\n%s", commands, &stderr)
	return downloading.ReplaceAllString(stderr.String(), "") + stdout.String()
}

// downloading is what Go says the first time alone.
var downloading = regexp.MustCompile(`(?m)^go: downloading .*\n`)

// here puts this cluster, and this checkout, in the place of those that a
// reader has.
func (w *workbench) here(t *testing.T, commands string) string {
	t.Helper()
	commands = strings.ReplaceAll(commands, "redis://node1:7000", w.cluster.URLs()[0])
	if strings.Contains(commands, "-tags duckdb_arrow") {
		needCgo(t)
	}
	if strings.Contains(commands, "sentinel1") {
		sentinels := startSentinels(t)
		commands = "export REDISARROW_PASSWORD=secret\n" + strings.NewReplacer("sentinel1:26379", sentinels[0].Addr, "sentinel2:26379", sentinels[1].Addr).Replace(commands)
	}
	if strings.HasPrefix(commands, "go get ") {
		// Into a program of one's own.
		sums, err := os.ReadFile("go.sum")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(w.dir, "go.sum"), sums, 0o600))
		commands = "go mod init example.com/own 2>&1\ngo mod edit -replace 'github.com/redisarrow/redisarrow=" + w.root + "'\n" +
			strings.TrimSpace(commands) + "@v0.0.0\n"
	}
	// The release of a version comes after its tests.
	commands = regexp.MustCompile(`go install (\S+)@latest`).ReplaceAllString(commands, "go -C '"+w.root+"' install $1")
	// This is a part of make test.
	commands = regexp.MustCompile(`(?m)^make test\b`).ReplaceAllString(commands, "make -n test")
	return strings.NewReplacer("make ", "make -C '"+w.root+"' ", "cd examples/", "cd '"+w.root+"'/examples/").Replace(commands)
}

// startSentinels starts two, who guard a real server with a user app.
func startSentinels(t *testing.T) []*testcluster.Sentinel {
	t.Helper()
	c := testcluster.Start(t, testcluster.Config{
		Server: testcluster.Require(t)[0], Standalone: true, Replicas: 1, Users: []string{"app on >secret ~* +@all"},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	sentinels, err := c.StartSentinels(ctx, 2, "mymaster", "")
	require.NoError(t, err)
	return sentinels
}

// needCgo skips a test that links C++, where no C compiler is; in CI one is.
func needCgo(t *testing.T) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "CGO_ENABLED").Output()
	require.NoError(t, err)
	if strings.TrimSpace(string(out)) != "1" {
		if os.Getenv("CI") != "" {
			t.Fatal("DuckDB in Go needs a C and a C++ compiler (Debian: g++)")
		}
		t.Skip("DuckDB in Go needs a C and a C++ compiler (Debian: g++)")
	}
}

// console runs each command and compares what it prints.
func (w *workbench) console(t *testing.T, text string) {
	t.Helper()
	for i, part := range strings.Split("\n"+text, "\n$ ") {
		if i == 0 {
			require.Empty(t, part, "a command's output without the command")
			continue
		}
		lines := strings.SplitAfter(strings.TrimSuffix(part, "\n")+"\n", "\n")
		n := 1
		for strings.HasSuffix(lines[n-1], "\\\n") {
			n++
		}
		assertPrinted(t, strings.Join(lines[n:], ""), w.shell(t, strings.Join(lines[:n], "")))
	}
}

var scriptName = regexp.MustCompile(`^# (\w+\.py)\n`)

// python runs a script, or keeps it.
func (w *workbench) python(t *testing.T, script string) {
	t.Helper()
	w.printed = nil
	name := "script.py"
	m := scriptName.FindStringSubmatch(script)
	if m != nil {
		name = m[1]
	}
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, name), []byte(script), 0o600))
	if m != nil {
		return
	}
	cmd := w.command(t, "python", filepath.Join(filepath.Dir(pyenv.Python(t)), "python3"), name)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	printed := string(out)
	w.printed = &printed
}

// golang runs a program, or checks a part of one.
func (w *workbench) golang(t *testing.T, code string) {
	t.Helper()
	if !strings.HasPrefix(code, "package main\n") {
		assert.NoError(t, checkPart(t, code))
		return
	}
	file := filepath.Join(w.dir, "main.go")
	require.NoError(t, os.WriteFile(file, []byte(code), 0o600))
	cmd := w.command(t, code, "go", "run", file)
	cmd.Dir = w.root
	cmd.Env = append(cmd.Env, "REDIS_URL="+w.cluster.URLs()[0])
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.NotEmpty(t, out)
}

// parts is what the parts of programs take for granted: the imports, and the
// variables of the whole program above them.
const parts = `package part

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/redis/go-redis/v9"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/arrowutil/parquet"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

func part(ctx context.Context, rdb *redis.ClusterClient, users *schema.Hash, it *iterator.ClusterHashBatchIterator) error {
	{
%s
	}
	return nil
}
`

// checkPart type-checks statements. That a part doesn't use what it declares,
// or what it could import, is no mistake.
func checkPart(t *testing.T, code string) error {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "part.go", fmt.Sprintf(parts, code), parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}"}
	for _, spec := range file.Imports {
		args = append(args, strings.Trim(spec.Path.Value, `"`))
	}
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	require.NoError(t, err)
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, export, _ := strings.Cut(strings.TrimSpace(line), "=")
		exports[path] = export
	}
	var mistake error
	config := types.Config{
		Importer: importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }),
		Error: func(err error) {
			if e, ok := err.(types.Error); mistake == nil && !(ok && e.Soft) { //nolint:errorlint // types gives it as it is
				mistake = err
			}
		},
	}
	_, _ = config.Check("part", files, []*ast.File{file}, nil) // its errors went to Error
	return mistake
}

// assertPrinted compares what was printed with what is shown of it.
func assertPrinted(t *testing.T, shown, printed string) {
	t.Helper()
	var pattern strings.Builder
	for line := range strings.Lines(shown) {
		if strings.TrimSpace(line) == "…" {
			pattern.WriteString(`(?:.*\n)*`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".+"))
	}
	// A blank line at the end, as DuckDB prints it, is not shown.
	if !regexp.MustCompile(`^` + pattern.String() + `\n?$`).MatchString(printed) {
		assert.Equal(t, shown, printed)
	}
}

// A scan that fails is an error in those who read its pipe, too.
func TestREADMEBrokenPipe(t *testing.T) {
	t.Parallel()
	w := newWorkbench(t)
	w.cluster.SetString("counter:2999", "many")
	scripts := 0
	for _, b := range fencedBlocks(t, "README.md") {
		m := scriptName.FindStringSubmatch(b.text)
		if m == nil {
			continue
		}
		scripts++
		t.Run(m[1], func(t *testing.T) {
			w.enter(t, b.section)
			w.python(t, b.text)
			cmd := w.command(t, "python", "sh", "-c", w.here(t, "redisarrow export --url redis://node1:7000 --type string "+
				"--pattern 'counter:*' --value-type int64 --batch-size 100 --output - | python3 "+m[1]))
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			require.Error(t, cmd.Run())
			assert.Empty(t, stdout.String())
			assert.Contains(t, stderr.String(), `key "counter:2999"`)
			assert.Contains(t, stderr.String(), "Traceback")
		})
	}
	assert.Equal(t, 2, scripts)
}

// What the runner takes for right, and what not.
func TestBlockRunner(t *testing.T) {
	for _, c := range []struct {
		name, shown, printed string
		same                 bool
	}{
		{"the same", "a\nb\n", "a\nb\n", true},
		{"a line that is missing", "a\n", "a\nb\n", false},
		{"a line too many", "a\nb\nc\n", "a\nb\n", false},
		{"a part that differs", "took … s\n", "took 1.5 s\n", true},
		{"a part that isn't there", "took … s\n", "took  s\n", false},
		{"lines that differ", "a\n…\nd\n", "a\nb\nc\nd\n", true},
		{"no line", "a\n…\n", "a\n", true},
		{"no pattern", "a.c\n", "abc\n", false},
		{"a part is not a line", "a … c\n", "a b\nb c\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			probe := &testing.T{}
			assertPrinted(probe, c.shown, c.printed)
			assert.Equal(t, c.same, !probe.Failed())
		})
	}
	assert.NoError(t, checkPart(t, "state, err := it.Checkpoint()"))
	assert.ErrorContains(t, checkPart(t, "state, err := it.Checkpoints()"), "Checkpoints")
	assert.Error(t, checkPart(t, "state :="))
}
