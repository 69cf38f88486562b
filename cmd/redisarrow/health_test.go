package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/minicluster"
)

var update = flag.Bool("update", false, "write testdata/health anew")

// findings are the report's, as "severity code".
func findings(r cluster.Report) []string {
	list := []string{}
	for _, f := range r.Findings {
		list = append(list, fmt.Sprintf("%s %s", f.Severity, f.Code))
	}
	return list
}

// healthOf runs the command twice: for programs, and for people.
func healthOf(t *testing.T, args ...string) (status int, r cluster.Report, text string) {
	t.Helper()
	args = append([]string{"health"}, args...)
	people := redisarrow(t, args...)
	programs := redisarrow(t, append(args, "--json")...)
	assert.Empty(t, people.stderr)
	assert.Empty(t, programs.stderr)
	assert.Equal(t, people.status, programs.status)
	decoder := json.NewDecoder(strings.NewReader(programs.stdout))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&r), programs.stdout)
	return people.status, r, people.stdout
}

// requireScan scans, and sees whether the verdict was right.
func requireScan(t *testing.T, verdict cluster.Verdict, args ...string) {
	t.Helper()
	args = append([]string{"export", "--type", "hash", "--pattern", "*", "--schema", "_key:key", "--stall-timeout", "2s"}, args...)
	p := redisarrow(t, append(args, "--output", filepath.Join(t.TempDir(), "out.arrow"))...)
	want := exitWhole
	if verdict == cluster.VerdictNo {
		want = exitFailure
	}
	assert.Equal(t, want, p.status, "verdict %s: %s", verdict, p.stderr)
}

// settled gives a table's text what is another each time: ports, of as many
// digits, and numbers of clients.
func settled(text string, addrs []string) string {
	for i, addr := range addrs {
		text = strings.ReplaceAll(text, addr, fmt.Sprintf("127.0.0.1:3000%d", i))
	}
	return regexp.MustCompile(`(1\.0M +)\d+`).ReplaceAllString(text, "${1}2")
}

// Nine clusters: each verdict, each exit status, each table.
func TestHealth(t *testing.T) {
	users := map[string]minicluster.User{"reader": {Password: "secret", Deny: []string{"info", "cluster|nodes"}}}
	for _, c := range []struct {
		name     string
		config   minicluster.Config
		damage   func(c *minicluster.Cluster)
		user     string
		status   int
		verdict  cluster.Verdict
		findings []string
		slots    string // of the first finding
	}{
		{
			name: "well", config: minicluster.Config{Replicas: 1},
			verdict: cluster.VerdictYes, findings: []string{},
		},
		{
			name: "slot missing", config: minicluster.Config{Replicas: 1},
			damage: func(c *minicluster.Cluster) { c.Unassign(777, 778) },
			status: exitNoScan, verdict: cluster.VerdictNo, slots: "777-778",
			findings: []string{"problem slot_unowned", "problem cluster_down"},
		},
		{
			name: "slot migrating", config: minicluster.Config{Replicas: 1},
			damage: func(c *minicluster.Cluster) { _ = c.OpenMigration(777, 1) },
			status: exitWeakened, verdict: cluster.VerdictWeakened, slots: "777",
			findings: []string{"warning migration_open"},
		},
		{
			name: "master down", config: minicluster.Config{PartialCoverage: true},
			damage: func(c *minicluster.Cluster) { c.Kill(2); c.SetFailed(2, true) },
			status: exitNoScan, verdict: cluster.VerdictNo, slots: "10923-16383",
			findings: []string{"problem master_down", "note no_replica"},
		},
		{
			name: "replica behind", config: minicluster.Config{Replicas: 1},
			damage: func(c *minicluster.Cluster) {
				c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
					switch {
					case !strings.EqualFold(string(args[0]), "INFO"):
					case node == 4:
						return &minicluster.Fault{Edit: func(reply []byte) []byte {
							return bytes.Replace(reply, []byte("master_sync_in_progress:0"), []byte("master_sync_in_progress:1"), 1)
						}}
					case node == 2: // of which node 5 is the replica
						return &minicluster.Fault{Edit: func(reply []byte) []byte {
							reply = bytes.Replace(reply, []byte("master_repl_offset:1000"), []byte("master_repl_offset:9001000"), 1)
							return bytes.Replace(reply, []byte("cluster_enabled:1"), []byte("cluster_enab:1"), 1) // as long as before
						}}
					}
					return nil
				})
			},
			status: exitWeakened, verdict: cluster.VerdictWeakened,
			findings: []string{"warning replica_behind", "warning replica_behind"},
		},
		{
			name: "denied", config: minicluster.Config{Users: users}, user: "reader",
			status: exitNoScan, verdict: cluster.VerdictNo,
			findings: []string{"problem acl_denied", "warning acl_denied"},
		},
		{
			name: "mixed versions", config: minicluster.Config{Replicas: 1},
			damage: func(c *minicluster.Cluster) {
				c.SetFault(func(node, _ int, args [][]byte) *minicluster.Fault {
					if node%3 != 1 || !strings.EqualFold(string(args[0]), "INFO") {
						return nil
					}
					return &minicluster.Fault{Edit: func(reply []byte) []byte { return bytes.Replace(reply, []byte(":7.0.15"), []byte(":7.4.11"), 1) }}
				})
			},
			verdict: cluster.VerdictYes, findings: []string{"note mixed_versions"},
		},
		{
			name: "one node", config: minicluster.Config{Masters: 1, Valkey: "9.1.0"},
			verdict: cluster.VerdictYes, findings: []string{"note no_replica"},
		},
		{
			name: "not a cluster", config: minicluster.Config{Standalone: true},
			verdict: cluster.VerdictYes, findings: []string{"note not_cluster"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			mini := startMini(t, c.config)
			for i := range 300 {
				mini.SetHash(fmt.Sprint("secret key ", i), "secret field", "secret value")
			}
			if c.damage != nil {
				c.damage(mini)
			}
			args := []string{"--url", mini.URLs()[0]}
			if c.user != "" {
				args = []string{"--url", fmt.Sprintf("redis://%s:secret@%s", c.user, mini.Addrs()[0])}
			}
			status, r, text := healthOf(t, args...)
			assert.Equal(t, c.status, status)
			assert.Equal(t, c.verdict, r.Verdict)
			assert.Equal(t, c.findings, findings(r))
			if c.slots != "" {
				assert.Equal(t, c.slots, r.Findings[0].Slots.String())
			}
			assert.NotContains(t, text, "secret")
			requireScan(t, c.verdict, args...)
			for line := range strings.Lines(text) {
				assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), healthWidth, line)
			}

			got := settled(text, mini.Addrs())
			golden := filepath.Join("testdata", "health", strings.ReplaceAll(c.name, " ", "-")+".txt")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

