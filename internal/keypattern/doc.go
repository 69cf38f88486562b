// Package keypattern says what keys have in common: user:17 and user:18 are user:*,
// and session:{a81f0c22}:cart is session:{*}:cart. What it returns are globs as SCAN's
// MATCH takes them, printable, and each matches the keys that it is for (and perhaps
// others: user:* matches user:17:cart as well).
//
// A key is cut at : / | { } into segments (split.go). What is obviously an identifier
// in a segment becomes * whatever the other keys are like: a number, a UUID, a long hex
// number, an address with @ (segment.go). Words become * if there are many of them
// at the same place, for few keys each (group.go).
package keypattern
