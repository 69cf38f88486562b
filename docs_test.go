package redisarrow_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/assert/yaml"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/testcluster"
	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

// What docs/ says is held against what there is, as README is in readme_test.go.

// markdown are all Markdown files that are read by people: not test data.
func markdown(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return append(files, "README.md", "CONTRIBUTING.md", "CHANGELOG.md")
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

// part is what stands under a heading of the second or a lower level, up to the
// next one that isn't below it.
func part(t *testing.T, file, heading string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^(##+) ` + regexp.QuoteMeta(heading) + `\n`).FindStringSubmatchIndex("\n" + read(t, file))
	require.NotNil(t, m, "%s has no heading %q", file, heading)
	text := ("\n" + read(t, file))
	level, after := text[m[2]:m[3]], text[m[1]:]
	if end := regexp.MustCompile(`(?m)^#{1,` + string(rune('0'+len(level))) + `} `).FindStringIndex(after); end != nil {
		after = after[:end[0]]
	}
	return after
}

// rows are the cells of the tables in a text, without their heads.
func rows(text string) (rows [][]string) {
	head := true
	for line := range strings.Lines(text) {
		line = strings.ReplaceAll(strings.TrimSpace(line), `\|`, "¦") // a bar within a cell
		switch {
		case !strings.HasPrefix(line, "|"):
			head = true
		case strings.HasPrefix(line, "|---"):
			head = false
		case !head:
			var cells []string
			for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
				cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), "¦", "|"))
			}
			rows = append(rows, cells)
		}
	}
	return rows
}

var quoted = regexp.MustCompile("`([^`]+)`")

// anchors are what links to a file may name: its headings as GitHub writes them.
func anchors(text string) (all []string) {
	fence := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			fence = !fence
		}
		if heading := regexp.MustCompile(`^#+ (.*)\n`).FindStringSubmatch(line); heading != nil && !fence {
			plain := regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(heading[1], "$1")
			plain = regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(plain), "")
			all = append(all, strings.ReplaceAll(plain, " ", "-"))
		}
	}
	return all
}

// Links lead to files and headings that are there.
func TestDocsLinks(t *testing.T) {
	t.Parallel()
	for _, file := range markdown(t) {
		text := regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(read(t, file), "")
		text = regexp.MustCompile("`[^`\n]*`").ReplaceAllString(text, "")
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(text, -1) {
			target, anchor, hasAnchor := strings.Cut(m[1], "#")
			switch {
			case strings.Contains(m[1], "://"):
				continue
			case target == "":
				target = file
			default:
				target = filepath.Join(filepath.Dir(file), target)
			}
			_, err := os.Stat(target)
			if assert.NoError(t, err, "%s links to %s", file, m[1]) && hasAnchor {
				assert.Contains(t, anchors(read(t, target)), anchor, "%s links to %s", file, m[1])
			}
		}
	}
}

// Every page is in the index.
func TestDocsIndex(t *testing.T) {
	t.Parallel()
	index := read(t, "docs/README.md")
	files, err := os.ReadDir("docs")
	require.NoError(t, err)
	for _, f := range files {
		if f.Name() != "README.md" {
			assert.Contains(t, index, "]("+f.Name()+")")
		}
	}
}

// The tables of types have all types, and their other names.
func TestDocsTypes(t *testing.T) {
	t.Parallel()
	_, err := schema.ParseHash("x:nonsense")
	require.Error(t, err)
	_, list, found := strings.Cut(err.Error(), "known are ")
	require.True(t, found, err)
	data, metadata, found := strings.Cut(list, "; and for metadata ")
	require.True(t, found, err)
	words := func(list string) (words []string) {
		for _, w := range regexp.MustCompile(`(\w+)(?:\[[^\]]*\])?(?:, | \(|$)`).FindAllStringSubmatch(list, -1) {
			words = append(words, w[1])
		}
		return words
	}
	var shown []string
	for _, row := range rows(regexp.MustCompile(`(?s)\n### .*`).ReplaceAllString(part(t, "docs/types.md", "Data columns"), "")) {
		name := quoted.FindStringSubmatch(row[0])[1]
		word, _, _ := strings.Cut(name, "[")
		shown = append(shown, word)
		of := func(word string) string {
			if word == "decimal128" || word == "decimal" {
				word += "[10,2]"
			}
			h, err := schema.ParseHash("x:" + word)
			require.NoError(t, err)
			return h.String()
		}
		for _, alias := range quoted.FindAllStringSubmatch(row[1], -1) {
			word, _, _ := strings.Cut(alias[1], "[")
			assert.Equal(t, of(shown[len(shown)-1]), of(word))
		}
		c, err := schema.ParseField("x", strings.TrimPrefix(of(shown[len(shown)-1]), "x:"))
		require.NoError(t, err)
		assert.Equal(t, arrowName(c), row[2])
	}
	assert.Equal(t, words(data), shown)

	shown = nil
	for _, row := range rows(part(t, "docs/types.md", "Metadata columns")) {
		word, _, _ := strings.Cut(quoted.FindStringSubmatch(row[0])[1], "[")
		shown = append(shown, word)
		for _, text := range quoted.FindAllStringSubmatch(row[0], -1) {
			h, err := schema.ParseHash("x:" + text[1])
			require.NoError(t, err)
			assert.Equal(t, !strings.Contains(row[1], "not null"), h.Columns()[0].Nullable(), text[1])
		}
	}
	assert.Equal(t, words(metadata), shown)
}