// README shows one of the tables.
func TestHealthREADME(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	want, err := os.ReadFile(filepath.Join("testdata", "health", "slot-migrating.txt"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "\n"+string(want)+"```\n")
}

// What can't be found out, and mistakes, are no verdicts.
func TestHealthFails(t *testing.T) {
	requireLine(t, redisarrow(t, "health"), exitUsage, "--url is missing")
	requireLine(t, redisarrow(t, "health", "--url", "redis://127.0.0.1:1"), exitFailure, "127.0.0.1:1", "connection refused")
	requireLine(t, redisarrow(t, "health", "--url", "redis://127.0.0.1:1", "more"), exitUsage, "unexpected argument")

	mini := startMini(t, minicluster.Config{Password: "hunter22"})
	requireLine(t, redisarrow(t, "health", "--url", "redis://:wrong@"+mini.Addrs()[0]), exitFailure, "WRONGPASS")
	status, r, text := healthOf(t, "--url", "redis://:hunter22@"+mini.Addrs()[0])
	assert.Zero(t, status)
	assert.Equal(t, cluster.VerdictYes, r.Verdict)
	assert.NotContains(t, text, "hunter22")
}

// A server's names can't steer a terminal, in neither form.
func TestHealthPlain(t *testing.T) {
	n := int64(1)
	r := &cluster.Report{
		Verdict: cluster.VerdictNo, Cluster: true, SlotsTotal: cluster.Slots, Versions: []string{"redis \x1b[31m7"}, Keys: &n,
		Nodes: []cluster.NodeReport{{Addr: "h\u009b2J\x1b]0;x\a:1", Role: "master", State: "\x1b[2J", Way: "way\r\n"}},
		Findings: []cluster.Finding{{
			Severity: cluster.Problem, Code: "\x1bc", Text: "a\nb\x1b[0m", Nodes: []string{"\x1b[1m", "b", "c", "d", "e"}, Commands: []string{"\a"},
		}},
	}
	text := healthText(r)
	asJSON, err := printableJSON(r)
	require.NoError(t, err)
	for _, out := range []string{text, asJSON} {
		for _, c := range out {
			assert.True(t, c == '\n' || c >= ' ' && c != 0x7f && (c < 0x80 || c > 0x9f), "%q", c)
		}
	}
	assert.Contains(t, text, "and 1 more")
	var back cluster.Report
	require.NoError(t, json.Unmarshal([]byte(asJSON), &back))
	assert.Equal(t, r.Nodes[0].Addr, back.Nodes[0].Addr, "JSON keeps what it escapes")
	assert.Equal(t, r.Findings[0].Text, back.Findings[0].Text)
}

func TestHealthNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 99_999: "99999", 100_000: "100.0K", 12_345_678: "12.3M"} {
		assert.Equal(t, want, short(&n, 1000, 100_000))
	}
	for n, want := range map[int64]string{1023: "1023", 1024: "1.0K", 5 << 30: "5.0G"} {
		assert.Equal(t, want, short(&n, 1024, 1024))
	}
	assert.Empty(t, short(nil, 1000, 1000))

	var odd cluster.SlotSet
	for slot := uint16(0); slot < cluster.Slots; slot += 2 {
		odd.Add(slot)
	}
	text := finding(cluster.Finding{Severity: cluster.Problem, Code: cluster.CodeSlotUnowned, Slots: odd, Text: strings.Repeat("word ", 50)})
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	assert.Regexp(t, `^problem  slot_unowned: slots 0,2,4,.*,…$`, lines[0])
	assert.Greater(t, len(lines), 3)
	assert.False(t, slices.ContainsFunc(lines, func(l string) bool { return utf8.RuneCountInString(l) > healthWidth }), text)
	long := cluster.NodeReport{Addr: "redis-0.redis.some-namespace.svc.cluster.local:6379"}
	assert.Equal(t, "redis-0.redis.some-na…cal:6379", shortAddr(&long))
}

