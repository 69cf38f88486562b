package minicluster

import "fmt"

// valkey tells whether the nodes are Valkey servers of that version or later.
func (c *Config) valkey(major, minor int) bool {
	a, b, ok := majorMinor(c.Valkey)
	return ok && (a > major || a == major && b >= minor)
}

func majorMinor(version string) (major, minor int, ok bool) {
	n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return major, minor, n == 2
}

// server is how the nodes call themselves, and their version, in HELLO.
func (c *Config) server() (name, version string) {
	if c.Valkey != "" {
		return "valkey", c.Valkey
	}
	return "redis", c.Version
}
