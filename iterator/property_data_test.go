package iterator_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redisarrow/redisarrow/internal/minicluster"
)

// propertyKey is a key and what it holds.
type propertyKey struct {
	name    string
	kind    string        // of TYPE
	fields  []string      // of a hash: name, text, name, text
	value   string        // of a string
	expires time.Duration // from the beginning on; 0 is never, less is before
}

func (k *propertyKey) slot() uint16 { return uint16(minicluster.Slot(k.name)) }

// field is the text of a hash's field.
func (k *propertyKey) field(name string) (text string, ok bool) {
	for i := 0; i < len(k.fields); i += 2 {
		if k.fields[i] == name {
			return k.fields[i+1], true
		}
	}
	return "", false
}

// propertyData draws keys for a schema.
type propertyData struct {
	r      *rand.Rand
	schema *propertySchema
	clean  bool // all cells fit
	real   bool // the servers have all types
	taken  map[string]bool
	nth    int
	// names are the forms of the keys' names, some more often than others.
	names []func(r *rand.Rand, i int) string
	kinds int // one key in so many is of another type; 0: none
	ttls  int // one key in so many expires; 0: none
}

func newPropertyData(r *rand.Rand, s *propertySchema, clean, real bool) *propertyData {
	d := &propertyData{r: r, schema: s, clean: clean, real: real, taken: map[string]bool{}, kinds: oneOf(r, 0, 2, 5, 30), ttls: oneOf(r, 0, 3, 10)}
	tag := fmt.Sprint("{tag", r.IntN(50), "}")
	plain := func(_ *rand.Rand, i int) string { return fmt.Sprint("user:", i) }
	tagged := func(_ *rand.Rand, i int) string { return fmt.Sprint(tag, ":", i) }
	switch r.IntN(4) {
	case 0:
		d.names = []func(*rand.Rand, int) string{plain}
	case 1:
		d.names = []func(*rand.Rand, int) string{tagged}
	case 2:
		d.names = []func(*rand.Rand, int) string{tagged, plain, oddName}
	default:
		d.names = []func(*rand.Rand, int) string{
			plain, plain, plain, plain, oddName, tagged,
			func(r *rand.Rand, i int) string { return fmt.Sprintf("{t%d}:%d", r.IntN(5), i) },
		}
	}
	return d
}

func oddName(r *rand.Rand, i int) string {
	return oneOf(r,
		fmt.Sprintf("user:%d\xff\x00\r\n", i), fmt.Sprintf("{}%d", i), fmt.Sprintf("}%d{", i), fmt.Sprintf("{%d", i), fmt.Sprintf("a*b%d", i),
		fmt.Sprintf("%c%d", rune(r.IntN(0x500)+1), i), fmt.Sprintf("東京:%d", i), fmt.Sprintf("%s%d", strings.Repeat("long", 200), i), "")
}

// keys draws n keys, none of which it has drawn before.
func (d *propertyData) keys(n int) []propertyKey {
	keys := make([]propertyKey, 0, n)
	for range n {
		d.nth++
		name := oneOf(d.r, d.names...)(d.r, d.nth)
		if d.taken[name] || d.clean && !utf8.ValidString(name) && d.schema.column("key") >= 0 {
			continue
		}
		d.taken[name] = true
		keys = append(keys, d.key(name))
	}
	return keys
}

func (d *propertyData) key(name string) propertyKey {
	k := propertyKey{name: name, kind: d.schema.kind}
	if d.kinds > 0 && d.r.IntN(d.kinds) == 0 {
		k.kind = oneOf(d.r, "hash", "string", "list", "set")
		if d.real {
			k.kind = oneOf(d.r, k.kind, "zset", "stream")
		}
	}
	if d.ttls > 0 && d.r.IntN(d.ttls) == 0 {
		k.expires = time.Duration(oneOf(d.r, d.r.Int64N(10_000)+1_000_000, d.r.Int64N(1<<40)+1_000_000)) * time.Millisecond
		if !d.real && d.r.IntN(5) == 0 {
			k.expires = time.Duration(oneOf(d.r, -1000, 1, 400, 499, 500, 1500)) * time.Millisecond
		}
	}
	switch k.kind {
	case "hash":
		d.hash(&k)
	case "string":
		k.value = randomBytes(d.r)
		for _, c := range d.schema.whole {
			if c.metadata == "" && k.kind == d.schema.kind {
				k.value, _ = d.text(c)
			}
		}
	}
	return k
}

