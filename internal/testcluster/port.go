package testcluster

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
)

// freePort gives a port of host on which nothing listens now. It lies below the ports that the kernel hands out to
// outgoing connections: one of those could be taken by any client between this look and the server's start, or while
// a killed server is down. Another test program may still take it first, so starting a server tries again.
func freePort(host string) (int, error) {
	const lowest = 10000
	below := ephemeralStart()
	if below < lowest+1000 {
		below = 32768
	}
	for range 200 {
		port := lowest + rand.IntN(below-lowest)
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return 0, err
		}
		return port, nil
	}
	return 0, errors.New("testcluster: no free port on " + host)
}

func ephemeralStart() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 32768 // Linux's default; other systems begin higher still
	}
	if fields := strings.Fields(string(text)); len(fields) == 2 {
		if n, err := strconv.Atoi(fields[0]); err == nil {
			return n
		}
	}
	return 32768
}
