package minicluster

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"syscall"
)

// firstMemoryPort is that of node 0 where nodes are reached through memory.
const firstMemoryPort = 7000

// listen makes a node's listener: at addr, or where that is "" anywhere. The
// lock is held.
func (c *Cluster) listen(addr string, node int) (net.Listener, error) {
	if !c.cfg.Memory {
		if addr == "" {
			addr = "127.0.0.1:0"
		}
		return net.Listen("tcp4", addr)
	}
	port := firstMemoryPort + node
	if addr != "" {
		_, digits, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		if port, err = strconv.Atoi(digits); err != nil {
			return nil, err
		}
	}
	ln := &memoryListener{
		addr:   &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port},
		conns:  make(chan net.Conn),
		closed: make(chan struct{}),
	}
	if c.memory == nil {
		c.memory = map[int]*memoryListener{}
	}
	c.memory[ln.addr.Port] = ln
	return ln, nil
}

// freshAddr is an address for listen that no node has had. The lock is held.
func (c *Cluster) freshAddr() string {
	if !c.cfg.Memory {
		return ""
	}
	port := firstMemoryPort + Slots // above those by number
	for c.memory[port] != nil {
		port++
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// Dial connects to a node of a cluster that is reached through memory, see
// [Config.Memory]. It has the form of a go-redis client's Dialer. The port of
// addr counts, whatever the host; network doesn't.
func (c *Cluster) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("%s: %w", addr, err)}
	}
	_, digits, err := net.SplitHostPort(addr)
	if err != nil {
		return fail(err)
	}
	port, err := strconv.Atoi(digits)
	if err != nil {
		return fail(err)
	}
	c.mu.Lock()
	ln := c.memory[port]
	c.mu.Unlock()
	if ln == nil {
		return fail(syscall.ECONNREFUSED)
	}
	client, server := newPipe(ln.addr)
	select {
	case ln.conns <- server:
		return client, nil
	case <-ln.closed:
		return fail(syscall.ECONNREFUSED)
	case <-ctx.Done():
		return fail(context.Cause(ctx))
	}
}

// memoryListener hands the connections of Cluster.Dial to a node.
type memoryListener struct {
	addr   *net.TCPAddr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *memoryListener) Addr() net.Addr { return l.addr }
