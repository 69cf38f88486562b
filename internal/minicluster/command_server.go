package minicluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func serverCommands() []command {
	return []command{
		{name: "COMMAND", arity: -1, run: (*session).commandInfo},
		{name: "INFO", arity: -1, run: (*session).info},
		{name: "DBSIZE", arity: 1, flags: read, run: func(s *session, _ [][]byte) {
			s.int(int64(s.node.db(s.db).count))
		}},
		{name: "FLUSHALL", arity: -1, flags: write, run: func(s *session, _ [][]byte) {
			s.node.flush()
			s.ok()
		}},
	}
}

func (c *Cluster) mode() string {
	if c.cfg.Standalone {
		return "standalone"
	}
	return "cluster"
}

func (n *node) role() string {
	if n.isMaster() {
		return "master"
	}
	return "replica"
}

func (s *session) commandInfo(args [][]byte) {
	names := slices.Sorted(maps.Keys(s.c.commands))
	switch {
	case len(args) == 1:
		s.array(len(names))
		for _, name := range names {
			s.describe(s.c.commands[name])
		}
	case is(args[1], "COUNT"):
		s.int(int64(len(names)))
	case is(args[1], "INFO"):
		s.array(len(args) - 2)
		for _, name := range args[2:] {
			if cmd, _ := s.c.find(name); cmd != nil {
				s.describe(cmd)
			} else {
				s.null()
			}
		}
	default:
		s.fail("ERR unknown subcommand '" + oneLine(args[1]) + "'. Try COMMAND HELP.")
	}
}

func (s *session) describe(cmd *command) {
	s.array(6)
	s.text(strings.ToLower(cmd.name))
	s.int(int64(cmd.arity))
	switch {
	case cmd.flags&write != 0:
		s.texts("write")
	case cmd.flags&read != 0:
		s.texts("readonly")
	default:
		s.array(0)
	}
	s.int(int64(cmd.first))
	s.int(int64(cmd.last))
	s.int(int64(cmd.step))
}

func (s *session) info(args [][]byte) {
	wanted := func(section string) bool {
		return len(args) == 1 || slices.ContainsFunc(args[1:], func(a []byte) bool {
			return is(a, section) || is(a, "all") || is(a, "everything") || is(a, "default")
		})
	}
	var b strings.Builder
	for _, section := range []struct {
		name  string
		lines func(*strings.Builder)
	}{
		{"Server", s.node.infoServer},
		{"Clients", s.node.infoClients},
		{"Memory", func(b *strings.Builder) { b.WriteString("used_memory:1048576\r\nmaxmemory:0\r\n") }},
		{"Persistence", func(b *strings.Builder) { b.WriteString("loading:0\r\n") }},
		{"Stats", func(b *strings.Builder) { b.WriteString("instantaneous_ops_per_sec:0\r\n") }},
		{"Replication", s.node.infoReplication},
		{"Cluster", func(b *strings.Builder) { fmt.Fprintf(b, "cluster_enabled:%d\r\n", bit(!s.c.cfg.Standalone)) }},
		{"Keyspace", s.node.infoKeyspace},
	} {
		if wanted(section.name) {
			if b.Len() > 0 {
				b.WriteString("\r\n")
			}
			b.WriteString("# " + section.name + "\r\n")
			section.lines(&b)
		}
	}
	s.text(b.String())
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (n *node) infoServer(b *strings.Builder) {
	fmt.Fprintf(b, "redis_version:%s\r\n", n.c.cfg.Version)
	if v := n.c.cfg.Valkey; v != "" {
		fmt.Fprintf(b, "server_name:valkey\r\nvalkey_version:%s\r\nvalkey_release_stage:ga\r\n", v)
	}
	fmt.Fprintf(b, "redis_mode:%s\r\nprocess_id:1\r\nrun_id:%s\r\ntcp_port:%d\r\nuptime_in_seconds:%d\r\n",
		n.c.mode(), n.runID, n.port, int(n.c.cfg.Now().Sub(n.started).Seconds()))
}

func (n *node) infoClients(b *strings.Builder) {
	fmt.Fprintf(b, "connected_clients:%d\r\nmaxclients:10000\r\n", len(n.sessions))
}

// infoReplication has offsets that say what Config.Replicas says: all is there.
func (n *node) infoReplication(b *strings.Builder) {
	if m := n.view.nodes[n.index].master; m >= 0 {
		fmt.Fprintf(b, "role:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:%d\r\nmaster_link_status:%s\r\n"+
			"master_last_io_seconds_ago:0\r\nmaster_sync_in_progress:0\r\nslave_repl_offset:1000\r\nmaster_repl_offset:1000\r\n",
			n.c.nodes[m].port, map[bool]string{true: "up", false: "down"}[n.c.nodes[m].listener != nil])
		return
	}
	fmt.Fprintf(b, "role:master\r\nconnected_slaves:%d\r\nmaster_repl_offset:1000\r\n", len(n.replicas()))
}

func (n *node) infoKeyspace(b *strings.Builder) {
	for i, ks := range n.dbs {
		if ks == nil || ks.count == 0 {
			continue
		}
		expires := 0
		ks.each(func(it *item) { expires += bit(it.val.expireAt != 0) })
		fmt.Fprintf(b, "db%d:keys=%d,expires=%d,avg_ttl=0\r\n", i, ks.count, expires)
	}
}