// arrowName is what the documentation calls a column's Arrow type.
func arrowName(c schema.Column) string {
	switch c.Type().ID() {
	case arrow.DECIMAL128:
		return "decimal128"
	case arrow.TIMESTAMP:
		return "timestamp"
	default:
		return c.Type().String()
	}
}

// Each line of the tables of texts comes out as it says.
func TestDocsCells(t *testing.T) {
	t.Parallel()
	tested := 0
	for _, row := range rows(part(t, "docs/types.md", "Data columns")) {
		if len(row) != 3 {
			continue // the table of types
		}
		tested++
		typeText, text := quoted.FindStringSubmatch(row[0])[1], strings.ReplaceAll(quoted.FindStringSubmatch(row[1])[1], "␣", " ")
		t.Run(typeText+" "+text, func(t *testing.T) {
			c, err := schema.ParseField("x", typeText)
			require.NoError(t, err)
			var options convert.Options
			if unit, ok := c.EpochUnit(); ok {
				options.EpochUnit = &unit
			}
			mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
			defer mem.AssertSize(t, 0)
			column, err := convert.NewColumn(mem, c.Type(), options)
			require.NoError(t, err)
			defer column.Release()
			if err := column.Append([]byte(text)); row[2] == "—" {
				require.Error(t, err)
				return
			} else {
				require.NoError(t, err)
			}
			a := column.NewArray()
			defer a.Release()
			shown := strings.TrimSuffix(strings.NewReplacer("T", " ", "Z", "").Replace(a.ValueStr(0)), ".000000")
			assert.Equal(t, row[2], shown)
		})
	}
	assert.Greater(t, tested, 60)
}

// Pages that have blocks to be run, and those blocks that aren't run here.
var pages = map[string][]struct{ section, language, text, why string }{
	"CONTRIBUTING.md": nil,
	"docs/types.md": {
		{"Text form", "", `^_key:key,`, "TestDocsTextForm"},
		{"Text form", "", `^schema `, "a grammar"},
	},
	"docs/tuning.md": {{"Measuring", "", `^make bench`, "TestDocsTargets"}},
	"docs/production.md": {
		{"A user", "", `^ACL SETUSER `, "TestDocsUser"},
		{"TLS", "sh", `--cert client.pem`, "TestDocsTLS"},
		{"TLS", "", `^cluster-announce-hostname `, "directives of a server"},
		{"A job every night", "yaml", `CronJob`, "TestDocsJob"},
		{"A cluster to try it on", "", `^docker compose `, "TestDocsCompose"},
	},
}

// Every block is run as it stands there, or named above.
func TestDocsBlocks(t *testing.T) {
	t.Parallel()
	for _, file := range markdown(t) {
		if elsewhere, ok := pages[file]; ok {
			t.Run(filepath.Base(file), func(t *testing.T) { runBlocks(t, file, elsewhere) })
		} else if strings.HasPrefix(file, "docs/") && file != "docs/new-type.md" { // that is TestDocsNewType's
			for _, b := range fencedBlocks(t, file) {
				assert.Empty(t, b.language, "%s:%d: a block that isn't tested", file, b.line)
			}
		}
	}
}

func TestDocsTextForm(t *testing.T) {
	t.Parallel()
	assert.Equal(t, block(t, "", "_key:key"), fencedBlocks(t, "docs/types.md")[0].text)
}

