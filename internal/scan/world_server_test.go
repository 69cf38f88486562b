package scan

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/resp"
)

// What the servers of a world answer to a scanner: bytes, as servers do.

// nodes is a host's CLUSTER NODES, and what it is read as.
func (w *world) nodes(who int8) (string, *cluster.View) {
	h := &w.hosts[who]
	if h.asOf == w.version {
		return h.text, h.view
	}
	h.asOf = w.version
	out := make([]byte, 0, 700)
	for i := range w.hosts {
		if self := int8(i) == who; self || h.known[i] {
			out = w.appendLine(out, h, who, int8(i))
		}
	}
	if text := string(out); text != h.text {
		view, err := cluster.ParseView(text)
		if err != nil {
			panic(err)
		}
		h.text, h.view = text, view
	}
	return h.text, h.view
}

// appendLine appends what a host says of another one, or of itself.
func (w *world) appendLine(out []byte, h *host, who, of int8) []byte {
	o := &w.hosts[of]
	out = append(append(append(append(out, o.id...), ' '), o.addr...), "@16379 "...)
	self := who == of
	if self {
		out = append(out, "myself,"...)
	}
	master := h.isMaster[of]
	if self {
		master = h.isMasterNow()
	}
	if master {
		out = append(out, "master"...)
	} else {
		out = append(out, "slave"...)
	}
	if !self && h.failed[of] {
		out = append(out, ",fail"...)
	}
	out = append(out, ' ')
	epoch := h.epochOf(who, of)
	follows := h.follows[of]
	if self {
		follows = h.master
	}
	if master || follows == nobody {
		out = append(out, '-')
	} else {
		out = append(out, w.hosts[follows].id...)
		epoch = h.epochOf(who, follows)
	}
	if w.weak.epoch {
		epoch = 1
	}
	// The times change all the time.
	out = append(out, " 0 "...)
	out = strconv.AppendInt(out, int64(w.version), 10)
	out = append(out, ' ')
	out = strconv.AppendUint(out, epoch, 10)
	out = append(out, " connected"...)
	for slot := range worldSlots {
		if h.owner[slot] == of && master {
			out = strconv.AppendUint(append(out, ' '), uint64(slotNumbers[slot]), 10)
		}
	}
	for slot := 0; slot < worldSlots && self && !w.weak.marks; slot++ {
		if to := w.at(h.migrating[slot]); to != nil {
			out = fmt.Appendf(out, " [%d->-%s]", slotNumbers[slot], to.id)
		}
		if from := w.at(h.importing[slot]); from != nil {
			out = fmt.Appendf(out, " [%d-<-%s]", slotNumbers[slot], from.id)
		}
	}
	return append(out, '\n')
}

// client is a connection of the scanner to a host, and what is in flight on it.
type client struct {
	w        *world
	host     int8
	run      int
	commands [][]string // not answered yet
	replies  []byte

	// frozen is what CLUSTER NODES says in place of the truth; "" if nothing.
	frozen string
	// stays are the keys that have stayed on the host since SCAN's first page. Of
	// others it is free what SCAN does with them.
	stays [scannedSlots]uint8
}

// connected reports whether the process is still the one.
func (c *client) connected() bool { h := c.w.hosts[c.host]; return h.up && h.run == c.run }

// send takes commands.
func (c *client) send(out []byte) {
	r := resp.NewReader(strings.NewReader(string(out)), 512)
	for {
		args, err := r.ReadCommand(nil)
		if err != nil {
			break
		}
		command := make([]string, len(args))
		for i, arg := range args {
			command[i] = string(arg)
		}
		c.commands = append(c.commands, command)
	}
}