// What health says of odder clusters, a scan confirms.
func TestHealthIsRight(t *testing.T) {
	ok := func(err error) { require.NoError(t, err) }
	for _, c := range []struct {
		name    string
		config  minicluster.Config
		damage  func(c *minicluster.Cluster)
		deny    string
		verdict cluster.Verdict
	}{
		{"a mark at the owner", minicluster.Config{}, func(c *minicluster.Cluster) { c.SetImporting(0, 7, 2) }, "", cluster.VerdictNo},
		{"a mark to a replica", minicluster.Config{Replicas: 1}, func(c *minicluster.Cluster) { c.SetMigrating(0, 7, 4) }, "", cluster.VerdictNo},
		{"the source's mark alone", minicluster.Config{}, func(c *minicluster.Cluster) { c.SetMigrating(0, 7, 2) }, "", cluster.VerdictWeakened},
		{"the target's mark alone", minicluster.Config{}, func(c *minicluster.Cluster) { c.SetImporting(2, 7, 0) }, "", cluster.VerdictYes},
		{"a dispute", minicluster.Config{}, func(c *minicluster.Cluster) {
			c.EditView(1, func(v *minicluster.View) { v.SetOwner(9, 9, 1) })
		}, "", cluster.VerdictNo},
		{"an empty master gone", minicluster.Config{}, func(c *minicluster.Cluster) {
			n, err := c.AddMaster()
			ok(err)
			c.Kill(n)
		}, "", cluster.VerdictNo},
		{"an empty master gone, as all know", minicluster.Config{}, func(c *minicluster.Cluster) {
			n, err := c.AddMaster()
			ok(err)
			c.Kill(n)
			c.SetFailed(n, true)
		}, "", cluster.VerdictYes},
		{"a master gone unnoticed", minicluster.Config{Replicas: 1}, func(c *minicluster.Cluster) { c.Kill(1) }, "", cluster.VerdictNo},
		{"a replica gone", minicluster.Config{Replicas: 1}, func(c *minicluster.Cluster) { c.Kill(4) }, "", cluster.VerdictWeakened},
		{"a master replaced unheard", minicluster.Config{Replicas: 1}, func(c *minicluster.Cluster) {
			c.Isolate(0)
			ok(c.Failover(3))
		}, "", cluster.VerdictWeakened},
		{"a suspect", minicluster.Config{PartialCoverage: true}, func(c *minicluster.Cluster) { c.SetFailed(1, true) }, "", cluster.VerdictWeakened},
		{"a node that is down for itself", minicluster.Config{}, func(c *minicluster.Cluster) {
			c.EditView(2, func(v *minicluster.View) { v.SetDown(true) })
		}, "", cluster.VerdictNo},
		{"no MULTI", minicluster.Config{}, nil, "multi exec", cluster.VerdictWeakened},
		{"no INFO", minicluster.Config{}, nil, "info", cluster.VerdictWeakened},
		{"no CLUSTER NODES", minicluster.Config{}, nil, "cluster|nodes", cluster.VerdictNo},
		{"no CLUSTER SLOTS", minicluster.Config{}, nil, "cluster|slots", cluster.VerdictYes},
		{"no SCAN", minicluster.Config{}, nil, "scan", cluster.VerdictWeakened},
		{"no SCAN, CLUSTERSCAN", minicluster.Config{Valkey: "9.1.0"}, nil, "scan", cluster.VerdictYes},
		{"no GETKEYSINSLOT", minicluster.Config{}, nil, "cluster|getkeysinslot", cluster.VerdictWeakened},
		{"no way", minicluster.Config{}, nil, "cluster|getkeysinslot scan", cluster.VerdictNo},
		{"no SCAN, one server", minicluster.Config{Standalone: true}, nil, "scan", cluster.VerdictNo},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.config.Users = map[string]minicluster.User{"u": {Password: "pw", Deny: strings.Fields(c.deny)}}
			mini := startMini(t, c.config)
			for i := range 300 {
				mini.SetHash(fmt.Sprint("key ", i), "field", "value")
			}
			if c.damage != nil {
				c.damage(mini)
			}
			args := []string{"--url", "redis://u:pw@" + mini.Addrs()[0]}
			_, r, _ := healthOf(t, args...)
			assert.Equal(t, c.verdict, r.Verdict, "%v", r.Findings)
			requireScan(t, r.Verdict, args...)
		})
	}
}
