package cluster

import (
	"strconv"
	"strings"
)

// Replication is what INFO says of a server's place in replication
// (https://redis.io/docs/latest/commands/info/). A field that the reply doesn't
// have is zero.
type Replication struct {
	Role   string // "master" or "slave"
	LinkUp bool   // of a replica: it is connected to its master
	ReplID string // the history that Offset belongs to
	Offset int64  // in bytes: what a master has written of the history, and a replica applied; -1 if the reply doesn't say
}

// ParseReplication reads the reply to INFO replication, or to INFO. Lines it
// doesn't know are left out.
func ParseReplication(text string) Replication {
	fields := parseInfo(text)
	r := Replication{
		Role:   fields["role"],
		LinkUp: fields["master_link_status"] == "up",
		ReplID: fields["master_replid"],
	}
	name := "master_repl_offset"
	if r.Role == "slave" {
		name = "slave_repl_offset"
	}
	var err error
	if r.Offset, err = strconv.ParseInt(fields[name], 10, 64); err != nil {
		r.Offset = -1
	}
	return r
}

// ParseCalls reads from the reply to INFO commandstats, or to INFO everything, how
// often a command was called, named in lower case. One that never was has no line.
func ParseCalls(text, command string) (calls int64) {
	stats, ok := strings.CutPrefix(parseInfo(text)["cmdstat_"+command], "calls=")
	if !ok {
		return 0
	}
	digits, _, _ := strings.Cut(stats, ",")
	calls, _ = strconv.ParseInt(digits, 10, 64)
	return calls
}