// The settings that are named are there, with the flags beside them and the
// defaults.
func TestDocsSettings(t *testing.T) {
	t.Parallel()
	help := helpOf(t, "export")
	fields := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[iterator.Config]()) {
		fields[f.Name] = true
	}
	defaults := map[string]string{}
	for _, row := range rows(section(t, "Configuration")) {
		defaults[strings.Trim(row[0], "`")] = row[1]
	}
	table := rows(part(t, "docs/tuning.md", "Settings that matter"))
	require.Greater(t, len(table), 8)
	for _, row := range table {
		name := quoted.FindStringSubmatch(row[0])[1]
		assert.True(t, fields[name], name)
		flag := ""
		for _, word := range regexp.MustCompile(`[A-Z][a-z]+`).FindAllString(name, -1) {
			flag += "-" + strings.ToLower(word)
		}
		if strings.Contains(help, " -"+flag+" ") {
			assert.Equal(t, "`-"+flag+"`", row[1])
		} else {
			assert.Empty(t, row[1])
		}
		number := regexp.MustCompile(`^[\d,]+( \w+iB| s)?`)
		assert.Equal(t, number.FindString(regexp.MustCompile(`^0, .*`).ReplaceAllString(defaults[name], "")), number.FindString(row[2]), name)
	}
	for _, row := range rows(part(t, "docs/tuning.md", "Memory")) {
		for _, m := range quoted.FindAllStringSubmatch(row[2], -1) {
			assert.True(t, fields[m[1]] || strings.Contains(help, " "+m[1]+" "), m[1])
		}
	}
	for _, row := range rows(part(t, "docs/tuning.md", "How keys are listed")) {
		_, err := iterator.ParseEnumeration(strings.ToLower(strings.Trim(row[0], "`")))
		assert.NoError(t, err)
	}
}

// helpOf is what a subcommand says of itself.
func helpOf(t *testing.T, subcommand string) string {
	t.Helper()
	help, err := exec.CommandContext(t.Context(), buildCommand(t), subcommand, "--help").Output()
	require.NoError(t, err)
	return string(help)
}

// Flags that are named are those of some subcommand.
func TestDocsFlags(t *testing.T) {
	t.Parallel()
	all := ""
	for _, subcommand := range []string{"export", "health", "infer", "keys", "demo"} {
		all += helpOf(t, subcommand)
	}
	others := regexp.MustCompile("(?m)^ *(docker|valkey|redis-cli|make|go|exec|\"\\$cli|  --cluster).*$|redis-cli [^`]*")
	for file := range pages {
		text := others.ReplaceAllString(read(t, file), "")
		for _, m := range regexp.MustCompile(`(?:^|[\s`+"`"+`(])(--[a-z][a-z-]+)`).FindAllStringSubmatch(text, -1) {
			assert.Regexp(t, `(?m)^ +`+m[1]+`[ \[\n]`, all, "%s: %s", file, m[1])
		}
	}
}

// Targets of make, and flags of the benchmark, are there.
func TestDocsTargets(t *testing.T) {
	t.Parallel()
	makefile := read(t, "Makefile")
	for _, file := range markdown(t) {
		for _, m := range regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)").FindAllStringSubmatch(read(t, file), -1) {
			assert.Contains(t, makefile, "\n"+m[1]+": ## ", file)
		}
	}
	flags, err := os.ReadFile("bench/main.go") // to build it takes longer than all of this
	require.NoError(t, err)
	names := regexp.MustCompile(`Var\(&[\w.]+, "([a-z-]+)"|\.\w+\("([a-z-]+)"`).FindAllStringSubmatch(string(flags), -1)
	var known []string
	for _, n := range names {
		known = append(known, n[1]+n[2])
	}
	for _, line := range regexp.MustCompile(`(?m)^go run \./bench .*$`).FindAllString(read(t, "docs/tuning.md"), -1) {
		line, _, _ = strings.Cut(line, "  ")
		for _, m := range regexp.MustCompile(` -([a-z-]+)`).FindAllStringSubmatch(line, -1) {
			assert.Contains(t, known, m[1])
		}
	}
}

