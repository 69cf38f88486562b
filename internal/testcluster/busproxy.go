package testcluster

import (
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// busProxy stands before one node's cluster bus port: the node announces the proxy's port instead of its own, so
// everything that other nodes send it on connections that they open comes through here. A connection's first message
// names its sender, which is how the proxy tells connections apart: it can refuse those from one node alone, and with
// a proxy before every node a node can be cut off in both directions, while clients and replicas, who use another
// port, still reach it.
type busProxy struct {
	listener net.Listener
	refuse   func(sender string) bool // asked for each new connection
	target   atomic.Pointer[string]
	running  sync.WaitGroup

	mu     sync.Mutex // guards what follows
	closed bool
	conns  map[net.Conn]string // both ends of each connection, and its sender's node ID; "" until that is known
}

// newBusProxy listens on a port that the kernel picks. Where it connects to is set later.
func newBusProxy(host string, refuse func(sender string) bool) (*busProxy, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	p := &busProxy{listener: l, refuse: refuse, conns: make(map[net.Conn]string)}
	p.running.Go(p.accept)
	return p, nil
}

func (p *busProxy) port() int { return p.listener.Addr().(*net.TCPAddr).Port }

func (p *busProxy) connectTo(host string, port int) {
	addr := net.JoinHostPort(host, strconv.Itoa(port))
	p.target.Store(&addr)
}

func (p *busProxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil { // closed
			return
		}
		p.running.Go(func() { p.serve(conn) })
	}
}

// Where a bus message has its sender's name: after signature, length, version, port, type, count, two epochs and the
// replication offset. So it is in Redis since 3.0 and in all of Valkey.
const (
	busSignature    = "RCmb"
	busSenderOffset = 40
	busSenderLength = 40
)

func (p *busProxy) serve(in net.Conn) {
	defer p.drop(in)
	if !p.keep(in, "") {
		return
	}
	header := make([]byte, busSenderOffset+busSenderLength)
	_ = in.SetReadDeadline(time.Now().Add(10 * time.Second)) // fails on a closed connection alone, as the read will
	if _, err := io.ReadFull(in, header); err != nil || string(header[:len(busSignature)]) != busSignature {
		return
	}
	_ = in.SetReadDeadline(time.Time{})
	sender := string(header[busSenderOffset:])
	out, err := net.DialTimeout("tcp", *p.target.Load(), 2*time.Second)
	if err != nil { // the node is dead, and so is this connection then
		return
	}
	defer p.drop(out)
	// Kept first and asked then, so that a cut made meanwhile finds the connection, or this finds the cut.
	if !p.keep(in, sender) || !p.keep(out, sender) || p.refuse(sender) {
		return
	}
	if _, err := out.Write(header); err != nil {
		return
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(in, out)
		_ = in.Close() // ends the other direction
	}()
	_, _ = io.Copy(out, in)
	_ = out.Close()
	<-back
}

func (p *busProxy) keep(conn net.Conn, sender string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.conns[conn] = sender
	return true
}

func (p *busProxy) drop(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

// cut ends the connections whose senders are refused by now.
func (p *busProxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn, sender := range p.conns {
		if sender != "" && p.refuse(sender) {
			_ = conn.Close()
		}
	}
}

func (p *busProxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for conn := range p.conns {
		_ = conn.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}
