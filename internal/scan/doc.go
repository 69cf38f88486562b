// Package scan reads every key of a cluster with its replies, page by page,
// each slot once.
//
// A [Scan] reads the topology and goes over the masters; one walk over one
// master is a pass (pass.go): SCAN and the fetches of the keys it returns, in
// one pipeline on one connection of our own. What to ask about a key is said
// by a [Kind], what its replies mean by a [Decoder]; both belong to the
// caller. Keys that a master refuses with MOVED, ASK or a passing trouble are
// followed one by one (follow.go). What has become of each slot stands in the
// ledger (ledger.go): a slot is done only if its master says the same of
// itself (state.go) before and after the pass; a scan in which some slot is
// not done ends with an [*IncompleteError]. How much is asked for at a time goes
// by the bytes seen: sizer.go has the fetches, pager.go the pages of keys.
//
//	Scan.Run ── a worker for each decoder ── pass over a master
//	                                          ├─ open: connect, state, claim slots
//	                                          ├─ walk: ask, receive, ask, receive …
//	                                          └─ check: state again, settle slots
package scan
