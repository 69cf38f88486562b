package cluster

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever two nodes say, there is a report, and it doesn't contradict itself.
func FuzzReport(f *testing.F) {
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	whole := a + " h:1@2 myself,master - 0 0 1 connected 0-16383\n" + b + " h:2@3 slave " + a + " 0 0 1 connected\n"
	f.Add(whole, b+" h:2@3 myself,slave "+a+" 0 0 1 connected\n"+a+" h:1@2 master - 0 0 1 connected 0-16383\n",
		"redis_version:7.0.15\r\nrole:master\r\nmaster_repl_offset:5\r\ndb0:keys=3,expires=1\r\n", "role:slave\r\nmaster_link_status:up\r\nslave_repl_offset:9\r\n", "HMGET", true)
	f.Add(a+" h:1@2 myself,master - 0 0 1 connected 0-99 [7->-"+b+"] [8-<-"+b+"]\n"+b+" h:2@3 master,fail - 0 0 2 disconnected 100-16383\n",
		b+" h:2@3 myself,master - 0 0 2 connected 50-16383\n", "used_memory:-1\r\ndb0:keys=\r\n", "valkey_version:9.1.0\r\nloading:1\r\n", "SCAN,CLUSTER GETKEYSINSLOT", true)
	f.Add("", "", "dragonfly_version:df-v1\r\nredis_version:7.4.0", "used_memory:99999999999999999999", "", false)
	f.Fuzz(func(t *testing.T, nodesA, nodesB, infoA, infoB, denied string, inCluster bool) {
		l := &look{inCluster: inCluster}
		if !inCluster {
			l.topology = singleTopology("h:1")
		}
		for i, texts := range [][2]string{{nodesA, infoA}, {nodesB, infoB}} {
			answer := &answer{addr: []string{"h:1", "h:2"}[i], info: parseInfo(texts[1]), server: ParseServerInfo(texts[1])}
			if view, err := ParseView(texts[0]); err == nil && inCluster {
				answer.view, answer.id = view, view.Self.ID
			}
			if denied != "" {
				answer.denied = strings.Split(denied, ",")
			}
			l.answers = append(l.answers, answer)
		}
		l.merge()
		r := l.report()
		require.Len(t, r.Nodes, len(l.answers))
		require.LessOrEqual(t, r.SlotsCovered+r.SlotsUnowned.Len()+r.SlotsDisputed.Len(), Slots)
		require.True(t, r.Keys == nil || len(r.Nodes) > 0)
		worst := map[Verdict]Severity{VerdictNo: Problem, VerdictWeakened: Warning, VerdictYes: Note}[r.Verdict]
		if len(r.Findings) > 0 {
			require.Equal(t, worst, r.Findings[0].Severity)
		}
		for i := range r.Nodes {
			n := &r.Nodes[i]
			for _, number := range []*int64{n.Keys, n.UsedMemoryBytes, n.ConnectedClients, n.ReplicaLagBytes, n.UptimeSeconds} {
				require.True(t, number == nil || *number >= 0)
			}
		}
		_, err := json.Marshal(r)
		require.NoError(t, err)
	})
}
