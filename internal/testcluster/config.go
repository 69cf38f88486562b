package testcluster

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config says what to start. Only Server must be set.
type Config struct {
	// Server is the program, see [Find] and [Lookup].
	Server Server

	// Masters is how many masters share the slots; 0 means 3. A server alone (Standalone) is one.
	Masters int

	// Replicas is how many replicas each master has; default 0.
	Replicas int

	// Standalone starts one server with cluster-enabled no, and its Replicas.
	Standalone bool

	// Password is the default user's (requirepass); empty means none is asked for.
	Password string

	// Users are ACL users, as in a server's configuration: "alice on >secret ~* +@read". "default off" is possible:
	// the harness itself always comes in as a user of its own, named [AdminUser].
	Users []string

	// TLS makes clients, cluster bus and replicas speak TLS alone, with certificates made for this cluster: see
	// [Cluster.Certificates].
	TLS bool

	// RequireClientCert refuses TLS clients that show no certificate of the cluster's own authority.
	RequireClientCert bool

	// TLSNames are further DNS names for the server's certificate; 127.0.0.1, ::1 and localhost are always in it.
	TLSNames []string

	// Host is the address to listen on: "127.0.0.1", the default, or "::1".
	Host string

	// UnixSocket makes every node listen on a socket in its folder too, see [Node].
	UnixSocket bool

	// NodeTimeout is cluster-node-timeout: how long a node must be silent to be taken for dead. 0 means 2 s.
	NodeTimeout time.Duration

	// BusProxy puts a proxy of the harness before each node's cluster bus, so that [Cluster.Partition] can cut nodes
	// off. It can't be had with TLS, which hides who sends.
	BusProxy bool

	// AllowGaps sets cluster-require-full-coverage no: the slots that have an owner are served although others have
	// none.
	AllowGaps bool

	// Conf are further directives of every node's configuration, which win over the harness's own:
	// {"maxmemory": "10mb", "cluster-preferred-endpoint-type": "unknown-endpoint"}.
	Conf map[string]string

	// NodeConf, if set, gives directives of one node, which win over Conf: {"cluster-announce-hostname": "a.test"}.
	NodeConf func(node int) map[string]string
}

// AdminUser is the ACL user by which the harness and its replicas come in; it may do everything.
const AdminUser = "testcluster"

func (c Config) withDefaults() (Config, error) {
	if c.Masters == 0 {
		c.Masters = 3
		if c.Standalone {
			c.Masters = 1
		}
	}
	if c.Host == "" {
		c.Host = "127.0.0.1"
	}
	if c.NodeTimeout == 0 {
		c.NodeTimeout = 2 * time.Second
	}
	switch {
	case c.Server.Path == "":
		return c, errors.New("testcluster: no Server in the Config")
	case c.Masters < 0 || c.Replicas < 0:
		return c, fmt.Errorf("testcluster: %d masters with %d replicas", c.Masters, c.Replicas)
	case c.Standalone && c.Masters != 1:
		return c, fmt.Errorf("testcluster: a server alone can't be %d masters", c.Masters)
	case c.BusProxy && (c.TLS || c.Standalone):
		return c, errors.New("testcluster: BusProxy needs a cluster without TLS")
	case c.RequireClientCert && !c.TLS:
		return c, errors.New("testcluster: RequireClientCert without TLS")
	}
	return c, nil
}

// directives is the whole configuration of node n, in the server's own syntax.
func (c Config) directives(n *Node, admin string, certs *Certificates, master *Node) string {
	d := map[string]string{
		"bind":       c.Host,
		"dir":        quote(n.Dir),
		"daemonize":  "no",
		"save":       `""`,
		"appendonly": "no",
		// The tests' own: DEBUG SLEEP and the like.
		"enable-debug-command": "yes",
		// Replicas are to be there at once: by default a master waits 5 s for more of them to come.
		"repl-diskless-sync-delay": "0",
		"masteruser":               AdminUser,
		"masterauth":               admin,
	}
	port := "port"
	if c.TLS {
		port = "tls-port"
		d["port"] = "0"
		d["tls-ca-cert-file"] = quote(certs.CAFile)
		d["tls-cert-file"] = quote(certs.ServerCertFile)
		d["tls-key-file"] = quote(certs.ServerKeyFile)
		d["tls-auth-clients"] = yesNo(c.RequireClientCert)
		d["tls-replication"] = "yes"
	}
	d[port] = strconv.Itoa(n.port)
	if c.Standalone {
		if master != nil {
			d["replicaof"] = fmt.Sprintf("%s %d", c.Host, master.port)
		}
	} else {
		maps.Copy(d, map[string]string{
			"cluster-enabled":               "yes",
			"cluster-port":                  strconv.Itoa(n.busPort),
			"cluster-config-file":           "nodes.conf",
			"cluster-node-timeout":          strconv.FormatInt(c.NodeTimeout.Milliseconds(), 10),
			"cluster-require-full-coverage": yesNo(!c.AllowGaps),
			// Roles change when a test says so, not because a master lost its last slot or its last replica.
			"cluster-allow-replica-migration": "no",
			// A replica stands for election however long its master has been silent.
			"cluster-replica-validity-factor": "0",
		})
		if c.TLS {
			d["tls-cluster"] = "yes"
		}
		if n.bus != nil {
			d["cluster-announce-bus-port"] = strconv.Itoa(n.bus.port())
		}
	}
	if c.UnixSocket {
		d["unixsocket"] = quote(n.Socket)
	}
	if c.Password != "" {
		d["requirepass"] = quote(c.Password)
	}
	maps.Copy(d, c.Conf)
	if c.NodeConf != nil {
		maps.Copy(d, c.NodeConf(n.Index))
	}

	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(d)) {
		fmt.Fprintf(&b, "%s %s\n", name, d[name])
	}
	for _, rules := range append([]string{AdminUser + " on >" + admin + " ~* &* +@all"}, c.Users...) {
		fmt.Fprintf(&b, "user %s\n", rules)
	}
	return b.String()
}

// quote writes a value as the servers' configuration reads quoted strings.
func quote(s string) string { return strconv.Quote(filepath.ToSlash(s)) }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// slotShares splits the slots evenly over n masters, as redis-cli does: 0–5460, 5461–10922, 10923–16383 for three.
func slotShares(n int) [][2]int {
	shares := make([][2]int, n)
	for i := range shares {
		// Half up, in integers: the last slot before i+1 times 16384/n.
		last := func(i int) int { return (2*slots*i+n)/(2*n) - 1 }
		shares[i] = [2]int{last(i) + 1, last(i + 1)}
	}
	return shares
}

const slots = 16384
