package minicluster

// keyspace is the keys of one database of one node: in one table, as in Redis
// up to 7.2, or in a table per slot, as in Redis 7.4 and later.
type keyspace struct {
	seed    uint64
	cluster bool // keys are indexed by slot
	dicts   []*dict
	bySlot  [][]*item
	count   int
	pages   int // of SCAN so far
}

// slotBits is how many of a cursor's low bits hold the slot, where each slot
// has a table.
const slotBits = 14

// cronPages is how many pages of SCAN there are from one run of the timer to
// the next.
const cronPages = 4

func newKeyspace(seed uint64, cluster, perSlot bool) *keyspace {
	ks := &keyspace{seed: seed, cluster: cluster, dicts: make([]*dict, 1)}
	if cluster {
		ks.bySlot = make([][]*item, Slots)
		if perSlot {
			ks.dicts = make([]*dict, Slots)
		}
	}
	return ks
}

// hash is FNV-1a with a final mix. The seed is the process's: it decides the
// order of the buckets, and with it what a cursor means.
func (ks *keyspace) hash(key []byte) uint64 {
	h := ks.seed ^ 0xcbf29ce484222325
	for _, c := range key {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return h ^ h>>32
}

func (ks *keyspace) slot(key []byte) int {
	if !ks.cluster {
		return 0
	}
	return slotOf(key)
}

func (ks *keyspace) dictOf(slot int) *dict {
	if len(ks.dicts) == 1 {
		slot = 0
	}
	if ks.dicts[slot] == nil {
		ks.dicts[slot] = &dict{}
	}
	return ks.dicts[slot]
}

func (ks *keyspace) get(key []byte) *value {
	if it := ks.dictOf(ks.slot(key)).find(ks.hash(key), key); it != nil {
		return it.val
	}
	return nil
}

func (ks *keyspace) put(key []byte, v *value) {
	slot, hash := ks.slot(key), ks.hash(key)
	d := ks.dictOf(slot)
	if it := d.find(hash, key); it != nil {
		it.val = v
		return
	}
	it := &item{key: string(key), hash: hash, slot: int32(slot), val: v}
	d.insert(it)
	ks.count++
	if ks.cluster {
		it.pos = int32(len(ks.bySlot[slot]))
		ks.bySlot[slot] = append(ks.bySlot[slot], it)
	}
}

func (ks *keyspace) remove(key []byte) bool {
	slot := ks.slot(key)
	d := ks.dictOf(slot)
	it := d.find(ks.hash(key), key)
	if it == nil {
		return false
	}
	d.remove(it)
	ks.count--
	if ks.cluster {
		list := ks.bySlot[slot]
		last := list[len(list)-1]
		list[it.pos], last.pos = last, it.pos
		list[len(list)-1] = nil
		ks.bySlot[slot] = list[:len(list)-1]
	}
	return true
}

// each calls f for every key; f must not change the keyspace.
func (ks *keyspace) each(f func(*item)) {
	for _, d := range ks.dicts {
		if d == nil {
			continue
		}
		for _, t := range d.table {
			for _, it := range t {
				emitBucket(it, f)
			}
		}
	}
}

// span is a run of slots to which a scan is limited, where each slot has a
// table.
type span struct{ first, last int }

var everySlot = span{0, Slots - 1}

// page scans buckets until count keys were emitted or ten times as many buckets
// visited, as SCAN does, and returns the next cursor.
func (ks *keyspace) page(cursor uint64, count int, within span, emit func(*item)) uint64 {
	// The timer stands in for time, so that equal tests see equal tables.
	if ks.pages++; ks.pages%cronPages == 0 {
		ks.dictOf(int(cursor % Slots)).cron()
	}
	seen := 0
	counted := func(it *item) {
		seen++
		emit(it)
	}
	for visits := 10 * count; ; visits-- {
		cursor = ks.scan(cursor, within, counted)
		if cursor == 0 || visits <= 0 || seen >= count {
			return cursor
		}
	}
}

// scan visits a bucket of the slot that the cursor names. So the slot's number
// is a cursor, too: that of the beginning of its table, or if it has no keys, of
// the next one that has some.
func (ks *keyspace) scan(cursor uint64, within span, emit func(*item)) uint64 {
	if len(ks.dicts) == 1 {
		return ks.dictOf(0).scan(cursor, emit)
	}
	slot := int(cursor % Slots)
	cursor >>= slotBits
	if slot > within.last {
		return 0
	}
	if slot < within.first {
		slot, cursor = within.first, 0
	}
	if d := ks.dicts[slot]; d != nil {
		cursor = d.scan(cursor, emit)
	} else {
		cursor = 0
	}
	if cursor != 0 {
		return cursor<<slotBits | uint64(slot)
	}
	for slot++; slot <= within.last; slot++ {
		if len(ks.bySlot[slot]) > 0 {
			return uint64(slot)
		}
	}
	return 0
}
