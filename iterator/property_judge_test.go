package iterator_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/convert"
	"github.com/redisarrow/redisarrow/iterator"
)

// propertyEnd is how a scan may end.
type propertyEnd string

const (
	endWhole      propertyEnd = "whole"
	endLimited    propertyEnd = "MaxRows"
	endIncomplete propertyEnd = "IncompleteError"
	endCell       propertyEnd = "CellError"
	endNode       propertyEnd = "NodeError"
	endLedger     propertyEnd = "ErrLedger"
	endOpen       propertyEnd = "not opened"
	endStopped    propertyEnd = "stopped by its reader"
)

// propertyVerdict judges a scan by what it may give and how it may end.
type propertyVerdict struct {
	schema *propertySchema
	config iterator.Config
	oracle *propertyOracle
	clock  propertyClock
	begun  int64

	quiet      bool     // nothing has happened to the scan
	listsSlots bool     // keys may be listed that aren't asked for
	incomplete bool     // it may end in an IncompleteError
	unowned    bool     // it may end so before its first row, for slots that nobody owns
	fatal      []string // it may end in a NodeError with one of these texts
	mayNotOpen bool
}

// judge returns how the scan has ended, and what is wrong with it.
func (v *propertyVerdict) judge(got *propertyScan) (propertyEnd, error) {
	if got.problem != nil {
		return "", got.problem
	}
	end, lost, err := v.end(got)
	if err != nil || end == endOpen {
		return end, err
	}
	if err := v.judgeRows(got, end, lost); err != nil {
		return end, err
	}
	if err := v.judgeBatches(got); err != nil || end == endStopped {
		return end, err
	}
	return end, v.judgeStats(got, end)
}

// end looks at the error; lost are the slots that may be missing.
func (v *propertyVerdict) end(got *propertyScan) (end propertyEnd, lost cluster.SlotSet, err error) {
	var (
		cell       *iterator.CellError
		node       *iterator.NodeError
		seeds      *cluster.SeedsError
		incomplete *iterator.IncompleteError
	)
	switch {
	case !got.opened:
		if !v.mayNotOpen || !errors.As(got.err, &node) && !errors.As(got.err, &seeds) {
			return endOpen, lost, fmt.Errorf("the scan was not opened: %w", got.err)
		}
		return endOpen, lost, nil
	case got.stopped && (got.err == nil || errors.Is(got.err, context.Canceled)):
		return endStopped, lost, nil
	case got.err == nil && v.config.MaxRows > 0 && int64(len(got.rows)) == v.config.MaxRows:
		return endLimited, lost, nil
	case got.err == nil && got.missing == nil:
		return endWhole, lost, nil
	case got.err == nil && !v.config.AllowIncomplete:
		return endIncomplete, lost, fmt.Errorf("slots are missing, and there is no error: %w", got.missing)
	case got.err == nil, errors.As(got.err, &incomplete):
		if got.err != nil && (v.config.AllowIncomplete || got.missing == nil || got.missing.Slots != incomplete.Slots) {
			return endIncomplete, lost, fmt.Errorf("AllowIncomplete is %v, missing are %w, and the error says %w", v.config.AllowIncomplete, got.missing, got.err)
		}
		if !v.incomplete {
			return endIncomplete, lost, fmt.Errorf("nothing that happened explains that slots are missing: %w", got.missing)
		}
		return endIncomplete, got.missing.Slots, v.judgeReasons(got.missing)
	case errors.Is(got.err, iterator.ErrLedger):
		if v.config.MaxLedgerBytes == 0 {
			return endLedger, lost, fmt.Errorf("the keys can't take so much: %w", got.err)
		}
		return endLedger, lost, nil
	case errors.As(got.err, &cell):
		return endCell, lost, v.judgeCell(cell)
	case errors.As(got.err, &node):
		for _, text := range v.fatal {
			if strings.Contains(got.err.Error(), text) {
				return endNode, lost, nil
			}
		}
	}
	return "", lost, fmt.Errorf("nothing that happened explains the error: %w", got.err)
}

