package scan

import "github.com/redisarrow/redisarrow/internal/enumeration"

// cursorOrder tells what a server's cursors are like.
type cursorOrder = enumeration.Order

const (
	unknownOrder = enumeration.UnknownOrder
	tableOrder   = enumeration.TableOrder
	slotOrder    = enumeration.SlotOrder
)
