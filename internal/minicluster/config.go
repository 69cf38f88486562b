package minicluster

import (
	"crypto/tls"
	"errors"
	"time"
)

// Config says what to start. The zero value is a cluster of three masters
// without passwords that behaves like Redis 7.0.
type Config struct {
	// Masters is the number of masters; 0 means 3. The slots are split evenly
	// among them: 0–5460, 5461–10922 and 10923–16383 for three.
	Masters int
	// Replicas is the number of replicas of each master; 0 means none.
	// Replication is immediate.
	Replicas int
	// Standalone starts one server with cluster support disabled and 16
	// databases; Masters and Replicas must be 0 or, Masters, 1.
	Standalone bool
	// SlotTables keeps a table per slot, as Redis 7.4 and later: cursors have
	// the slot in their low 14 bits, and slots come in ascending order.
	// Otherwise a node has one table, and SCAN no order.
	SlotTables bool
	// Version is the redis_version of INFO; "" means 7.0.15, or 7.4.1 with
	// SlotTables, or 7.2.4 with Valkey, which says that for the sake of clients
	// that know Redis only.
	Version string
	// Valkey makes the nodes Valkey servers of that version, such as 9.1.2: they
	// say so in INFO, have a table per slot from 8.0 on, and CLUSTERSCAN from 9.1
	// on. "" means Redis.
	Valkey string

	// Password is that of the default user (requirepass); "" means none.
	Password string
	// Users are further users by name. Without a Password the default user
	// needs no authentication, as in Redis.
	Users map[string]User
	// TLS makes the nodes serve TLS only; it needs a certificate.
	TLS *tls.Config
	// NoHello answers HELLO as servers before Redis 6 do: unknown command.
	NoHello bool

	// Missing are commands that the nodes don't know, such as those that a service
	// keeps back or that have been renamed: names such as "info" or, for one
	// subcommand, "cluster|nodes", in lower case. MissingReply is how they are
	// answered; "" means as Redis answers what it doesn't know.
	Missing      []string
	MissingReply string
	// NoScanType has SCAN without TYPE, as before Redis 6.0 and in proxies.
	NoScanType bool

	// Memory makes the nodes reachable through Cluster.Dial alone, over
	// connections in memory: quick, without ports, and with nothing that waits
	// outside of this process, so that a test can run in a bubble of
	// testing/synctest, where no time is lost by waiting.
	Memory bool

	// Announce is how nodes name themselves and each other.
	Announce Announce
	// Hostname is the name that AnnounceHostname uses; "" means localhost.
	Hostname string
	// PartialCoverage keeps the cluster up when a slot has no owner, as
	// cluster-require-full-coverage no does.
	PartialCoverage bool

	// Seed decides node ids and hash seeds; equal seeds give equal scans.
	Seed uint64
	// Now is the clock of the TTLs; nil means time.Now.
	Now func() time.Time

	// Fault is consulted before each command; see Cluster.SetFault.
	Fault FaultFunc
	// Record keeps every command for Cluster.Log, beside the counts.
	Record bool
	// Gather is how long a connection waits for more input before it answers;
	// 0 means not at all. TCP may split a pipeline into several reads; tests
	// that count batches set some milliseconds to be sure that they see it
	// whole.
	Gather time.Duration
}

// User is a user besides the default one.
type User struct {
	Password string
	// Deny lists commands that answer NOPERM: names such as "scan" or, for one
	// subcommand, "cluster|nodes", in lower case.
	Deny []string
}

// Announce is a way in which addresses are given to clients. The real address
// is 127.0.0.1 with the node's port in any case.
type Announce int

const (
	// AnnounceIP gives 127.0.0.1.
	AnnounceIP Announce = iota
	// AnnounceHostname prefers Config.Hostname, as
	// cluster-preferred-endpoint-type hostname does; the IP is beside it.
	AnnounceHostname
	// AnnounceIPv6 gives an address with colons that still leads to 127.0.0.1:
	// ::ffff:127.0.0.1.
	AnnounceIPv6
	// AnnounceEmpty gives an empty host everywhere, as a node does that
	// doesn't know its own address.
	AnnounceEmpty
	// AnnounceNull gives a null endpoint in CLUSTER SLOTS and SHARDS and an
	// empty one in redirects (cluster-preferred-endpoint-type
	// unknown-endpoint); CLUSTER NODES has the IP.
	AnnounceNull
	// AnnounceUnknown gives ?, as nodes do that prefer hostnames but have
	// none; CLUSTER NODES has the IP.
	AnnounceUnknown
)

func (c *Config) normalize() error {
	if c.Masters == 0 {
		c.Masters = 3
		if c.Standalone {
			c.Masters = 1
		}
	}
	switch {
	case c.Masters < 0 || c.Masters > Slots:
		return errors.New("minicluster: Masters must be 1 to 16384, or 0 for the default")
	case c.Replicas < 0:
		return errors.New("minicluster: Replicas must not be negative")
	case c.Standalone && (c.Masters > 1 || c.Replicas > 0):
		return errors.New("minicluster: a standalone server is one master without replicas")
	case c.Announce < AnnounceIP || c.Announce > AnnounceUnknown:
		return errors.New("minicluster: unknown Announce")
	}
	if c.Valkey != "" {
		if _, _, ok := majorMinor(c.Valkey); !ok {
			return errors.New("minicluster: Valkey must be a version such as 9.1.2")
		}
		c.SlotTables = c.SlotTables || c.valkey(8, 0)
	}
	if c.Version == "" {
		switch {
		case c.Valkey != "":
			c.Version = "7.2.4"
		case c.SlotTables:
			c.Version = "7.4.1"
		default:
			c.Version = "7.0.15"
		}
	}
	if c.Hostname == "" {
		c.Hostname = "localhost"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}
