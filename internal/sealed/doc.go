// Package sealed is the form of the bytes that a process leaves for a later one: a
// line that says what they are, a line of JSON for whoever looks at them, data,
// and a checksum of it all.
package sealed