// serve answers the next command, or transaction.
func (c *client) serve() {
	if c.commands[0][0] != "MULTI" {
		c.replies = c.answer(c.replies, c.commands[0])
		c.commands = c.commands[1:]
		return
	}
	end := slices.IndexFunc(c.commands, func(command []string) bool { return command[0] == "EXEC" })
	if c.w.weak.multi {
		c.replies = resp.AppendError(c.replies, "NOPERM User reader has no permissions to run the 'multi' command")
		for _, command := range c.commands[1:end] {
			c.replies = c.answer(c.replies, command)
		}
		c.replies = resp.AppendError(c.replies, "ERR EXEC without MULTI")
		c.commands = c.commands[end+1:]
		return
	}
	c.replies = resp.AppendSimple(c.replies, "OK")
	for range c.commands[1:end] {
		c.replies = resp.AppendSimple(c.replies, "QUEUED")
	}
	c.replies = resp.AppendArray(c.replies, end-1)
	for _, command := range c.commands[1:end] {
		c.replies = c.answer(c.replies, command)
	}
	c.commands = c.commands[end+1:]
}

// answer appends the reply to a command.
func (c *client) answer(out []byte, command []string) []byte {
	h := &c.w.hosts[c.host]
	switch command[0] {
	case "SCAN":
		return c.scan(out, h, command)
	case clusterScanCommand:
		return c.clusterScan(out, h, command)
	}
	switch command[0] + " " + command[1] {
	case nodesName:
		text, _ := c.w.nodes(c.host)
		if c.frozen != "" {
			text = c.frozen
		}
		return resp.AppendBulkString(out, text)
	case countCommand:
		return resp.AppendInt(out, int64(bits.OnesCount8(c.keysOf(h, command[2]))))
	case listCommand:
		most, _ := strconv.Atoi(command[3])
		slot := slotIndex(command[2])
		keys := c.keysOf(h, command[2])
		n := min(bits.OnesCount8(keys), most)
		out = resp.AppendArray(out, n)
		for ; n > 0; n-- {
			out = resp.AppendBulkString(out, worldKey[slot][bits.TrailingZeros8(keys)])
			keys &= keys - 1
		}
		return out
	}
	panic(fmt.Sprint("unknown command ", command))
}

// slotIndex is the world's slot of a number, -1 if it has none.
func slotIndex(number string) int {
	n, _ := strconv.Atoi(number)
	return slices.Index(slotNumbers[:], uint16(n))
}

func (c *client) keysOf(h *host, number string) uint8 {
	slot := slotIndex(number)
	if slot < 0 {
		return 0
	}
	return h.keys[slot]
}

// buckets are how many a table of the servers has, which isn't many.
const buckets = 4

// bucket is where a process has a key: they have different hash seeds.
func bucket(run, slot, key int) int { return (key + slot + run*3 + run*key) % buckets }

// option is the argument after a name, "" if it isn't there.
func option(command []string, name string) string {
	if i := slices.Index(command, name); i >= 0 {
		return command[i+1]
	}
	return ""
}

// scan is SCAN. A cursor counts buckets in reversed binary order, in one table, or
// in one for each slot.
func (c *client) scan(out []byte, h *host, command []string) []byte {
	cursor, _ := strconv.ParseUint(command[1], 10, 64)
	count, _ := strconv.Atoi(option(command, "COUNT"))
	perSlot := c.w.terms.order == slotOrder
	if cursor == 0 || perSlot && cursor < cluster.Slots { // a beginning
		for slot := range c.w.terms.slots {
			if !perSlot || uint64(slotNumbers[slot]) >= cursor {
				c.stays[slot] = h.keys[slot]
			}
		}
	}
	var found []string
	var next uint64
	if !perSlot {
		b := int(bits.Reverse64(cursor) >> 62)
		for ; b < buckets && len(found) < count; b++ {
			for slot := range c.w.terms.slots {
				found = c.inBucket(found, h, slot, b)
			}
		}
		if b < buckets {
			next = bits.Reverse64(uint64(b) << 62)
		}
	} else {
		at := uint16(cursor % cluster.Slots)
		b := int(bits.Reverse64(cursor>>14) >> 62)
		for slot := range c.w.terms.slots {
			switch {
			case slotNumbers[slot] < at:
				continue
			case slotNumbers[slot] > at:
				b = 0
			}
			if h.keys[slot] == 0 {
				continue
			}
			if len(found) >= count {
				next = bits.Reverse64(uint64(b)<<62)<<14 | uint64(slotNumbers[slot])
				break
			}
			for ; b < buckets && len(found) < count; b++ {
				found = c.inBucket(found, h, slot, b)
			}
			if b < buckets {
				next = bits.Reverse64(uint64(b)<<62)<<14 | uint64(slotNumbers[slot])
				break
			}
		}
	}
	out = resp.AppendArray(out, 2)
	out = resp.AppendBulkString(out, strconv.FormatUint(next, 10))
	return appendKeys(out, found)
}

