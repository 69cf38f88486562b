package main

import (
	"context"
	"strconv"

	"github.com/redisarrow/redisarrow/internal/resp"
	"github.com/redisarrow/redisarrow/iterator"
)

// countHint is SCAN's COUNT: our default, given to every reader.
const countHint = iterator.DefaultCountHint

// firstCount is the COUNT of a master's first page, of which ours doesn't know
// yet how long the keys are.
const firstCount = 100

// readFloor asks the masters, one after another, for the values that ours asks
// them for, having listed the keys by SCAN, and keeps nothing of the answers but
// the tally.
func readFloor(ctx context.Context, t task) (tally, error) {
	var all tally
	for _, addr := range t.Masters {
		conn, err := dialConn(ctx, addr)
		if err != nil {
			return all, err
		}
		f := newFloor(t, conn)
		err = f.walk()
		_ = conn.Close()
		if err != nil {
			return all, err
		}
		all.add(f.tally)
	}
	return all, nil
}

type floor struct {
	conn     *resp.Conn
	isHash   bool
	integers []bool // which elements of a hash's reply count in the tally
	tally    tally

	scanHead             []byte // SCAN up to the cursor
	firstTail, scanTail  []byte // and what follows it, on the first page and on the others
	fetchHead, fetchTail []byte // the fetch around the key
	out                  []byte
}

func newFloor(t task, conn *resp.Conn) *floor {
	f := &floor{conn: conn, isHash: t.Data.isHash()}
	taken := t.Data.takenNames()
	typ, fetch := "string", []string{"GET"}
	switch {
	case f.isHash && t.HashCommand == hashGetAll:
		typ, fetch = "hash", []string{"HGETALL"}
		for _, field := range t.Data.fields() {
			f.integers = append(f.integers, false, field.kind.integer && taken[field.name])
		}
	case f.isHash:
		typ, fetch = "hash", []string{"HMGET"}
		for _, field := range t.Data.taken() {
			fetch = append(fetch, field.name)
			f.integers = append(f.integers, field.kind.integer)
		}
	}
	options := []string{"TYPE", typ, "MATCH", t.Data.pattern(), "COUNT"}
	f.scanHead, f.firstTail = command("SCAN", append(options, strconv.Itoa(firstCount))...)
	_, f.scanTail = command("SCAN", append(options, strconv.Itoa(countHint))...)
	f.fetchHead, f.fetchTail = command(fetch[0], fetch[1:]...)
	return f
}

// command gives the bytes of a command before and behind its first argument.
func command(name string, args ...string) (head, tail []byte) {
	head = resp.AppendArray(head, 2+len(args))
	head = resp.AppendBulkString(head, name)
	for _, s := range args {
		tail = resp.AppendBulkString(tail, s)
	}
	return head, tail
}

// walk goes over one master. When a page of keys has come, SCAN for the next
// one and then the fetches of this one go out, before the values of the page
// before are read.
func (f *floor) walk() error {
	f.askScan([]byte("0"), f.firstTail)
	if _, err := f.conn.Write(f.out); err != nil {
		return err
	}
	for before := 0; ; {
		keys, last, err := f.readPage()
		if err != nil {
			return err
		}
		if len(f.out) > 0 {
			if _, err := f.conn.Write(f.out); err != nil {
				return err
			}
		}
		if err := f.readValues(before); err != nil {
			return err
		}
		if before = keys; last {
			return f.readValues(before)
		}
	}
}

func (f *floor) askScan(cursor, tail []byte) {
	f.out = append(f.out, f.scanHead...)
	f.out = resp.AppendBulk(f.out, cursor)
	f.out = append(f.out, tail...)
}

// readPage reads SCAN's reply and puts together what is asked next.
func (f *floor) readPage() (keys int, last bool, err error) {
	f.out = f.out[:0]
	if _, err := f.array(); err != nil {
		return 0, false, err
	}
	cursor, _, err := f.conn.ReadBulkReply()
	if err != nil {
		return 0, false, err
	}
	if last = string(cursor) == "0"; !last {
		f.askScan(cursor, f.scanTail)
	}
	n, err := f.array()
	if err != nil {
		return 0, false, err
	}
	for range n {
		key, _, err := f.conn.ReadBulkReply()
		if err != nil {
			return 0, false, err
		}
		f.out = append(f.out, f.fetchHead...)
		f.out = resp.AppendBulk(f.out, key)
		f.out = append(f.out, f.fetchTail...)
	}
	return n, last, nil
}

func (f *floor) readValues(keys int) error {
	for range keys {
		if err := f.readValue(); err != nil {
			return err
		}
	}
	f.tally.Rows += int64(keys)
	return nil
}

func (f *floor) readValue() error {
	if !f.isHash {
		value, _, err := f.conn.ReadBulkReply()
		f.tally.Sum += int64(len(value))
		return err
	}
	n, err := f.array()
	if err != nil {
		return err
	}
	for i := range n {
		value, _, err := f.conn.ReadBulkReply()
		if err != nil {
			return err
		}
		if f.integers[i] {
			f.tally.Sum += number(value)
		}
	}
	return nil
}

// array reads the header of an array. The servers are our own: anything else
// is an error.
func (f *floor) array() (int, error) {
	h, err := f.conn.ReadHeader()
	if err != nil {
		return 0, err
	}
	if h.Kind != resp.Array {
		return 0, resp.Unexpected(h, "an array")
	}
	return int(h.N), nil
}
