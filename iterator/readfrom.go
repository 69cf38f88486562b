package iterator

import (
	"fmt"
	"strings"

	"github.com/redisarrow/redisarrow/internal/scan"
)

// ReadFrom says which nodes the keys are read from, see [Config.ReadFrom].
type ReadFrom = scan.ReadFrom

// The nodes that keys may be read from.
const (
	// ReadMaster reads from masters only.
	ReadMaster = scan.ReadMaster
	// ReadReplica reads from replicas, and waits for them; from masters only slots
	// whose migration is open. Where a master has no replica that can be read, the
	// scan ends with an [*IncompleteError] after StallTimeout.
	ReadReplica = scan.ReadReplica
	// PreferReplica reads from replicas that keep up, and otherwise from masters.
	PreferReplica = scan.PreferReplica
)

// ParseReadFrom reads master, replica or prefer-replica.
func ParseReadFrom(text string) (ReadFrom, error) {
	var names []string
	for r := ReadMaster; r <= PreferReplica; r++ {
		if strings.EqualFold(text, r.String()) {
			return r, nil
		}
		names = append(names, r.String())
	}
	return 0, fmt.Errorf("%w: %q is nothing to read from: known are %s", ErrConfig, text, strings.Join(names, ", "))
}