// inBucket adds a bucket's keys. SCAN promises only those that were there all the
// time: in some worlds it keeps to no more than that.
func (c *client) inBucket(found []string, h *host, slot, b int) []string {
	for key := range worldKeys {
		bit := uint8(1) << key
		if h.keys[slot]&bit == 0 || bucket(c.run, slot, key) != b {
			continue
		}
		if c.w.terms.letter && c.stays[slot]&bit == 0 && c.w.chance(2) {
			continue
		}
		found = append(found, worldKey[slot][key])
	}
	return found
}

func appendKeys(out []byte, keys []string) []byte {
	out = resp.AppendArray(out, len(keys))
	for _, key := range keys {
		out = resp.AppendBulkString(out, key)
	}
	return out
}

// clusterScan is CLUSTERSCAN of one slot, with the routing of its cursor.
func (c *client) clusterScan(out []byte, h *host, command []string) []byte {
	number := option(command, "SLOT")
	slot := slotIndex(number)
	if refusal := c.w.route(c.host, slot, false, false); refusal != "" && c.frozen == "" {
		return resp.AppendError(out, refusal)
	}
	if command[1] == "0" { // only translates
		out = resp.AppendArray(out, 2)
		out = resp.AppendBulkString(out, string(appendFirstCursor(nil, slotNumbers[slot])))
		return appendKeys(out, nil)
	}
	count, _ := strconv.Atoi(option(command, "COUNT"))
	parts := strings.Split(command[1], "-")
	process := fmt.Sprintf("p%d.%d", c.host, c.run)
	b, _ := strconv.Atoi(parts[2])
	if parts[0] != process {
		b = 0
		c.stays[slot] = h.keys[slot]
	}
	var found []string
	for ; b < buckets && len(found) < count; b++ {
		found = c.inBucket(found, h, slot, b)
	}
	next := "0"
	if b < buckets {
		next = fmt.Sprintf("%s-%s-%d", process, parts[1], b)
	}
	out = resp.AppendArray(out, 2)
	out = resp.AppendBulkString(out, next)
	return appendKeys(out, found)
}

// route is the error with which a host refuses a command about a key of a slot that
// it has or hasn't got, "" if it doesn't.
func (w *world) route(who int8, slot int, has, asking bool) string {
	h := &w.hosts[who]
	to := func(code string, other int8) string {
		return fmt.Sprintf("%s %d %s", code, slotNumbers[slot], w.hosts[other].addr)
	}
	switch owner := h.owner[slot]; {
	case !h.ok:
		return "CLUSTERDOWN The cluster is down"
	case owner == nobody:
		return "CLUSTERDOWN Hash slot not served"
	case h.isMasterNow() && owner == who:
		if !has && h.migrating[slot] != nobody {
			return to("ASK", h.migrating[slot])
		}
		return ""
	case h.isMasterNow() && asking && h.importing[slot] != nobody:
		return ""
	case owner == who: // a replica that once was the owner
		return to("MOVED", h.master)
	default:
		return to("MOVED", owner)
	}
}
