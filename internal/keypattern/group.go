package keypattern

import (
	"maps"
	"regexp"
	"slices"
)

const (
	// Words at the same place become * if there are more than fewWords of them with
	// fewer than keysOfWord keys each, or more than manyWords.
	fewWords   = 8
	keysOfWord = 4
	manyWords  = 64
	// fewNumbered: of more words than these that differ in their digits alone, the
	// digits become *.
	fewNumbered = 3
)

// Of returns the pattern of each key, in the order of the keys. It doesn't depend on
// that order.
func Of(keys []string) []string {
	g := grouping{patterns: make([]string, len(keys)), segments: make([][]string, len(keys)), seps: make([][]string, len(keys))}
	all := make([]int, len(keys))
	for i, key := range keys {
		g.segments[i], g.seps[i] = split(key)
		all[i] = i
	}
	g.group(all, 0, "")
	return g.patterns
}

type grouping struct {
	segments, seps [][]string
	patterns       []string
}

// group finds the patterns of keys that have the same one up to a depth.
func (g *grouping) group(keys []int, depth int, prefix string) {
	bySep := map[string][]int{}
	for _, k := range keys {
		sep := g.seps[k][depth]
		bySep[sep] = append(bySep[sep], k)
	}
	for sep, keys := range bySep {
		for form, keys := range g.forms(keys, depth) {
			pattern := prefix + form + sep
			if sep != "" {
				g.group(keys, depth+1, pattern)
				continue
			}
			for _, k := range keys {
				g.patterns[k] = pattern
			}
		}
	}
}

// forms are what the segments at a depth become.
func (g *grouping) forms(keys []int, depth int) map[string][]int {
	if depth == maxDepth {
		return map[string][]int{"*": keys}
	}
	forms := map[string][]int{}
	for _, k := range keys {
		form := general(g.segments[k][depth])
		forms[form] = append(forms[form], k)
	}
	mergeNumbered(forms)
	words, ofWords := 0, 0
	for form, keys := range forms {
		if form != "*" && form != "" {
			words++
			ofWords += len(keys)
		}
	}
	if words > manyWords || words > fewWords && ofWords < keysOfWord*words {
		merge(forms, "*", slices.DeleteFunc(slices.Collect(maps.Keys(forms)), func(form string) bool { return form == "*" || form == "" }))
	}
	return forms
}

var digits = regexp.MustCompile(`[0-9]+`)

// mergeNumbered makes shard* of shard1, shard2, shard3 and so on.
func mergeNumbered(forms map[string][]int) {
	alike := map[string][]string{}
	for form := range forms {
		if bare := digits.ReplaceAllString(form, "*"); bare != form {
			alike[bare] = append(alike[bare], form)
		}
	}
	for bare, of := range alike {
		if len(of) > fewNumbered {
			merge(forms, bare, of)
		}
	}
}

func merge(forms map[string][]int, into string, of []string) {
	for _, form := range of {
		forms[into] = append(forms[into], forms[form]...)
		delete(forms, form)
	}
}