func (v *propertyVerdict) judgeReasons(e *iterator.IncompleteError) error {
	var covered cluster.SlotSet
	for _, r := range e.Reasons {
		covered = covered.Union(r.Slots)
	}
	if covered != e.Slots || covered.Empty() || !errors.Is(e, iterator.ErrIncomplete) {
		return fmt.Errorf("the reasons cover slots %s, missing are %s", covered, e.Slots)
	}
	return nil
}

func (v *propertyVerdict) judgeCell(e *iterator.CellError) error {
	short := func(text string) string {
		if len(text) > 100 {
			return text[:100] + "…"
		}
		return text
	}
	if v.config.OnParseError != convert.Fail {
		return fmt.Errorf("under %v: %w", v.config.OnParseError, e)
	}
	for _, bad := range v.oracle.bad {
		for _, c := range bad.cells {
			if e.Key == short(bad.key.name) && e.Field == c.column.name && e.Value == short(c.text) && arrow.TypeEqual(e.Type, c.column.arrow) {
				return nil
			}
		}
	}
	return fmt.Errorf("no such cell is bad: %w", e)
}

// judgeRows compares the rows. Where there is no key column, rows of several
// keys may be the same: they are counted.
func (v *propertyVerdict) judgeRows(got *propertyScan, end propertyEnd, lost cluster.SlotSet) error {
	type group struct {
		rows  []*propertyRow
		given int
	}
	groups := map[string]*group{}
	for i := range v.oracle.rows {
		row := &v.oracle.rows[i]
		g := groups[row.line]
		if g == nil {
			g = &group{}
			groups[row.line] = g
		}
		g.rows = append(g.rows, row)
	}
	for _, row := range got.rows {
		g := groups[row.line]
		if g == nil {
			return fmt.Errorf("a row that no key has: %s", v.readable(row.line))
		}
		if g.given++; g.given > len(g.rows) {
			return fmt.Errorf("a row given %d times, of key %q and %d others: %s", g.given, g.rows[0].key.name, len(g.rows)-1, v.readable(row.line))
		}
		if !v.fitsTTL(row.ttl, g.rows) {
			return fmt.Errorf("a row with a TTL of %d, of key %q, whose TTL was %v at the beginning: %s", row.ttl, g.rows[0].key.name, g.rows[0].key.expires, v.readable(row.line))
		}
	}
	if most := v.config.MaxRows; most > 0 && int64(len(got.rows)) > most {
		return fmt.Errorf("%d rows, MaxRows is %d", len(got.rows), most)
	}
	if end == endIncomplete && v.unowned && got.stats.Scanned == 0 && !v.config.AllowIncomplete {
		return nil // it has not begun
	}
	if end != endWhole && end != endIncomplete || v.config.MaxRows > 0 && int64(len(got.rows)) == v.config.MaxRows {
		return nil
	}
	for _, g := range groups {
		var wanted []*propertyRow
		for _, row := range g.rows {
			if !row.maybe && !lost.Has(row.key.slot()) {
				wanted = append(wanted, row)
			}
		}
		if g.given < len(wanted) {
			return fmt.Errorf("a row is missing, of key %q in slot %d (given %d times, wanted %d): %s",
				wanted[0].key.name, wanted[0].key.slot(), g.given, len(wanted), v.readable(wanted[0].line))
		}
	}
	if v.config.OnParseError == convert.Fail {
		for _, bad := range v.oracle.bad {
			if !bad.maybe && !lost.Has(bad.key.slot()) {
				return fmt.Errorf("the scan has passed over a bad cell of key %q, column %q: %q", bad.key.name, bad.cells[0].column.name, bad.cells[0].text)
			}
		}
	}
	return nil
}

func (v *propertyVerdict) fitsTTL(ttl int64, rows []*propertyRow) bool {
	i := v.schema.column("ttl[s]", "ttl[ms]")
	if i < 0 {
		return true
	}
	unit := int64(1)
	if v.schema.columns[i].metadata == "ttl[s]" {
		unit = 1000
	}
	for _, row := range rows {
		at := int64(0)
		if row.key.expires != 0 {
			at = v.begun + row.key.expires.Milliseconds()
		}
		if v.clock.fits(ttl, at, unit) {
			return true
		}
	}
	return false
}

