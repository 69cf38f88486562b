package main

import (
	"context"
	"net"
	"sync"
	"time"
)

// line stands between the readers and a server that is far away: what is sent
// arrives later, and as fast as it was sent. (internal/faultnet holds up each
// piece until the one before has arrived, which makes a line narrow, not long.)
type line struct {
	listener net.Listener
	to       string
	delay    time.Duration // each way

	mu    sync.Mutex
	conns []net.Conn
	wait  sync.WaitGroup
}

// newLine makes a line to an address.
func newLine(to string, delay time.Duration) (*line, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n := &line{listener: l, to: to, delay: delay}
	n.wait.Go(n.accept)
	return n, nil
}

func (l *line) addr() string { return l.listener.Addr().String() }

func (l *line) close() {
	_ = l.listener.Close()
	l.mu.Lock()
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.mu.Unlock()
	l.wait.Wait()
}

func (l *line) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		var d net.Dialer
		far, err := d.DialContext(context.Background(), "tcp", l.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		l.mu.Lock()
		l.conns = append(l.conns, near, far)
		l.mu.Unlock()
		l.wait.Go(func() { l.carry(far, near) })
		l.wait.Go(func() { l.carry(near, far) })
	}
}

// parcel is bytes on their way.
type parcel struct {
	due  time.Time
	data []byte
}

const (
	parcelSize = 64 << 10
	// parcels is how many are on their way at most: more than 5 ms' worth of
	// what servers send.
	parcels = 512
)

// carry carries from one end to the other until one of them closes.
func (l *line) carry(to, from net.Conn) {
	sent, used := make(chan parcel, parcels), make(chan []byte, parcels)
	l.wait.Go(func() {
		defer func() { _ = to.Close() }()
		var err error
		for p := range sent {
			if err == nil {
				time.Sleep(time.Until(p.due))
				_, err = to.Write(p.data)
			}
			select {
			case used <- p.data[:cap(p.data)]:
			default:
			}
		}
	})
	defer close(sent)
	for {
		var data []byte
		select {
		case data = <-used:
		default:
			data = make([]byte, parcelSize)
		}
		n, err := from.Read(data)
		if n > 0 {
			sent <- parcel{time.Now().Add(l.delay), data[:n]}
		}
		if err != nil {
			return
		}
	}
}
