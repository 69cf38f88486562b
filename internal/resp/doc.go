// Package resp reads and writes RESP2, the protocol of Redis and Valkey
// (https://redis.io/docs/latest/develop/reference/protocol-spec/), on a byte
// stream, without allocating per value.
//
// A [Reader] hands out one header after another, and the payloads as slices
// of its own buffer: who wants to keep bytes copies them, once, to where they
// belong. A [LongBulk], larger than the buffer, goes there without it. The Append functions write commands and replies into a buffer of
// the caller's. A [Conn] is a network connection with a Reader on it, bound
// to contexts and to a longest silence.
//
// Nothing that a peer sends can make the reader panic, or allocate more than
// a small multiple of what has really arrived: a length is believed only as
// far as bytes follow.
package resp
