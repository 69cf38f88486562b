package cluster

import "strings"

// Redirect is what a MOVED or ASK reply says.
type Redirect struct {
	Ask  bool   // ASK: for this one command, with ASKING before it; else MOVED
	Slot uint16 // whose key was asked for
	Addr string // host:port to dial
}

// ParseRedirect reads the text of an error reply (without the sign): "MOVED
// 3999 10.0.0.1:6381", "ASK 3999 [::1]:6381" or "ASK 3999 ::1:6381". from is
// the address that the reply came from: it fills in for a host that the reply
// leaves empty or gives as "?". ok is false for any other reply, and for a
// redirect without a usable port.
func ParseRedirect(text, from string) (r Redirect, ok bool) {
	kind, rest, _ := strings.Cut(text, " ")
	switch kind {
	case "MOVED":
	case "ASK":
		r.Ask = true
	default:
		return Redirect{}, false
	}
	slot, addr, _ := strings.Cut(rest, " ")
	addr, _, _ = strings.Cut(addr, " ") // room for additions
	if r.Slot, ok = parseSlot(slot); !ok {
		return Redirect{}, false
	}
	host, port, ok := splitAddr(addr)
	if !ok || port == 0 {
		return Redirect{}, false
	}
	r.Addr = resolve(host, port, from)
	return r, true
}