// The exit statuses are those of README, and what it says of them.
func TestDocsExitStatuses(t *testing.T) {
	t.Parallel()
	statuses := map[string]string{}
	for _, row := range rows(section(t, "Quick start")) {
		if len(row) == 2 && regexp.MustCompile(`^\d+$`).MatchString(row[0]) {
			statuses[row[0]], _, _ = strings.Cut(row[1], "; with ")
		}
	}
	require.Len(t, statuses, 7)
	shown := rows(part(t, "docs/production.md", "Watching it"))
	require.Len(t, shown, len(statuses))
	for _, row := range shown {
		if row[0] == "130" {
			assert.Contains(t, statuses[row[0]], "interrupted by Ctrl-C")
			continue
		}
		assert.Equal(t, statuses[row[0]], row[1])
	}
}

// The user is README's, with which the tests scan; the table explains all of its
// rights, and no other.
func TestDocsUser(t *testing.T) {
	t.Parallel()
	user, err := testcluster.LeastUser()
	require.NoError(t, err)
	assert.Equal(t, "ACL SETUSER "+user.Rule+"\n", fencedBlocks(t, "docs/production.md")[0].text)
	var explained, rights []string
	for _, row := range rows(part(t, "docs/production.md", "A user")) {
		for _, m := range quoted.FindAllStringSubmatch(row[0], -1) {
			explained = append(explained, m[1])
		}
	}
	for _, word := range strings.Fields(user.Rule) {
		if strings.HasPrefix(word, "+") {
			rights = append(rights, word)
		}
	}
	slices.Sort(rights)
	slices.Sort(explained)
	assert.Equal(t, rights, explained)
}

// The command line with TLS, a client's certificate and the user, as it stands
// there, on a real server; and from replicas, with the right that this needs.
func TestDocsTLS(t *testing.T) {
	t.Parallel()
	user, err := testcluster.LeastUser()
	require.NoError(t, err)
	c := testcluster.Start(t, testcluster.Config{
		Server: testcluster.Require(t)[0], Replicas: 1, TLS: true, RequireClientCert: true,
		Users: []string{user.Rule, user.As("remote", user.Password).Rule + " +readonly"},
	})
	rdb := c.Client(t)
	for i := range 300 {
		require.NoError(t, rdb.HSet(t.Context(), "user:"+strconv.Itoa(i), "name", "User", "age", i).Err())
	}
	dir, certificates := t.TempDir(), c.Certificates()
	for name, from := range map[string]string{
		"ca.pem": certificates.CAFile, "client.pem": certificates.ClientCertFile, "client-key.pem": certificates.ClientKeyFile,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(read(t, from)), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "reader.password"), []byte(user.Password+"\n"), 0o600))
	command := ""
	for _, b := range fencedBlocks(t, "docs/production.md") {
		if strings.Contains(b.text, "--cert client.pem") {
			command = strings.ReplaceAll(b.text, "rediss://node1:7000", "rediss://"+c.Nodes()[0].Addr)
		}
	}
	for _, command := range []string{
		command,
		strings.Replace(command, "--user reader", "--user remote --read-from replica", 1),
		strings.Replace(command, "--user reader", "--user reader --server-name localhost", 1),
	} {
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", command)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+filepath.Dir(buildCommand(t))+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s\n%s", command, out)
		assert.Regexp(t, `(?m)^rows +300$`, string(out))
	}
}

