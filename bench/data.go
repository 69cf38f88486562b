package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/redisarrow/redisarrow/schema"
)

// dataset is a set of keys, Prefix+"0" to Prefix+(Rows-1), all of one type.
// What they hold follows from their number.
type dataset struct {
	Prefix string
	Stem   string // what the pattern's keys begin with, if that is less than Prefix
	Rows   int
	Fields int  // of each hash; 0 means strings
	Take   int  // how many of these fields are read
	TTL    bool // every second key expires, in days, and a TTL column is read
}

func (d dataset) isHash() bool    { return d.Fields > 0 }
func (d dataset) stem() string    { return cmp.Or(d.Stem, d.Prefix) }
func (d dataset) pattern() string { return d.stem() + "*" }

// typ is the keys' type, as SCAN's TYPE names it.
func (d dataset) typ() string {
	if d.isHash() {
		return "hash"
	}
	return "string"
}

// expires reports whether key i does.
func (d dataset) expires(i int) bool { return d.TTL && i%2 == 0 }

// expiry is when keys that expire do: in some eleven days, in seconds.
const expiry = 1_000_000

// tally is what a scan must come to: a reader that doesn't is wrong.
type tally struct {
	Rows     int64
	Sum      int64 // of all integer cells read; of strings their lengths
	Expiring int64 // rows whose TTL column says that the key expires
}

func (t *tally) add(o tally) {
	t.Rows += o.Rows
	t.Sum += o.Sum
	t.Expiring += o.Expiring
}

// field is a field of a hash.
type field struct {
	name string
	kind *fieldKind
}

// fieldKind is a field's type, and how its values look.
type fieldKind struct {
	name    string
	text    string // the type for readers that are programs of their own, see column
	column  func(name string) schema.Column
	integer bool
	value   func(dst []byte, rng *rand.Rand) []byte
}

// userFields are the seven fields of a user.
const userFields = 7

func userField(i int) *fieldKind {
	return [userFields]*fieldKind{
		{name: "name", text: "utf8", column: schema.Utf8, value: appendName},
		{name: "age", text: "int64", column: schema.Int64, integer: true, value: appendAge},
		{name: "score", text: "float64", column: schema.Float64, value: appendScore},
		{name: "active", text: "bool", column: schema.Boolean, value: appendActive},
		{name: "signup_date", text: "date", column: schema.Date, value: appendDate},
		{name: "seen", text: "time", column: utcMicros, value: appendSeen},
		{name: "city", text: "utf8", column: schema.Utf8, value: appendCity},
	}[i]
}

// fields are all fields of a hash: name, age, … city, name2, age2, ….
func (d dataset) fields() []field {
	fields := make([]field, d.Fields)
	for i := range fields {
		kind := userField(i % userFields)
		fields[i] = field{name: kind.name, kind: kind}
		if round := i / userFields; round > 0 {
			fields[i].name += strconv.Itoa(round + 1)
		}
	}
	return fields
}

// taken are the fields that are read: spread evenly over the hash, as where
// a field stands makes a difference to the server.
func (d dataset) taken() []field {
	all := d.fields()
	taken := make([]field, d.Take)
	for i := range taken {
		taken[i] = all[(i*d.Fields+d.Fields-1)/d.Take]
	}
	return taken
}

func (d dataset) takenNames() map[string]bool {
	names := make(map[string]bool)
	for _, f := range d.taken() {
		names[f.name] = true
	}
	return names
}

// row makes the values of keys, one after another.
type row struct {
	fields []field
	taken  map[string]bool
	pcg    *rand.PCG
	rng    *rand.Rand
	buf    []byte
	values [][]byte
}

func (d dataset) newRow() *row {
	r := &row{fields: d.fields(), taken: d.takenNames(), pcg: rand.NewPCG(0, 0)}
	r.rng = rand.New(r.pcg)
	return r
}

// hash gives the values of hash i, valid until the next call, and what they
// add to the tally.
func (r *row) hash(i int) ([][]byte, tally) {
	r.pcg.Seed(1, uint64(i))
	count := tally{Rows: 1}
	r.buf, r.values = r.buf[:0], r.values[:0]
	for _, f := range r.fields {
		start := len(r.buf)
		r.buf = f.kind.value(r.buf, r.rng)
		value := r.buf[start:]
		r.values = append(r.values, value)
		if f.kind.integer && r.taken[f.name] {
			count.Sum += number(value)
		}
	}
	return r.values, count
}

// text gives the value of string i, as hash does.
func (r *row) text(i int) ([]byte, tally) {
	r.pcg.Seed(2, uint64(i))
	r.buf = fmt.Appendf(r.buf[:0], `{"user":%d,"token":"%016x%016x","page":"/articles/%d"}`, r.rng.IntN(1e6), r.rng.Uint64(), r.rng.Uint64(), r.rng.IntN(1e5))
	return r.buf, tally{Rows: 1, Sum: int64(len(r.buf))}
}

// number reads the digits of an integer cell, which is never negative.
func number(digits []byte) (n int64) {
	for _, d := range digits {
		n = n*10 + int64(d-'0')
	}
	return n
}

func utcMicros(name string) schema.Column {
	return schema.Timestamp(name, timestampUnit, schema.TimeZone("UTC"))
}

func appendName(dst []byte, rng *rand.Rand) []byte {
	first := [...]string{"Anna-Katharina", "Björn", "Wolfgang Amadeus", "Zoë", "Maria del Carmen", "John"}
	last := [...]string{"Schmidt-Rottluff", "Ó Súilleabháin", "Nguyễn", "Smith", "García Márquez", "van der Waals"}
	dst = append(dst, first[rng.IntN(len(first))]...)
	dst = append(dst, ' ')
	dst = append(dst, last[rng.IntN(len(last))]...)
	return fmt.Appendf(dst, " %06d", rng.IntN(1e6))
}

func appendAge(dst []byte, rng *rand.Rand) []byte {
	return strconv.AppendInt(dst, 18+rng.Int64N(80), 10)
}

func appendScore(dst []byte, rng *rand.Rand) []byte {
	return strconv.AppendFloat(dst, 1000*rng.Float64(), 'f', 6, 64)
}

func appendActive(dst []byte, rng *rand.Rand) []byte {
	return strconv.AppendBool(dst, rng.IntN(2) == 0)
}

func appendDate(dst []byte, rng *rand.Rand) []byte {
	return moment(rng).AppendFormat(dst, time.DateOnly)
}

func appendSeen(dst []byte, rng *rand.Rand) []byte {
	return moment(rng).AppendFormat(dst, time.RFC3339Nano)
}

func moment(rng *rand.Rand) time.Time {
	return time.UnixMicro(1.4e15 + rng.Int64N(4e14)).UTC()
}

func appendCity(dst []byte, rng *rand.Rand) []byte {
	cities := [...]string{"Frankfurt am Main, Germany", "São Paulo, Brazil", "San Francisco, California", "Wrocław, Poland", "Kuala Lumpur, Malaysia"}
	return append(dst, cities[rng.IntN(len(cities))]...)
}
