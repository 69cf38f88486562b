package cluster

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// splitAddr takes "host:port" apart. Servers write IPv6 addresses without
// brackets, so the port is what follows the last colon. The host may be
// empty; a port is a number from 0 to 65535.
func splitAddr(addr string) (host string, port int, ok bool) {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 {
		return "", 0, false
	}
	n, err := strconv.ParseUint(addr[i+1:], 10, 16)
	if err != nil {
		return "", 0, false
	}
	host = addr[:i]
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	return host, int(n), true
}

func joinAddr(host string, port int) string {
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// resolve is the address to dial for a host and a port that the node at the
// address from has announced.
//
// An empty host is what a node says that doesn't know its own address or was
// told not to name it, "?" stands for a host name that isn't set: both mean the
// host that has just been reached. So does a loopback address that comes from
// elsewhere: it names the machine of the node, not of this client.
func resolve(host string, port int, from string) string {
	if host == "" || host == "?" || isLoopback(host) && !isLoopback(hostOf(from)) {
		host = hostOf(from)
	}
	return joinAddr(host, port)
}

// hostOf is the host of an address that was dialed.
func hostOf(addr string) string {
	host, _, ok := splitAddr(addr)
	switch {
	case ok && host != "":
		return host
	case ok, strings.HasPrefix(addr, "/"), strings.HasPrefix(addr, "@"):
		return "localhost" // ":6379", or a unix socket: this machine
	default:
		return addr
	}
}

func isLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}