// The pods of the job, one after the other, have each key once.
func TestDocsJob(t *testing.T) {
	t.Parallel()
	var job struct {
		Spec struct {
			JobTemplate struct {
				Spec struct {
					Completions int
					Template    struct {
						Spec struct {
							Containers []struct {
								Env []struct {
									Name  string
									Value string
								}
								Command, Args []string
							}
						}
					}
				}
			} `yaml:"jobTemplate"`
		}
	}
	for _, b := range fencedBlocks(t, "docs/production.md") {
		if b.language == "yaml" {
			require.NoError(t, yaml.Unmarshal([]byte(b.text), &job))
		}
	}
	pods := job.Spec.JobTemplate.Spec
	require.Len(t, pods.Template.Spec.Containers, 1)
	container := pods.Template.Spec.Containers[0]
	w, dir := newWorkbench(t), t.TempDir()
	env := []string{"JOB=users-1", "REDISARROW_PASSWORD=", "PATH=" + w.bin + string(os.PathListSeparator) + os.Getenv("PATH")}
	for _, v := range container.Env {
		if v.Value != "" && v.Name != "REDISARROW_USER" { // the fake cluster has no users
			env = append(env, v.Name+"="+strings.ReplaceAll(v.Value, "redis://node1:7000", w.cluster.URLs()[0]))
		}
	}
	rows := 0
	for i := range pods.Completions {
		args := append(slices.Clone(container.Command[1:]), strings.ReplaceAll(container.Args[0], "/data/", dir+"/"))
		cmd := exec.CommandContext(t.Context(), container.Command[0], args...)
		cmd.Env = append(os.Environ(), append(env, "JOB_COMPLETION_INDEX="+strconv.Itoa(i))...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		m := regexp.MustCompile(`(?m)^rows in all +(\d+)$`).FindSubmatch(out)
		require.NotNil(t, m, "%s", out)
		n, err := strconv.Atoi(string(m[1]))
		require.NoError(t, err)
		rows += n
	}
	assert.Equal(t, 3000, rows)
}

// The map of the house has every folder, and says rightly what each may know.
func TestContributingMap(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	require.NoError(t, err)
	imports := map[string][]string{"docs": nil, "iterator/oteliterator": nil} // no packages of this module
	for line := range strings.Lines(string(out)) {
		names := strings.Fields(line)
		folder := strings.TrimPrefix(names[0], module+"/")
		if strings.Count(folder, "/") > 0 && regexp.MustCompile(`^(examples|bench)/`).MatchString(folder) || folder == module {
			continue
		}
		imports[folder] = nil
		for _, name := range names[1:] {
			if name, ours := strings.CutPrefix(name, module+"/"); ours {
				imports[folder] = append(imports[folder], name)
			}
		}
	}
	var folders []string
	for _, row := range rows(part(t, "CONTRIBUTING.md", "The map of the house")) {
		m := regexp.MustCompile(`^\[(.+)\]\((.+)\)$`).FindStringSubmatch(row[0])
		require.NotNil(t, m, row[0])
		assert.Equal(t, m[1], m[2])
		assert.DirExists(t, m[2])
		folders = append(folders, m[1])
		if strings.Contains(row[2], "public") || strings.Contains(row[2], "all of the above") {
			continue
		}
		var known []string
		for _, q := range quoted.FindAllStringSubmatch(row[2], -1) {
			known = append(known, q[1])
		}
		assert.Subset(t, known, imports[m[1]], m[1])
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(imports)), folders)
}

// The key whose way is told is in the slot that is told.
func TestDocsInside(t *testing.T) {
	t.Parallel()
	m := regexp.MustCompile("`(user:\\d+)`, in slot (\\d+),").FindStringSubmatch(read(t, "docs/inside.md"))
	require.NotNil(t, m)
	assert.Equal(t, m[2], strconv.Itoa(int(cluster.Slot([]byte(m[1])))))
}

// The sketch of a further type is put over this module as it stands there, built,
// and its program run.
func TestDocsNewType(t *testing.T) {
	t.Parallel()
	root, err := os.Getwd()
	require.NoError(t, err)
	dir, overlay, program := t.TempDir(), map[string]string{}, ""
	put := func(name, text string) {
		file := filepath.Join(dir, strings.ReplaceAll(name, "/", "-"))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		overlay[filepath.Join(root, name)] = file
	}
	for _, b := range fencedBlocks(t, "docs/new-type.md") {
		first, rest, _ := strings.Cut(b.text, "\n")
		switch b.language {
		case "go":
			name, ok := strings.CutPrefix(first, "// ")
			require.True(t, ok, "line %d: no name of a file", b.line)
			require.NoFileExists(t, name)
			put(name, rest)
			program = name
		case "diff":
			before, after := "", ""
			for line := range strings.Lines(rest) {
				if line[0] == ' ' {
					before += line[1:]
				}
				after += line[1:]
			}
			text := read(t, first)
			require.Equal(t, 1, strings.Count(text, before), "line %d", b.line)
			put(first, strings.Replace(text, before, after, 1))
		case "text":
			list, err := json.Marshal(map[string]any{"Replace": overlay})
			require.NoError(t, err)
			file := filepath.Join(dir, "overlay.json")
			require.NoError(t, os.WriteFile(file, list, 0o600))
			out, err := exec.CommandContext(t.Context(), "go", "run", "-overlay", file, "./"+filepath.Dir(program)).CombinedOutput()
			require.NoError(t, err, "%s", out)
			assert.Equal(t, b.text, string(out))
			return
		}
	}
	assert.Fail(t, "nothing was run")
}
