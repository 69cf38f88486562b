// Package faultnet is a faulty network for tests: it stands between a client
// and any servers, real or fake, and lets happen to each connection what a
// test has planned.
//
//	client ── Conn ══ TCP ══ link ══ TCP ══ server
//	                          ├─ Requests: client to server
//	                          └─ Replies:  server to client
//
// A [Network] gives the client a Dial function, to be the Dialer of
// redis.Options or redis.ClusterOptions, so that every address the client
// learns leads through it. For each connection the [Network] asks for a
// [Plan]: whether it comes about at all, and for each direction a [Stream]:
// in which pieces and how late the bytes arrive, and the one [Fault] that
// strikes, at which byte. All that goes over a connection is real TCP on
// loopback, so that what the client sees is what the system makes of it:
// ECONNRESET, EOF, a write that blocks.
//
// How its parts meet: network.go dials and keeps the links; plan.go is what
// tests write; link.go carries one connection, a goroutine for each
// direction; tracker.go finds out where in a stream messages begin and which
// command they belong to, by RESP's framing (framer.go), so that a fault can
// be aimed at the third byte of the reply to the second HMGET. Streams that
// aren't RESP2, such as TLS, are carried all the same; faults can be aimed at
// their bytes only.
//
// Everything is determined by the plan: with equal seeds, pieces and delays
// are equal; what depends on the machine is only how much time passes.
package faultnet
