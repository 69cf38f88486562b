package minicluster

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// databases is how many a standalone server has; a cluster has one.
const databases = 16

// node is one server. The cluster's lock guards it.
type node struct {
	c        *Cluster
	index    int
	id       string
	announce Announce
	wrong    *wrongAddr // announced instead of the true address; nil: none

	addr     string // host:port, kept over restarts
	port     int
	listener net.Listener // nil: it is down
	release  func()       // of the port that is kept for it while it is down; or nil
	sessions map[*session]struct{}
	runID    string
	started  time.Time

	dbs       []*keyspace
	view      *View
	isolated  bool
	migrating map[int]int // slot → the node it goes to
	importing map[int]int // slot → the node it comes from
}

// start listens, as a new process: with a new run id and, for what its cursors
// mean, new hash seeds.
func (n *node) start(addr string) error {
	n.unreserve()
	ln, err := n.c.listen(addr, n.index)
	// Between two processes of a node its port is nobody's, and for an instant a
	// connection from this machine may get it as its own.
	for tries := 0; errors.Is(err, syscall.EADDRINUSE) && tries < 200; tries++ {
		time.Sleep(10 * time.Millisecond)
		ln, err = n.c.listen(addr, n.index)
	}
	if err != nil {
		return fmt.Errorf("minicluster: node %d: %w", n.index, err)
	}
	tcp := ln.Addr().(*net.TCPAddr)
	n.addr, n.port = tcp.String(), tcp.Port
	if n.c.cfg.TLS != nil {
		ln = tls.NewListener(ln, n.c.cfg.TLS)
	}
	n.listener, n.started, n.runID = ln, n.c.cfg.Now(), n.c.hexID()
	for i, ks := range n.dbs {
		if ks != nil {
			n.dbs[i] = n.newKeyspace()
			ks.each(func(it *item) { n.dbs[i].put([]byte(it.key), it.val) })
		}
	}
	n.c.wg.Go(func() { n.accept(ln) })
	return nil
}

func (n *node) accept(ln net.Listener) {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return // closed by stop
		}
		s := newSession(n, nc)
		n.c.mu.Lock()
		up := n.listener == ln
		if up {
			n.sessions[s] = struct{}{}
			n.c.wg.Go(s.serve)
		}
		n.c.mu.Unlock()
		if !up {
			s.close()
		}
	}
}

// stop closes the listener and all connections, and keeps the keys.
func (n *node) stop() {
	n.unreserve()
	if n.listener == nil {
		return
	}
	n.listener.Close()
	n.listener = nil
	n.dropSessions()
}

// reserve keeps the port of a node that was stopped, for as long as it is.
func (n *node) reserve() {
	if !n.c.cfg.Memory {
		n.release = reserve(n.addr)
	}
}

func (n *node) unreserve() {
	if n.release != nil {
		n.release()
		n.release = nil
	}
}

func (n *node) dropSessions() {
	for s := range n.sessions {
		s.close()
	}
	clear(n.sessions)
}

func (n *node) newKeyspace() *keyspace {
	return newKeyspace(n.c.rand.Uint64(), !n.c.cfg.Standalone, n.c.cfg.SlotTables)
}

// wipe forgets all keys.
func (n *node) wipe() {
	n.dbs = make([]*keyspace, databases)
	n.dbs[0] = n.newKeyspace()
}

func (n *node) db(i int) *keyspace {
	if n.dbs[i] == nil {
		n.dbs[i] = n.newKeyspace()
	}
	return n.dbs[i]
}

// edit changes the node's own view.
func (n *node) edit(change func(*View)) {
	change(n.view)
	n.view.refresh(n.c.cfg.PartialCoverage)
}

func (n *node) isMaster() bool { return n.view.nodes[n.index].master < 0 }

// lookup returns the living value of key, or nil. A key that has expired goes
// away here; on a replica it is only hidden, as its master decides.
func (n *node) lookup(db int, key []byte) *value {
	v := n.db(db).get(key)
	if v == nil {
		return nil
	}
	if v.expired(n.c.cfg.Now) {
		if n.isMaster() {
			n.remove(db, key)
		}
		return nil
	}
	return v
}

// put and remove change a key here and on the node's replicas, which share the
// value. Expired keys are not asked about.
func (n *node) put(db int, key []byte, v *value) {
	n.db(db).put(key, v)
	for _, r := range n.replicas() {
		r.db(db).put(key, v)
	}
}

func (n *node) remove(db int, key []byte) bool {
	found := n.db(db).remove(key)
	for _, r := range n.replicas() {
		r.db(db).remove(key)
	}
	return found
}

// flush removes all keys of all databases.
func (n *node) flush() {
	n.wipe()
	for _, r := range n.replicas() {
		r.wipe()
	}
}

// replicas lists the nodes that get this node's writes.
func (n *node) replicas() []*node {
	if n.isolated || len(n.c.nodes) == n.c.cfg.Masters {
		return nil
	}
	var out []*node
	for i, p := range n.c.truth.nodes {
		if p.master == n.index && i < len(n.c.nodes) && !n.c.nodes[i].isolated {
			out = append(out, n.c.nodes[i])
		}
	}
	return out
}

// copyFrom makes the node's keys those of its master, as a full
// synchronisation does.
func (n *node) copyFrom(master *node) {
	n.wipe()
	for i, ks := range master.dbs {
		if ks != nil {
			ks.each(func(it *item) { n.db(i).put([]byte(it.key), it.val) })
		}
	}
}

// ownValues gives the node copies of its values, so that it shares none with
// nodes from which it is cut off.
func (n *node) ownValues() {
	for _, ks := range n.dbs {
		if ks != nil {
			ks.each(func(it *item) { it.val = it.val.clone() })
		}
	}
}