// readable names the cells of a line.
func (v *propertyVerdict) readable(line string) string {
	cells := strings.Split(line, " ")
	var parts []string
	for _, c := range v.schema.columns {
		switch c.metadata {
		case "ttl[s]", "ttl[ms]", "index":
			continue
		}
		if len(cells) == 0 {
			break
		}
		cell := cells[0]
		if len(cell) > 60 {
			cell = fmt.Sprintf("%s… (%d)", cell[:60], len(cell))
		}
		parts = append(parts, fmt.Sprintf("%q=%s", c.name, cell))
		cells = cells[1:]
	}
	return strings.Join(parts, " ")
}

// judgeBatches looks at the batches' sizes: all but the last have BatchSize
// rows, or end with the row that makes them reach BatchBytes.
func (v *propertyVerdict) judgeBatches(got *propertyScan) error {
	size, bytes := int64(v.config.BatchSize), v.config.BatchBytes
	if size == 0 {
		size = iterator.DefaultBatchSize
	}
	if bytes == 0 {
		bytes = iterator.DefaultBatchBytes
	}
	for i, b := range got.batches {
		last := i == len(got.batches)-1
		switch {
		case b.rows == 0 || b.rows > size:
			return fmt.Errorf("batch %d has %d rows, BatchSize is %d", i, b.rows, size)
		case b.rows < size && !last && b.most < bytes:
			return fmt.Errorf("batch %d has %d rows and %d bytes: less than BatchSize %d and BatchBytes %d", i, b.rows, b.most, size, bytes)
		case b.rows > 1 && b.before >= bytes:
			return fmt.Errorf("batch %d of %d rows goes on after %d bytes, BatchBytes is %d", i, b.rows, b.before, bytes)
		}
	}
	return nil
}

// judgeStats compares the counters with the rows.
func (v *propertyVerdict) judgeStats(got *propertyScan, end propertyEnd) error {
	s := got.stats
	var sum iterator.Counters
	for _, n := range s.Nodes {
		sum.Add(n.Counters)
	}
	o := v.oracle
	foreign := s.Foreign
	if !v.config.Slots.Empty() {
		foreign = 0 // keys of slots that aren't wanted may be listed
	}
	settled := s.Rows + s.SkippedRows + s.Vanished + s.WrongType + s.Duplicates + s.Foreign
	switch {
	case sum != s.Counters:
		return fmt.Errorf("Stats: the sum of the nodes is %+v, not %+v", sum, s.Counters)
	case s.Rows != int64(len(got.rows)):
		return fmt.Errorf("Stats: %d rows, given were %d", s.Rows, len(got.rows))
	case s.Scanned < settled:
		return fmt.Errorf("Stats: more keys have come of something than were enumerated: %+v", s.Counters)
	case s.ParseFailures > o.most.badCells && end != endIncomplete, v.config.OnParseError != convert.Fail && s.SkippedRows > o.most.skipped:
		return fmt.Errorf("Stats: at most %d bad cells and %d rows skipped are right: %+v", o.most.badCells, o.most.skipped, s.Counters)
	case v.quiet && (s.Duplicates+foreign+s.Redirects+s.Retries+s.Reread > 0 || s.Vanished+s.WrongType > 0 && !v.listsSlots): // such keys are listed, and expired ones
		return fmt.Errorf("Stats: nothing has happened to the scan: %+v", s.Counters)
	case end != endWhole:
		return nil
	case v.config.MaxLedgerBytes > 0 && s.LedgerBytes > v.config.MaxLedgerBytes:
		return fmt.Errorf("Stats: the ledger took %d bytes, MaxLedgerBytes is %d", s.LedgerBytes, v.config.MaxLedgerBytes)
	case s.Scanned != settled && v.quiet && !v.listsSlots:
		return fmt.Errorf("Stats: %d keys enumerated, %d came of something: %+v", s.Scanned, settled, s.Counters)
	case s.ParseFailures < o.least.badCells, v.config.OnParseError != convert.Fail && s.SkippedRows < o.least.skipped:
		return fmt.Errorf("Stats: at least %d bad cells and %d rows skipped are right: %+v", o.least.badCells, o.least.skipped, s.Counters)
	}
	return nil
}
