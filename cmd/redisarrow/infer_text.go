package main

import (
	"fmt"
	"strings"

	"github.com/redisarrow/redisarrow/iterator"
	"github.com/redisarrow/redisarrow/schema"
)

// shownFields is how many fields the table has at most.
const shownFields = 100

// inferText is what was seen, for people.
func inferText(redisType string, found *iterator.Inferred, examples bool) string {
	var b strings.Builder
	sampled := fmt.Sprintf("%d of them", found.Keys)
	if found.All {
		sampled = fmt.Sprintf("all %d of them", found.Keys)
	}
	plurals := map[string]string{"hash": "hashes", "string": "strings"}
	fmt.Fprintf(&b, "%s, %s looked at, on %s\n\n", plurals[redisType], sampled, plural(len(found.Nodes), "master"))
	g := &grid{right: []bool{false, false, true, true, false, false}, lines: [][]string{{"field", "type", "present", "fit", "else", "examples"}}}
	for _, f := range found.Fields[:min(len(found.Fields), shownFields)] {
		g.lines = append(g.lines, inferLine(f, found.Keys))
	}
	if !examples {
		g.right = g.right[:len(g.right)-1]
		for i, line := range g.lines {
			g.lines[i] = line[:len(line)-1]
		}
	}
	g.print(&b)
	for _, note := range inferNotes(found) {
		b.WriteString("\n" + wrap("note  "+note, "", "      "))
	}
	b.WriteByte('\n')
	return b.String()
}

func inferLine(f schema.InferredField, rows int64) []string {
	typ := typeText(f.Column)
	if f.Given {
		typ += " (given)"
	}
	fit, narrow := "-", "-"
	if f.Present > 0 {
		fit = percent(float64(f.Fits), float64(f.Present))
	}
	if f.NarrowFits > 0 {
		narrow = fmt.Sprintf("%s %s", typeText(f.Narrow), percent(float64(f.NarrowFits), float64(f.Present)))
	}
	var examples []string
	for _, e := range f.Examples {
		examples = append(examples, shown(e))
	}
	return []string{shown(f.Column.Name()), typ, percent(float64(f.Present), float64(rows)), fit, narrow, strings.Join(examples, ", ")}
}

// typeText is a column's type as --schema has it.
func typeText(c schema.Column) string {
	name := strings.TrimSuffix(schema.Utf8(c.Name()).String(), "utf8") // with the colon
	return strings.TrimPrefix(c.String(), name)
}

func inferNotes(found *iterator.Inferred) (notes []string) {
	add := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if more := len(found.Fields) - shownFields; more > 0 {
		add("%s more are in the schema", plural(more, "field"))
	}
	if found.Beyond > 0 {
		add("%s of further fields are left out, as there are more than %d different ones: where field names are identifiers, name those that are wanted with --schema",
			plural(int(found.Beyond), "value"), schema.DefaultMaxFields)
	}
	if found.Unnamed > 0 {
		add("%s of fields whose names aren't UTF-8 are left out: Arrow has no such names", plural(int(found.Unnamed), "value"))
	}
	if found.BinaryKeys > 0 {
		add("the names of %s aren't UTF-8, so the schema has a column for the key", plural(int(found.BinaryKeys), "key"))
	}
	if found.PassedOver > 0 {
		add("%s couldn't be looked at: the user may not read them, or they are large and HSCAN or GETRANGE is denied", plural(int(found.PassedOver), "key"))
	}
	if found.Over {
		add("the time was over before more could be looked at: allow for more with --within")
	}
	return notes
}
