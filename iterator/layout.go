package iterator

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/internal/scan"
	"github.com/redisarrow/redisarrow/schema"
)

// rowSchema is what the engine needs of a *schema.Hash or *schema.String.
type rowSchema interface {
	Arrow() *arrow.Schema
	Columns() []schema.Column
	String() string
}

// layout is where in a batch each column stands. Positions that aren't taken
// are -1.
type layout struct {
	schema  *arrow.Schema
	text    string // the schema in its text form
	columns []schema.Column
	fields  []int // of the data columns, in order
	key     int
	ttl     int
	expires int
	index   int
}

func newLayout(s rowSchema) layout {
	l := layout{schema: s.Arrow(), text: s.String(), columns: s.Columns(), key: -1, ttl: -1, expires: -1, index: -1}
	for i, c := range l.columns {
		switch c.Kind() {
		case schema.KindField:
			l.fields = append(l.fields, i)
		case schema.KindKey:
			l.key = i
		case schema.KindTTL:
			l.ttl = i
		case schema.KindExpiresAt:
			l.expires = i
		case schema.KindIndex:
			l.index = i
		}
	}
	return l
}

// names are the names of the data columns, in order.
func (l *layout) names() []string {
	names := make([]string, len(l.fields))
	for i, position := range l.fields {
		names[i] = l.columns[position].Name()
	}
	return names
}

// newColumns makes the columns of a batch, but for the index, which is known
// only when a batch is handed out.
func (l *layout) newColumns(mem memory.Allocator) ([]convert.Column, error) {
	columns := make([]convert.Column, len(l.columns))
	for i, c := range l.columns {
		var err error
		switch c.Kind() {
		case schema.KindIndex:
			continue
		case schema.KindTTL, schema.KindExpiresAt:
			columns[i], err = convert.NewInt64Column(mem, c.Type())
		default:
			var opts convert.Options
			if unit, ok := c.EpochUnit(); ok {
				opts.EpochUnit = &unit
			}
			columns[i], err = convert.NewColumn(mem, c.Type(), opts)
		}
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name(), err)
		}
	}
	return columns, nil
}

// metadataCommands are the commands that go beside the one for the value, in
// the order in which [builder.readMetadata] reads their replies. Columns that
// nobody named cost no command.
//
// PEXPIRETIME gives the moment itself, where PTTL and this machine's clock
// would only give an estimate (Redis 7.0 and later:
// https://redis.io/docs/latest/commands/pexpiretime/).
func (l *layout) metadataCommands() []scan.Command {
	var commands []scan.Command
	if l.ttl >= 0 {
		name := "TTL"
		if l.columns[l.ttl].TTLUnit() == arrow.Millisecond {
			name = "PTTL"
		}
		commands = append(commands, scan.NewCommand(name))
	}
	if l.expires >= 0 {
		commands = append(commands, scan.NewCommand("PEXPIRETIME"))
	}
	return commands
}
