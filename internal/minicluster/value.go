package minicluster

import (
	"maps"
	"slices"
	"time"
)

type kind byte

const (
	kindString kind = iota
	kindHash
	kindList
	kindSet
)

func (k kind) String() string {
	return [...]string{"string", "hash", "list", "set"}[k]
}

// value is what a key holds.
type value struct {
	kind     kind
	expireAt int64 // Unix milliseconds; 0: never
	str      string
	hash     hash
	list     []string
	set      map[string]struct{}
}

func (v *value) expired(now func() time.Time) bool {
	return v.expireAt != 0 && now().UnixMilli() >= v.expireAt
}

// empty tells whether the key goes away, as a container without elements does.
func (v *value) empty() bool {
	switch v.kind {
	case kindHash:
		return len(v.hash.fields) == 0
	case kindList:
		return len(v.list) == 0
	case kindSet:
		return len(v.set) == 0
	default:
		return false
	}
}

func (v *value) clone() *value {
	c := *v
	c.hash = hash{fields: slices.Clone(v.hash.fields), index: maps.Clone(v.hash.index)}
	c.list = slices.Clone(v.list)
	c.set = maps.Clone(v.set)
	return &c
}

type field struct{ name, text string }

// hash keeps its fields in the order in which they were set. Small ones are
// searched, larger ones have an index.
type hash struct {
	fields []field
	index  map[string]int
}

const hashIndexed = 32

func (h *hash) find(name []byte) int {
	if h.index != nil {
		if i, ok := h.index[string(name)]; ok {
			return i
		}
		return -1
	}
	for i := range h.fields {
		if h.fields[i].name == string(name) {
			return i
		}
	}
	return -1
}

// set tells whether the field is new.
func (h *hash) set(name, text []byte) bool {
	if i := h.find(name); i >= 0 {
		h.fields[i].text = string(text)
		return false
	}
	h.fields = append(h.fields, field{string(name), string(text)})
	switch {
	case h.index != nil:
		h.index[string(name)] = len(h.fields) - 1
	case len(h.fields) > hashIndexed:
		h.reindex()
	}
	return true
}

func (h *hash) remove(name []byte) bool {
	i := h.find(name)
	if i < 0 {
		return false
	}
	h.fields = slices.Delete(h.fields, i, i+1)
	if h.index != nil {
		h.reindex()
	}
	return true
}

func (h *hash) reindex() {
	h.index = make(map[string]int, len(h.fields))
	for i, f := range h.fields {
		h.index[f.name] = i
	}
}
