package cluster

import (
	"strconv"
	"strings"
	"time"
)

// ServerInfo is what INFO says about a server process. A field that the reply
// doesn't have is zero.
type ServerInfo struct {
	RunID          string        // 40 hex digits, drawn anew whenever the process starts
	RedisVersion   string        // Valkey names here the Redis version that it is compatible with
	ValkeyVersion  string        // "" if the server isn't Valkey
	Other          string        // the make of a server that only speaks the protocol, as far as known: "dragonfly"; else ""
	Role           string        // "master" or "slave"
	ClusterEnabled bool          // it is part of a cluster, or can become one
	Loading        bool          // it reads its data after a start, and answers hardly anything
	Uptime         time.Duration // whole seconds
}

// ParseServerInfo reads INFO's reply, or any section of it. Lines it doesn't
// know are left out.
func ParseServerInfo(text string) ServerInfo {
	fields := parseInfo(text)
	info := ServerInfo{
		RunID:          fields["run_id"],
		RedisVersion:   fields["redis_version"],
		ValkeyVersion:  fields["valkey_version"],
		Role:           fields["role"],
		ClusterEnabled: fields["cluster_enabled"] == "1" || fields["redis_mode"] == "cluster" || fields["server_mode"] == "cluster",
		Loading:        fields["loading"] == "1",
	}
	for _, name := range []string{"dragonfly", "garnet", "kvrocks", "pika"} {
		if fields[name+"_version"] != "" { // beside a redis_version
			info.Other = name
		}
	}
	if s, err := strconv.ParseUint(fields["uptime_in_seconds"], 10, 32); err == nil {
		info.Uptime = time.Duration(s) * time.Second
	}
	return info
}

// Info is what CLUSTER INFO says: how a node sees the cluster as a whole.
type Info struct {
	State        string // "ok" or "fail"; "" if the reply doesn't say
	CurrentEpoch uint64 // the greatest config epoch that the node has heard of
	KnownNodes   int    // itself included; 0 if the reply doesn't say
}

// OK reports whether the node serves keys, as far as it says.
func (i Info) OK() bool { return i.State == "ok" || i.State == "" }

// ParseInfo reads the reply to CLUSTER INFO.
func ParseInfo(text string) Info {
	fields := parseInfo(text)
	info := Info{State: fields["cluster_state"]}
	if n, err := strconv.ParseUint(fields["cluster_current_epoch"], 10, 64); err == nil {
		info.CurrentEpoch = n
	}
	if n, err := strconv.ParseUint(fields["cluster_known_nodes"], 10, 31); err == nil {
		info.KnownNodes = int(n)
	}
	return info
}

// parseInfo reads lines of name:value. Comments and anything else is left out.
func parseInfo(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if name, value, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, "#") {
			fields[name] = value
		}
	}
	return fields
}
