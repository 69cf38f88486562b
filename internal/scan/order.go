package scan

// cursorOrder tells what a server's cursors are like.
type cursorOrder uint8

const (
	// unknownOrder: nothing is known of the cursors.
	unknownOrder cursorOrder = iota
	// tableOrder: the server has one hash table, and its cursor counts
	// buckets in reversed binary order (dictScan of Redis up to 7.2).
	tableOrder
	// slotOrder: there is a table for each slot, in ascending order, and the
	// cursor's low 14 bits are the slot (Redis 7.4, Valkey 8.0 and later).
	slotOrder
)
