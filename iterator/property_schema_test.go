package iterator_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/redisarrow/redisarrow/schema"
)

// propertyColumn is a column of a random schema.
type propertyColumn struct {
	name     string
	metadata string // its type in the text form; "" for a data column
	propertyType
}

// propertySchema is a random schema: what it must be, and its text.
type propertySchema struct {
	kind    string // "hash" or "string"
	whole   []propertyColumn
	project bool
	names   []string         // of the projection
	columns []propertyColumn // what is left by it: those of the batches
}

var propertyMetadata = map[string]arrow.DataType{
	"key":        arrow.BinaryTypes.String,
	"binary_key": arrow.BinaryTypes.Binary,
	"ttl[s]":     arrow.PrimitiveTypes.Int64,
	"ttl[ms]":    arrow.PrimitiveTypes.Int64,
	"expires_at": &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"},
	"index":      arrow.PrimitiveTypes.Uint64,
}

func newPropertySchema(r *rand.Rand) propertySchema {
	s := propertySchema{kind: oneOf(r, "hash", "hash", "string")}
	n := 1
	if s.kind == "hash" {
		n = oneOf(r, 0, 1, 2, 3, 3, 4, 5, 8, 12, 13, 20)
	} else if r.IntN(10) == 0 {
		n = 0
	}
	words := schemaWords()
	for i := range n {
		word := words[r.IntN(len(words))]
		s.whole = append(s.whole, propertyColumn{name: fieldName(r, i), propertyType: propertyTypes[word](r, word)})
	}
	for _, choice := range [][]string{{"key", "key", "binary_key", "binary_key", ""}, {"ttl[s]", "ttl[ms]", "", ""}, {"expires_at", "", ""}, {"index", "", ""}} {
		if word := oneOf(r, choice...); word != "" {
			c := propertyColumn{name: "_" + word[:3], metadata: word, propertyType: propertyType{text: word, arrow: propertyMetadata[word]}}
			s.whole = slices.Insert(s.whole, r.IntN(len(s.whole)+1), c)
		}
	}
	if len(s.whole) == 0 {
		s.whole = []propertyColumn{{name: "_key", metadata: "binary_key", propertyType: propertyType{text: "binary_key", arrow: arrow.BinaryTypes.Binary}}}
	}
	s.columns = s.whole
	if r.IntN(4) == 0 {
		s.choose(r)
	}
	return s
}

// fieldName is plain or odd; i keeps it apart from others.
func fieldName(r *rand.Rand, i int) string {
	if r.IntN(4) > 0 {
		return fmt.Sprint("f", i)
	}
	return oneOf(r, "odd name ", "a:b,", "é", `quo"te\`, "[", "123", "\r\n", strings.Repeat("long", 60)) + strconv.Itoa(i)
}

// choose projects: a metadata column that comes after n fields comes after n
// of the chosen ones, or after all if there are fewer.
func (s *propertySchema) choose(r *rand.Rand) {
	var fields []propertyColumn
	place := map[string]int{} // of the metadata columns
	for _, c := range s.whole {
		if c.metadata == "" {
			fields = append(fields, c)
		} else {
			place[c.name] = len(fields)
		}
	}
	r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	fields = fields[:r.IntN(len(fields)+1)]
	if len(fields)+len(place) == 0 {
		return
	}
	s.project, s.names, s.columns = true, nil, nil
	for n := 0; n <= len(fields); n++ {
		for _, c := range s.whole {
			if c.metadata != "" && min(place[c.name], len(fields)) == n {
				s.columns = append(s.columns, c)
			}
		}
		if n < len(fields) {
			s.columns = append(s.columns, fields[n])
			s.names = append(s.names, fields[n].name)
		}
	}
}

// column is the place of the metadata column of the first of the types that
// there is, or -1.
func (s *propertySchema) column(types ...string) int {
	return slices.IndexFunc(s.columns, func(c propertyColumn) bool { return slices.Contains(types, c.metadata) })
}

// fetches are the commands that read a key's value.
func (s *propertySchema) fetches() []string {
	switch {
	case !slices.ContainsFunc(s.columns, func(c propertyColumn) bool { return c.metadata == "" }):
		return []string{"TYPE"}
	case s.kind == "hash":
		return []string{"HMGET", "HGETALL"}
	default:
		return []string{"GET", "MGET"}
	}
}

// somewhere draws a place in the replies about a key, in bytes.
func (s *propertySchema) somewhere(r *rand.Rand) int64 {
	const cell = 16 // a short one, or null
	return r.Int64N(cell * int64(len(s.columns)+1))
}

func (s *propertySchema) text() string {
	columns := make([]string, len(s.whole))
	for i, c := range s.whole {
		columns[i] = jsonString(c.name) + ":" + c.text
	}
	return strings.Join(columns, ",")
}

// jsonString quotes a name, which has no control characters but \r and \n.
func jsonString(name string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\r", `\r`, "\n", `\n`).Replace(name) + `"`
}

func (s *propertySchema) String() string {
	text := s.kind + " " + s.text()
	if s.project {
		text += fmt.Sprintf(" projected to %q", s.names)
	}
	return text
}

// arrow is the schema of the batches.
func (s *propertySchema) arrow() *arrow.Schema {
	fields := make([]arrow.Field, len(s.columns))
	for i, c := range s.columns {
		fields[i] = arrow.Field{Name: c.name, Type: c.arrow, Nullable: c.metadata == "" || c.metadata == "expires_at"}
	}
	return arrow.NewSchema(fields, nil)
}

// schemaWords are the words of the text form that name types of data columns:
// a parser's message lists them.
func schemaWords() []string {
	_, err := schema.ParseField("", "nosuch")
	mistake := (*schema.Error)(nil)
	if !errors.As(err, &mistake) {
		panic(err)
	}
	_, list, _ := strings.Cut(mistake.Reason, "known are ")
	list, _, _ = strings.Cut(list, ";")
	var words []string
	for _, word := range strings.Split(list, ", ") {
		word, _, _ = strings.Cut(word, "[")
		words = append(words, word)
	}
	return words
}
