package faultnet

import (
	"context"
	"net"
	"os"
	"sync"
	"syscall"
)

// Network carries connections. Its methods may be called from any goroutine.
type Network struct {
	listener *net.TCPListener
	pairing  sync.Mutex // one connection to the listener at a time
	done     chan struct{}
	running  sync.WaitGroup

	mu    sync.Mutex
	plan  func(Conn) Plan
	links []*link
	nth   map[string]int // connections by address
}

// New makes a network without faults. Close it.
func New() (*Network, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &Network{
		listener: l.(*net.TCPListener),
		done:     make(chan struct{}),
		plan:     func(Conn) Plan { return Plan{} },
		nth:      make(map[string]int),
	}, nil
}

// SetPlan says what happens to the connections that are dialled from now on.
// plan is called once for each, possibly from several goroutines at a time;
// nil means that nothing happens. Connections that are there keep their plans.
func (n *Network) SetPlan(plan func(Conn) Plan) {
	if plan == nil {
		plan = func(Conn) Plan { return Plan{} }
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.plan = plan
}

// Dial connects to a server through the network: the Dialer of redis.Options
// and redis.ClusterOptions.
func (n *Network) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	l := n.register(addr)
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	switch l.plan.Dial {
	case Refused:
		return fail(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	case Unanswered:
		select {
		case <-ctx.Done():
			return fail(ctx.Err())
		case <-n.done:
			return fail(net.ErrClosed)
		}
	}
	var d net.Dialer
	server, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	near, far, err := n.pair(ctx)
	if err != nil {
		_ = server.Close()
		return nil, err
	}
	if l.plan.Narrow {
		_, _ = near.SetWriteBuffer(narrowBuffer), far.SetReadBuffer(narrowBuffer)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.done:
		_, _, _ = near.Close(), far.Close(), server.Close()
		return fail(net.ErrClosed)
	default:
	}
	l.start(far, server, n.running.Go)
	return newClientConn(near, l), nil
}

// narrowBuffer is what Plan.Narrow asks of the system, which takes it for
// twice as much. With less, loopback's large packets don't fit, and TCP waits
// for its timers.
const narrowBuffer = 32 << 10

// register gives a connection its numbers and its plan.
func (n *Network) register(addr string) *link {
	n.mu.Lock()
	l := &link{conn: Conn{Node: addr, N: len(n.links), Nth: n.nth[addr]}, gone: make(chan struct{})}
	n.nth[addr]++
	n.links = append(n.links, l)
	plan := n.plan
	n.mu.Unlock()
	l.plan = plan(l.conn)
	return l
}

// pair makes a TCP connection and returns both of its ends.
func (n *Network) pair(ctx context.Context) (near, far *net.TCPConn, err error) {
	n.pairing.Lock()
	defer n.pairing.Unlock()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp4", n.listener.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	for {
		far, err := n.listener.AcceptTCP()
		if err != nil {
			_ = conn.Close()
			return nil, nil, err
		}
		if far.RemoteAddr().String() == conn.LocalAddr().String() {
			return conn.(*net.TCPConn), far, nil
		}
		_ = far.Close() // of a dial that was given up
	}
}

// Record is what went over a connection.
type Record struct {
	Conn              Conn
	Requests, Replies []Message
	Struck            bool // a fault has
}

// Records are what went over each connection so far, in the order of
// dialling; those that didn't come about are among them.
func (n *Network) Records() []Record {
	n.mu.Lock()
	defer n.mu.Unlock()
	records := make([]Record, len(n.links))
	for i, l := range n.links {
		records[i] = l.record()
	}
	return records
}

// Bytes is the sum of the messages' bytes.
func Bytes(messages []Message) (sum int64) {
	for _, m := range messages {
		sum += m.Bytes
	}
	return sum
}

// Restart breaks all connections that are there now and forgets what was
// recorded; the numbers of connections begin at 0 again. The plan stays.
func (n *Network) Restart() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.links {
		l.end()
	}
	n.links, n.nth = nil, make(map[string]int)
}

// Close breaks all connections and waits until nothing runs any more. It may
// be called twice.
func (n *Network) Close() {
	n.mu.Lock()
	select {
	case <-n.done:
	default:
		close(n.done)
	}
	for _, l := range n.links {
		l.end()
	}
	n.mu.Unlock()
	_ = n.listener.Close()
	n.running.Wait()
}
