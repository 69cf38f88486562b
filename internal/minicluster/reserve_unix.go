//go:build unix

package minicluster

import (
	"net"
	"syscall"
)

// reserve keeps the port of a node that is down: nobody else gets it, and who
// connects is refused. Without that another cluster's node might answer there.
func reserve(addr string) (release func()) {
	tcp, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return func() {}
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return func() {}
	}
	syscall.CloseOnExec(fd)
	// The connections that were just closed don't keep it from being bound again.
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	// Bound, and not listening. If it fails, the port is somebody's already.
	_ = syscall.Bind(fd, &syscall.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(tcp.IP.To4())})
	return func() { _ = syscall.Close(fd) }
}
