package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/redisarrow/redisarrow/internal/resp"
)

var (
	// ErrNotCluster is wrapped by the error for a *redis.ClusterClient whose
	// server has cluster support switched off, or no cluster commands.
	ErrNotCluster = errors.New("the server is not part of a cluster")

	// ErrClient is wrapped by the error for a client that can't be scanned with:
	// nil, a *redis.Ring, or a type of the caller's own.
	ErrClient = errors.New("cluster: client not supported")

	// ErrWrongNode is wrapped by the error for an address at which another node
	// answers than the one that the cluster announces there, or one that isn't
	// part of the cluster at all.
	ErrWrongNode = errors.New("another node answers at this address")

	// ErrSentinel is wrapped by the error for a server that is a Sentinel, where one
	// with keys is expected.
	ErrSentinel = errors.New("the server is a Sentinel, which has no keys: name the master that it watches (SentinelMaster, --sentinel-master, or ?master_name= in the URL)")

	// ErrOptions is wrapped by the errors for [Options] that no connection is
	// tried with: a malformed URL, users that contradict each other.
	ErrOptions = errors.New("cluster: bad options")
)

// NodeError says what went wrong with which node. It never holds a password.
type NodeError struct {
	Addr    string // the address dialed
	Command string // what was tried: "connect as user \"app\" over TLS", "CLUSTER SLOTS"
	Err     error  // the cause
}

// Error names the node, what was tried, the cause, and where it can be told,
// what to do about it.
func (e *NodeError) Error() string {
	text := fmt.Sprintf("redis node %s: %s: %v", e.Addr, e.Command, e.Err)
	if advice := e.advice(); advice != "" {
		text += " (" + advice + ")"
	}
	return text
}

// Unwrap returns the cause.
func (e *NodeError) Unwrap() error { return e.Err }

// advice tells what to do about the causes that users meet when they begin.
func (e *NodeError) advice() string {
	var (
		dns       *net.DNSError
		plain     tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		protocol  *resp.ProtocolError
		reply     *resp.ReplyError
		dial      *net.OpError
	)
	text := e.Err.Error()
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case errors.Is(e.Err, context.Canceled):
		return ""
	case errors.Is(e.Err, ErrWrongNode):
		return "correct the addresses that the nodes announce (cluster-announce-ip, cluster-announce-port, cluster-announce-hostname), or what forwards them"
	case errors.As(e.Err, &dial) && dial.Op == "dial" && dial.Net == "unix":
		return socketAdvice(dial)
	case errors.As(e.Err, &reply) && reply.Unsupported():
		return missingAdvice(e.Command)
	case errors.As(e.Err, &dns):
		return "the host name can't be resolved: check it"
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return "no server listens there: check host and port"
	case errors.As(e.Err, &plain):
		return "the port doesn't speak TLS: connect without it, redis:// instead of rediss://"
	case errors.As(e.Err, &authority):
		return "give the certificate authority that signed the server's certificate"
	case errors.As(e.Err, &hostname):
		return "set the server name that the certificate is for"
	case errors.As(e.Err, &invalid):
		return "the server's certificate is not valid now or for this use"
	case strings.HasPrefix(e.Command, "connect") && (errors.As(e.Err, &protocol) || errors.Is(e.Err, resp.ErrTooLarge)):
		return "what answers there doesn't speak Redis's protocol: check host and port"
	case has("remote error: tls:"):
		return "the server refused the TLS handshake: it may want a client certificate"
	case has("WRONGPASS"), has("invalid password"):
		return "wrong user name or password"
	case has("NOAUTH"):
		return "the server wants a password: give one"
	case has("without any password configured"):
		return "the server has no password: leave it out"
	case has("NOPERM"):
		return "the user lacks a permission: allow it with ACL SETUSER"
	case has("SELECT is not allowed in cluster mode"):
		return "this cluster has only database 0"
	case has("DB index is out of range"):
		return "the server has no database of this number: see its directives databases and cluster-databases"
	case has("DENIED"):
		return "the server is in protected mode: set a password there, or connect from its own machine"
	case has("max number of clients"):
		return "the server's maxclients is reached"
	case errors.Is(e.Err, resp.ErrStalled):
		return "the server was silent for so long: see whether it or the network hangs, and allow for more if it is only slow"
	case e.Command == "SCAN" && hungUp(e.Err):
		return "if the connection is lost at each SCAN, what answers is a proxy that doesn't know the command: connect to the servers behind it"
	case !strings.HasPrefix(e.Command, "connect"):
		return ""
	case hungUp(e.Err) && strings.HasSuffix(e.Command, " TLS"):
		return "the server closed the connection: the port may not speak TLS, or want a client certificate"
	case hungUp(e.Err):
		return "the server closed the connection: if the port speaks TLS, connect with rediss:// or TLS options; it may also be a cluster's bus port, or a proxy that doesn't know Redis's own commands"
	case errors.Is(e.Err, os.ErrDeadlineExceeded), errors.Is(e.Err, context.DeadlineExceeded):
		return "no answer in time: check address and firewall, and that TLS is on where the port speaks it, and only there"
	default:
		return ""
	}
}

// socketAdvice is about a unix socket that can't be connected to.
func socketAdvice(err *net.OpError) string {
	switch {
	case errors.Is(err, syscall.ENOENT):
		return "there is no such socket: check the path against the server's unixsocket, and that the server runs"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return "this user may not use the socket: see the server's unixsocketperm and the folder's permissions"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTSOCK):
		return "no server listens there: it has ended and left the socket, or the file is none"
	default:
		return ""
	}
}

// missingAdvice is about a command that the server hasn't got, or that a service
// or a proxy keeps back.
func missingAdvice(command string) string {
	switch command {
	case "CLUSTER NODES":
		return "without CLUSTER NODES it can't be told whether slots move while they are read, so a cluster isn't scanned: let the service allow it, or scan by an endpoint that is one server"
	case "SCAN":
		return "without SCAN keys can't be listed: if a proxy is in between, connect to the servers behind it"
	case sentinelCommand:
		return "the server is no Sentinel: give one's address, mostly of port 26379, or leave the master's name out"
	default:
		return "the server, or what stands before it, hasn't got the command"
	}
}

// hungUp reports whether the peer ended the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// SeedsError says that no seed could be used, and why, for each.
type SeedsError struct {
	Nodes []*NodeError // one a seed, in the order in which they were tried
}

// Error lists every seed with its error.
func (e *SeedsError) Error() string {
	if len(e.Nodes) == 1 {
		return e.Nodes[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "none of %d redis nodes could be used", len(e.Nodes))
	for _, n := range e.Nodes {
		b.WriteString("\n  ")
		b.WriteString(n.Error())
	}
	return b.String()
}

// Unwrap returns the errors of the seeds.
func (e *SeedsError) Unwrap() []error {
	errs := make([]error, len(e.Nodes))
	for i, n := range e.Nodes {
		errs[i] = n
	}
	return errs
}
