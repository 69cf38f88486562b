package scan

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redisarrow/redisarrow/cluster"
)

// ErrIncomplete is what every [*IncompleteError] is, for errors.Is.
var ErrIncomplete = errors.New("the scan is incomplete")

var (
	errNoOwner   = errors.New("no master owned the slot when its turn came; wait until the cluster has settled (redis-cli --cluster check) and scan again")
	errDead      = errors.New("the slot's owner has failed and no replica has taken its place; start it again, or promote a replica, and scan again")
	errNoAddress = errors.New("the slot's master is announced without an address that can be used; correct its cluster-announce-port, or the port of the kind (plain or TLS) that is connected to")
)

// IncompleteError says that the rows handed out are not all: for some slots
// it can't be promised that each key gave its row. The rows themselves are
// good. Slots that nobody owns when the scan begins end it before its first
// row: they are the ones named, and nothing has been read of the others.
type IncompleteError struct {
	Slots   cluster.SlotSet // the slots that can't be promised
	Reasons []Reason        // why; together they cover Slots
}

// Reason is why some slots are missing.
type Reason struct {
	Slots cluster.SlotSet
	Err   error
}

// maxShownReasons bounds the message; Reasons holds all of them.
const maxShownReasons = 8

func (e *IncompleteError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: %d of %d slots can't be promised", ErrIncomplete, e.Slots.Len(), cluster.Slots)
	for i, r := range e.Reasons {
		if i == maxShownReasons {
			fmt.Fprintf(&b, "; and %d more reasons", len(e.Reasons)-i)
			break
		}
		fmt.Fprintf(&b, "; slots %s: %v", shorten(r.Slots.String()), r.Err)
	}
	return b.String()
}

// maxShownSlots bounds a list of slot ranges in a message, in bytes.
const maxShownSlots = 200

func shorten(s string) string {
	if len(s) <= maxShownSlots {
		return s
	}
	return s[:strings.LastIndexByte(s[:maxShownSlots], ',')+1] + "…"
}

// Unwrap gives [ErrIncomplete] and the reasons' errors.
func (e *IncompleteError) Unwrap() []error {
	errs := []error{ErrIncomplete}
	for _, r := range e.Reasons {
		errs = append(errs, r.Err)
	}
	return errs
}
