package chaos

import (
	"fmt"
	"slices"
	"strings"
)

// Verdict is what is wrong with a scan: nothing, if all is empty.
type Verdict struct {
	Missing []string // keys that stayed and have no row
	Gone    []string // those of Missing that can't be read by name either: then it is no scan's fault
	Twice   []string // keys with more than one row
	Torn    []Row    // rows whose cells never stood together in their key
	Foreign []string // rows of keys that never were
	Left    []int    // slots that were given up although they had an owner
	Err     error    // why there was no result
}

// OK reports whether nothing is wrong.
func (v Verdict) OK() bool {
	return len(v.Missing)+len(v.Twice)+len(v.Torn)+len(v.Foreign)+len(v.Left) == 0 && v.Err == nil
}

func (v Verdict) String() string {
	if v.OK() {
		return "every key once"
	}
	var b strings.Builder
	if v.Err != nil {
		fmt.Fprintf(&b, "the scan failed: %v\n", v.Err)
	}
	list(&b, "keys are missing", v.Missing)
	list(&b, "of them are gone", v.Gone)
	list(&b, "keys came twice", v.Twice)
	list(&b, "rows are of no one moment", v.Torn)
	list(&b, "keys never were", v.Foreign)
	list(&b, "slots were given up without need", v.Left)
	return strings.TrimSuffix(b.String(), "\n")
}

// list names the first few of what is wrong.
func list[T any](b *strings.Builder, what string, all []T) {
	const shown = 5
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "%d %s:", len(all), what)
	for _, one := range all[:min(shown, len(all))] {
		text := fmt.Sprintf("%+v", one)
		if key, ok := any(one).(string); ok {
			text = fmt.Sprintf("%q (slot %d)", key, slotOf(key))
		}
		fmt.Fprintf(b, " %s", text)
	}
	if len(all) > shown {
		b.WriteString(" …")
	}
	b.WriteByte('\n')
}

// judge compares a result with what is known. The slots in orphans had no owner to the end: a scan may give them up.
// Those in unread had keys that couldn't be read at times: for them it is asked only that no key comes twice.
func judge(kind Kind, result Result, orphans, unread []int) Verdict {
	v := Verdict{Err: result.Err}
	for _, slot := range result.Left {
		if !slices.Contains(orphans, slot) {
			v.Left = append(v.Left, slot)
		}
	}
	known := make(map[string]bool, staying+passing) // true: has been seen
	for n := range passing {
		known[passingKey(kind, n)] = false
	}
	for n := range staying {
		known[stayingKey(kind, n)] = false
	}
	for _, row := range result.Rows {
		seen, ok := known[row.Key]
		switch {
		case !ok:
			v.Foreign = append(v.Foreign, row.Key)
		case seen:
			v.Twice = append(v.Twice, row.Key)
		}
		known[row.Key] = true
		if !row.whole(kind) {
			v.Torn = append(v.Torn, row)
		}
	}
	for n := range staying {
		key := stayingKey(kind, n)
		if known[key] {
			continue
		}
		if slot := slotOf(key); !slices.Contains(result.Left, slot) && !slices.Contains(unread, slot) {
			v.Missing = append(v.Missing, key)
		}
	}
	return v
}
