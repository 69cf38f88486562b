package minicluster

import (
	"fmt"
	"net"
	"strconv"
)

// wrongAddr is an address under which a node is announced and not reached.
type wrongAddr struct {
	host string
	port int
}

// SetAnnounce changes how one node is announced, by itself and by the others.
func (c *Cluster) SetAnnounce(node int, a Announce) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[node].announce = a
}

// Misannounce has everybody announce a node under an address that isn't its
// own, in topologies and redirects, as a wrong cluster-announce-ip or
// cluster-announce-port does; "" takes it back. The port may be 0. A host that
// isn't an IP is announced as a host name. The node goes on listening where it
// did. It panics if addr is not host:port.
func (c *Cluster) Misannounce(node int, addr string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[node].wrong = nil
	if addr == "" {
		return
	}
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		panic(fmt.Errorf("minicluster: %w", err))
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		panic(fmt.Errorf("minicluster: %w", err))
	}
	c.nodes[node].wrong = &wrongAddr{host, int(port)}
}

// endpoint returns the host that clients are told for this node, and whether
// it is announced as null.
func (n *node) endpoint() (host string, null bool) {
	if name := n.hostname(); name != "" {
		return name, false
	}
	switch {
	case n.wrong != nil:
		return n.wrong.host, false
	case n.announce == AnnounceNull:
		return "", true
	case n.announce == AnnounceUnknown:
		return "?", false
	default:
		return n.ip(), false
	}
}

// hostname returns the name that the node is announced by, or "".
func (n *node) hostname() string {
	switch {
	case n.wrong != nil && net.ParseIP(n.wrong.host) == nil:
		return n.wrong.host
	case n.wrong == nil && n.announce == AnnounceHostname:
		return n.c.cfg.Hostname
	default:
		return ""
	}
}

// ip returns the address that CLUSTER NODES shows.
func (n *node) ip() string {
	switch {
	case n.wrong != nil && net.ParseIP(n.wrong.host) != nil:
		return n.wrong.host
	case n.announce == AnnounceIPv6:
		return "::ffff:127.0.0.1"
	case n.announce == AnnounceEmpty:
		return ""
	default:
		return "127.0.0.1"
	}
}

// announcedPort returns the port that clients are told for this node.
func (n *node) announcedPort() int {
	if n.wrong != nil {
		return n.wrong.port
	}
	return n.port
}

// redirect is the error that sends a client to this node.
func (n *node) redirect(code string, slot int) string {
	host, _ := n.endpoint()
	return code + " " + strconv.Itoa(slot) + " " + host + ":" + strconv.Itoa(n.announcedPort())
}
