package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redisarrow/redisarrow/cluster"
)

// Kind is the type of the keys that a scan reads.
type Kind string

// The kinds.
const (
	Hash   Kind = "hash"
	String Kind = "string"
)

// What there is of each kind: keys that stay, of which some share slots, and names for keys that come and go.
const (
	scattered = 15_000 // keys that stay, each in a slot by its name
	hotSlots  = 16     // slots with
	perHot    = 750    // keys that stay each: so many that a slot takes a scan several pages
	inBig     = 3_000  // keys that stay in one slot

	staying = scattered + hotSlots*perHot + inBig

	passing = 3_000 // names of keys that come and go
)

// stayingKey is the name of key n of those that stay, 0 ≤ n < staying.
func stayingKey(kind Kind, n int) string { return "stay:" + name(kind, n) }

// passingKey is the name of a key that comes and goes: in the same slots as the others.
func passingKey(kind Kind, n int) string {
	switch {
	case n%2 == 0:
		return "pass:" + name(kind, n)
	case n%3 == 0:
		return "pass:" + name(kind, scattered+hotSlots*perHot+n)
	default:
		return "pass:" + name(kind, scattered+n)
	}
}

func name(kind Kind, n int) string {
	letter := kind[:1]
	switch {
	case n < scattered:
		return fmt.Sprintf("%s:%d", letter, n)
	case n < scattered+hotSlots*perHot:
		return fmt.Sprintf("%s:{hot%d}:%d", letter, (n-scattered)%hotSlots, n)
	default:
		return fmt.Sprintf("%s:{big}:%d", letter, n)
	}
}

// slotsWorthMoving are the slots with many keys, the one with most of them first, and some with few.
func slotsWorthMoving() []int {
	worth := []int{slotOf("{big}")}
	for i := range hotSlots {
		worth = append(worth, slotOf(fmt.Sprintf("{hot%d}", i)))
	}
	few := rand.New(rand.NewPCG(1, 1))
	for range 8 {
		worth = append(worth, slotOf(stayingKey(Hash, few.IntN(scattered))))
	}
	return worth
}

func slotOf(key string) int { return int(cluster.Slot([]byte(key))) }

// The fields of a hash: its own name, so that cells that come from another key show, and the stamp of the one write
// that it is from, three times, so that cells from two writes show. A string has both in its value.
var fields = []string{"name", "a", "b", "c"}

// write is the command that gives a key all its cells.
func write(kind Kind, key, stamp string) []any {
	if kind == String {
		return []any{"SET", key, key + "|" + stamp}
	}
	return []any{"HSET", key, "name", key, "a", stamp, "b", stamp, "c", stamp}
}

// whole reports whether a row's cells stood together in its key at one time.
func (r Row) whole(kind Kind) bool {
	if kind == String {
		name, stamp, ok := strings.Cut(strings.Join(r.Cells, ""), "|")
		return ok && name == r.Key && stamp != ""
	}
	return len(r.Cells) == len(fields) && r.Cells[0] == r.Key && r.Cells[1] != "" &&
		r.Cells[1] == r.Cells[2] && r.Cells[1] == r.Cells[3]
}

// fill writes all keys that stay.
func fill(ctx context.Context, rdb *redis.ClusterClient) error {
	const page = 2000
	for _, kind := range []Kind{Hash, String} {
		for begin := 0; begin < staying; begin += page {
			_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
				for n := begin; n < min(begin+page, staying); n++ {
					p.Do(ctx, write(kind, stayingKey(kind, n), "first")...)
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("filling the cluster: %w", err)
			}
		}
	}
	return nil
}
