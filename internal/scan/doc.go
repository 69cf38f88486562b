// Package scan reads every key of a cluster with its replies, page by page,
// each slot once, whatever the cluster does meanwhile.
//
// What has become of each slot stands in the ledger (ledger.go): pending, being
// read, read, done. A surveyor (surveyor.go) asks all masters who owns which slot
// (survey.go); the board (board.go) joins both to tasks (task.go), slots of one
// master, which workers take. One task is a pass (pass.go): the keys of the slots
// are listed in one of several ways (way.go: clusterscan.go, slotscan.go,
// keysinslot.go, plainscan.go), each piece guarded by what the server says of
// itself in the same instant (guard.go), and fetched (fetch.go) in the same
// pipeline on one connection of our own (link.go). When everything of a slot has
// been read, the next survey says by the rule (rule.go) whether the slot is done,
// or has to be read again; what it has given already is remembered until then
// (seen.go). A scan in which some slot can't be done ends with an
// [*IncompleteError]. What holds for a server alone is in alone.go.
//
// What to ask about a key is said by a [Kind], what its replies mean by a
// [Decoder]; both belong to the caller. Keys that a master refuses with MOVED, ASK
// or a passing trouble are followed one by one (follow.go). How much is asked for
// at a time goes by the bytes seen: sizer.go has the fetches, pager.go the pages
// of keys. What a pass waits for so that others have their turn is in duty.go, for
// a node's time, and in pace.go, for the keys in a second; the clock that says when
// a scan has stalled (clock.go) stands still meanwhile. What is told of all that
// while it goes on is in event.go, how far it has come in progress.go.
//
//	Scan.Run ─┬─ surveyor: survey after survey ──► board, ledger
//	          └─ a worker for each decoder: board ─► task ─► pass
//	                                                  ├─ open: connect, guard
//	                                                  ├─ read: ask, receive, ask, receive …
//	                                                  └─ abandon what isn't settled
package scan
