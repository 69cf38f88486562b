// Package minicluster is a fake Redis cluster that runs in this process: the
// server of the demo and of the fast tests.
//
// It is not a store. It imitates what matters to somebody who reads a whole
// cluster: cursors, slots, redirects, open migrations, differing views,
// restarts, TTLs; and it misbehaves on demand.
//
// How its parts meet:
//
//   - [Cluster] holds the nodes; one mutex guards everything they know.
//   - A node has a listener, a keyspace of its own (keyspace.go, on the hash
//     table in dict.go), and a [View]: what it believes about the cluster.
//     The cluster also keeps the true view, which reaches every node at once
//     unless the node is isolated or its view was edited.
//   - A session (session.go) is one connection and one goroutine: it reads
//     commands, asks the [FaultFunc], executes, and writes its replies when it
//     has no more input, so a pipeline is answered in one write.
//   - The commands are in command_*.go, one table in command.go.
//   - What came over the wire is counted and, if asked, recorded: wirelog.go.
//
// SCAN walks the tables as Redis does, bucket by bucket in reverse binary
// order, over tables that are rehashed step by step: so a table that shrinks
// in mid-scan really makes keys come twice, and a cursor is void once the node
// was restarted.
//
// What a scan's guards are told, in transactions and out of them, is as real
// servers tell it: guard_real_test.go compares. A slot can be moved in one step
// (MoveSlot), in an operator's (OpenMigration, CloseMigration, AbortMigration),
// or in the smallest (SetMigrating, SetImporting, MoveKeys, SetSlotNode, Learn;
// TakeSlot and SettleSlot where migrations are atomic).
//
// Nodes listen on 127.0.0.1 only, or are reached through memory (memory.go). The wire protocol is RESP2; HELLO 3 is
// refused, and clients fall back.
package minicluster