// hash fills in some of the schema's fields, among others.
func (d *propertyData) hash(k *propertyKey) {
	add := func(name, text string) { k.fields = append(k.fields, name, text) }
	most := oneOf(d.r, 0, 1, 4, 4, 100) // of so many fields one is missing
	for _, i := range d.r.Perm(len(d.schema.whole)) {
		if c := d.schema.whole[i]; c.metadata == "" && d.schema.kind == "hash" && most > 0 && d.r.IntN(most) > 0 {
			if text, ok := d.text(c); ok {
				add(c.name, text)
			}
		}
		if d.r.IntN(8) == 0 {
			add(fmt.Sprint("another ", len(k.fields)), randomUTF8(d.r))
		}
	}
	if len(k.fields) == 0 {
		add("another", "x")
	}
}

// text is a cell's text; not ok if none fitted though it has to.
func (d *propertyData) text(c propertyColumn) (text string, ok bool) {
	for range 50 {
		text = c.texts(d.r)
		if d.r.IntN(2000) == 0 && strings.Contains(c.text, "binary") {
			text = strings.Repeat(text+"long", 20_000)
		}
		if _, ok = c.cell(text); ok || !d.clean {
			return text, true
		}
	}
	return "", d.schema.kind == "string" && c.text == "utf8"
}

// propertyPattern is a glob, and which keys it takes.
type propertyPattern struct {
	glob    string
	matches func(key string) bool
}

func newPropertyPattern(r *rand.Rand, keys []propertyKey) propertyPattern {
	prefix := func(p string) func(string) bool { return func(key string) bool { return strings.HasPrefix(key, p) } }
	every := func(string) bool { return true }
	patterns := []propertyPattern{
		{"", every},
		{"", every},
		{"*", every},
		{"**", func(key string) bool { return key != "" }}, // as Redis has it
		{"user:*", prefix("user:")},
		{"*7*", func(key string) bool { return strings.Contains(key, "7") }},
		{"user:?", func(key string) bool { return len(key) == 6 && strings.HasPrefix(key, "user:") }},
		{"user:[1-4]*", func(key string) bool {
			return len(key) > 5 && strings.HasPrefix(key, "user:") && key[5] >= '1' && key[5] <= '4'
		}},
		{"user:[^1-4]*", func(key string) bool {
			return len(key) > 5 && strings.HasPrefix(key, "user:") && (key[5] < '1' || key[5] > '4')
		}},
		{`a\*b*`, prefix("a*b")},
		{"no such key*", prefix("no such key")},
	}
	if len(keys) > 0 && r.IntN(4) == 0 {
		name := keys[r.IntN(len(keys))].name
		exact := strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`, `\`, `\\`).Replace(name)
		if tag, _, found := strings.Cut(name, "}"); found && strings.HasPrefix(name, "{tag") {
			return oneOf(r, propertyPattern{tag + "}:*", prefix(tag + "}:")}, propertyPattern{tag + "}*", prefix(tag + "}")},
				propertyPattern{tag + "}:?", func(key string) bool { return len(key) == len(tag)+3 && strings.HasPrefix(key, tag+"}:") }})
		}
		if name != "" {
			return propertyPattern{exact, func(key string) bool { return key == name }}
		}
	}
	return patterns[r.IntN(len(patterns))]
}

// names are those of keys, sorted.
func names(keys []propertyKey) []string {
	out := make([]string, len(keys))
	for i := range keys {
		out[i] = keys[i].name
	}
	slices.Sort(out)
	return out
}
