// Package sample looks at some keys of every master of a cluster, or of a single
// server: for whoever wants to know what is there before reading it all. It makes
// no promise such as a scan's: keys may be missing, and the sample is only about as
// mixed as the keys are.
//
// How its parts meet:
//
//   - [Take] finds the masters, connects to each, and has it list keys until the
//     sample is full, all keys have been looked at, or the time is over (take.go).
//     Each master has a share of the sample like its share of the keys; what one
//     can't give the others do.
//   - A walk (walk.go) lists a master's keys with SCAN: where a server keeps them by
//     slot, from many of its slots at once, otherwise from the beginning, which is
//     in the order of their hashes and so as good as any. Where SCAN is denied, or
//     few slots are wanted, it is CLUSTER GETKEYSINSLOT.
//   - [Node.Ask] asks a master about its keys, in one pipeline (ask.go).
//   - [ReadText] and [ReadHash] read values without holding giants (read.go).
package sample
