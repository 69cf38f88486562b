package main

import (
	"bytes"
	"context"
	"strings"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// readFloor asks the masters, one after another, for what ours asks them for,
// and keeps nothing of the answers but the tally.
func readFloor(ctx context.Context, t task) (harvest, error) {
	var all harvest
	for i, addr := range t.Masters {
		conn, err := dialConn(ctx, addr)
		if err != nil {
			return all, err
		}
		var list lister = newScanLister(t)
		if t.Method.Slots {
			slots, err := cluster.ParseRanges(t.Slots[i])
			if err != nil {
				return all, err
			}
			list = newSlotLister(t, slots)
		}
		f := newFloor(t, replies{conn}, list)
		err = f.walk()
		_ = conn.Close()
		if err != nil {
			return all, err
		}
		all.tally.add(f.tally)
	}
	return all, nil
}

type floor struct {
	replies  replies
	list     lister
	isHash   bool
	integers []bool // which elements of a hash's reply count in the tally
	tally    tally

	stem       []byte // of the keys that are read: GETKEYSINSLOT lists the others, too
	head, tail []byte // the fetch around the key
	ttlHead    []byte // TTL before the key, if that is asked for
	group      *group // if the fetch is MGET
	keys       int    // of the page whose values are asked for
	fetches    []byte
	out        []byte
}

// group is the keys of an MGET: those that come one after another and are of one
// slot.
type group struct {
	slot uint16
	keys int
	text []byte
}

func newFloor(t task, r replies, list lister) *floor {
	f := &floor{replies: r, list: list, isHash: t.Data.isHash(), stem: []byte(t.Data.stem())}
	taken := t.Data.takenNames()
	var fields []string
	switch t.Method.Fetch {
	case hashGetAll:
		for _, field := range t.Data.fields() {
			f.integers = append(f.integers, false, field.kind.integer && taken[field.name])
		}
	case hashMGet:
		for _, field := range t.Data.taken() {
			fields = append(fields, field.name)
			f.integers = append(f.integers, field.kind.integer)
		}
	case mgetCall:
		f.group = &group{}
	}
	f.head, f.tail = command(strings.ToUpper(t.Method.Fetch), fields...)
	if t.Data.TTL {
		f.ttlHead, _ = command("TTL")
	}
	return f
}

// walk goes over one master. When a page of keys has come, the request for the
// next one and then the fetches of this one go out, before the values of the page
// before are read.
func (f *floor) walk() error {
	before := 0
	for f.out = f.list.ask(f.out); ; {
		if _, err := f.replies.Write(f.out); err != nil {
			return err
		}
		if err := f.readValues(before); err != nil {
			return err
		}
		if before = f.keys; f.list.ended() {
			return f.readValues(before)
		}
		f.keys, f.fetches, f.out = 0, f.fetches[:0], f.out[:0]
		if err := f.list.receive(f.replies, f.ask); err != nil {
			return err
		}
		f.endGroup()
		if !f.list.ended() {
			f.out = f.list.ask(f.out)
		}
		f.out = append(f.out, f.fetches...)
	}
}

// ask puts the fetch of a key together, if it is one of those that are read.
func (f *floor) ask(key []byte) {
	if !bytes.HasPrefix(key, f.stem) {
		return
	}
	f.keys++
	if f.group != nil {
		if slot := cluster.Slot(key); slot != f.group.slot {
			f.endGroup()
			f.group.slot = slot
		}
		f.group.keys++
		f.group.text = resp.AppendBulk(f.group.text, key)
		return
	}
	f.fetches = append(f.fetches, f.head...)
	f.fetches = resp.AppendBulk(f.fetches, key)
	f.fetches = append(f.fetches, f.tail...)
	if f.ttlHead != nil {
		f.fetches = append(f.fetches, f.ttlHead...)
		f.fetches = resp.AppendBulk(f.fetches, key)
	}
}

// endGroup puts MGET together.
func (f *floor) endGroup() {
	if f.group == nil || f.group.keys == 0 {
		return
	}
	f.fetches = resp.AppendArray(f.fetches, 1+f.group.keys)
	f.fetches = resp.AppendBulkString(f.fetches, "MGET")
	f.fetches = append(f.fetches, f.group.text...)
	f.group.keys, f.group.text = 0, f.group.text[:0]
}

// readValues reads what came of so many keys.
func (f *floor) readValues(keys int) error {
	for keys > 0 {
		n, err := 1, error(nil)
		switch {
		case f.group != nil:
			n, err = f.readTexts()
		case f.isHash:
			err = f.readHash()
		default:
			err = f.readText()
		}
		if err != nil {
			return err
		}
		keys -= n
		if f.ttlHead != nil {
			ttl, err := f.replies.integer()
			if err != nil {
				return err
			}
			if ttl >= 0 {
				f.tally.Expiring++
			}
		}
	}
	return nil
}

// readTexts reads the reply to an MGET.
func (f *floor) readTexts() (keys int, err error) {
	if keys, err = f.replies.array(); err != nil {
		return 0, err
	}
	for range keys {
		if err := f.readText(); err != nil {
			return 0, err
		}
	}
	return keys, nil
}

// readText reads a string. What is null or refused is a key of another type.
func (f *floor) readText() error {
	h, err := f.replies.ReadHeader()
	if err != nil || h.Kind == resp.Error || h.Null() {
		return err
	}
	if h.Kind != resp.Bulk {
		return resp.Unexpected(h, "a bulk string")
	}
	value, err := f.replies.ReadBulk(h.N)
	f.tally.Rows++
	f.tally.Sum += int64(len(value))
	return err
}

// readHash reads a hash. What is refused is a key of another type.
func (f *floor) readHash() error {
	h, err := f.replies.ReadHeader()
	if err != nil || h.Kind == resp.Error {
		return err
	}
	if h.Kind != resp.Array || int(h.N) != len(f.integers) {
		return resp.Unexpected(h, "an array of the hash's fields")
	}
	f.tally.Rows++
	for _, integer := range f.integers {
		value, _, err := f.replies.ReadBulkReply()
		if err != nil {
			return err
		}
		if integer {
			f.tally.Sum += number(value)
		}
	}
	return nil
}
