package cluster

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/internal/resp"
)

// fakeNode is a server in this process that answers from a table. It speaks
// HELLO, AUTH and what else a handshake needs, or doesn't, as told.
type fakeNode struct {
	addr string

	// Set before the first connection.
	user, password string            // wanted, if password isn't empty
	replies        map[string]string // "CLUSTER SLOTS" or "PING" to a reply on the wire

	mu       sync.Mutex
	greeting string   // sent to a new connection, which is then closed
	commands []string // all that were received, with their arguments
	conns    []net.Conn
	closing  bool
	serving  sync.WaitGroup
}

// newFakeNode listens on loopback, with TLS if config isn't nil, until the
// test ends.
func newFakeNode(t *testing.T, config *tls.Config) *fakeNode {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return serveFakeNode(t, ln, config)
}

func serveFakeNode(t *testing.T, ln net.Listener, config *tls.Config) *fakeNode {
	n := &fakeNode{addr: ln.Addr().String(), replies: map[string]string{}}
	if config != nil {
		ln = tls.NewListener(ln, config)
	}
	n.serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			n.mu.Lock()
			n.conns = append(n.conns, conn)
			closing := n.closing
			n.mu.Unlock()
			if closing {
				_ = conn.Close()
				continue
			}
			n.serving.Go(func() { n.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		n.mu.Lock()
		n.closing = true
		for _, conn := range n.conns {
			_ = conn.Close()
		}
		n.mu.Unlock()
		n.serving.Wait()
	})
	return n
}

// received are the commands so far whose text begins so.
func (n *fakeNode) received(prefix string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var found []string
	for _, c := range n.commands {
		if strings.HasPrefix(c, prefix) {
			found = append(found, c)
		}
	}
	return found
}

// turnAway has the node send a greeting and hang up.
func (n *fakeNode) turnAway(greeting string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.greeting = greeting
}

// accepted is the number of connections so far.
func (n *fakeNode) accepted() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.conns)
}

func (n *fakeNode) serve(conn net.Conn) {
	defer conn.Close()
	n.mu.Lock()
	greeting := n.greeting
	n.mu.Unlock()
	if greeting != "" {
		_, _ = conn.Write([]byte(greeting))
		return
	}
	rd := resp.NewReader(conn, 4096)
	var trusted bool
	var args [][]byte
	for first := true; ; first = false {
		var err error
		if args, err = rd.ReadCommand(args); err != nil {
			if !errors.Is(err, io.EOF) {
				_, _ = conn.Write([]byte("-ERR Protocol error: expected '$'\r\n"))
			}
			return
		}
		if first {
			trusted = n.password == ""
		}
		words := make([]string, len(args))
		for i, arg := range args {
			words[i] = string(arg)
		}
		words[0] = strings.ToUpper(words[0])
		if len(words) > 1 && (words[0] == "CLUSTER" || words[0] == "CLIENT" || words[0] == "INFO") {
			words[1] = strings.ToUpper(words[1])
		}
		n.mu.Lock()
		n.commands = append(n.commands, strings.Join(words, " "))
		n.mu.Unlock()
		if _, err := conn.Write(n.answer(words, &trusted)); err != nil {
			return
		}
	}
}

func (n *fakeNode) answer(words []string, trusted *bool) []byte {
	for i := len(words); i > 0; i-- {
		if reply, ok := n.replies[strings.Join(words[:i], " ")]; ok {
			return []byte(reply)
		}
	}
	ok := resp.AppendSimple(nil, "OK")
	login := func(user, password string) bool {
		*trusted = password == n.password && (user == n.user || user == "default" && n.user == "")
		return *trusted
	}
	wrong := resp.AppendError(nil, "WRONGPASS invalid username-password pair or user is disabled.")
	switch words[0] {
	case "HELLO":
		if len(words) > 4 && words[2] == "auth" && !login(words[3], words[4]) {
			return wrong
		}
		if !*trusted {
			return resp.AppendError(nil, "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
		}
		b := resp.AppendArray(nil, 4)
		b = resp.AppendBulkString(resp.AppendBulkString(b, "server"), "redis")
		return resp.AppendInt(resp.AppendBulkString(b, "proto"), 2)
	case "AUTH":
		user := "default"
		if len(words) > 2 {
			user = words[1]
		}
		if !login(user, words[len(words)-1]) {
			return wrong
		}
		return ok
	}
	if !*trusted {
		return resp.AppendError(nil, "NOAUTH Authentication required.")
	}
	switch words[0] {
	case "PING":
		return resp.AppendSimple(nil, "PONG")
	case "SELECT", "CLIENT":
		return ok
	case "ECHO":
		return resp.AppendBulkString(nil, words[1])
	default:
		return resp.AppendError(nil, "ERR unknown command '"+words[0]+"'")
	}
}
