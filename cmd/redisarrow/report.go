package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/wholefile"
	"github.com/redisarrow/redisarrow/iterator"
)

// exportReport is what --stats-json writes. The names stay; more may come.
type exportReport struct {
	Version string `json:"version"`

	Complete     bool            `json:"complete"`        // the result has all rows: exit status 0
	Error        string          `json:"error,omitempty"` // why the export failed
	MissingSlots cluster.SlotSet `json:"missing_slots"`   // that couldn't be read

	Type    string          `json:"type"` // hash or string
	Pattern string          `json:"pattern"`
	Slots   cluster.SlotSet `json:"slots"`
	Schema  string          `json:"schema"` // as --schema takes it, with all columns; empty if the scan didn't begin
	Output  string          `json:"output"`

	Begun          time.Time `json:"begun"`
	ElapsedSeconds float64   `json:"elapsed_seconds"`

	// What this run has written, of a result that didn't become whole, too.
	Rows    int64 `json:"rows"`
	Batches int64 `json:"batches"`
	Bytes   int64 `json:"bytes"`
	// Of an export in parts: all that are there, those of earlier runs included.
	Parts     *int   `json:"parts,omitempty"`
	RowsInAll *int64 `json:"rows_in_all,omitempty"`

	Stats iterator.Stats `json:"stats"` // of this run

	parts *progressFile
}

// reported runs an export and writes --stats-json, however it ends; a mistake on the
// command line, and --dry-run, leave the file as it is.
func (a *app) reported(ctx context.Context, f *exportFlags, export func() error) error {
	r := &f.report
	begun := time.Now()
	err := export()
	if usage := (*usageError)(nil); f.observe.json == "" || f.dryRun || errors.As(err, &usage) {
		return err
	}
	told := false // a status alone: of what was left out, which is known
	if status := statusError(0); errors.As(err, &status) {
		told = true
	}
	r.Version = version()
	r.Begun, r.ElapsedSeconds = begun.UTC().Truncate(time.Millisecond), time.Since(begun).Round(time.Millisecond).Seconds()
	r.Type, r.Pattern, r.Slots, r.Output = f.row.redisType, f.scan.Pattern, f.scan.Slots, f.output
	if r.Slots.Empty() {
		r.Slots = cluster.AllSlots()
	}
	if r.parts != nil {
		r.Parts, r.RowsInAll = &r.parts.Parts, &r.parts.Rows
	}
	if r.Stats.Nodes == nil {
		r.Stats.Nodes = []iterator.NodeStats{}
	}
	if err != nil && !told {
		r.Error = a.secrets.hide(err.Error())
		if sig := (*signalError)(nil); errors.As(context.Cause(ctx), &sig) {
			r.Error = fmt.Sprintf("stopped (%v)", sig)
		}
		if missing := (*iterator.IncompleteError)(nil); errors.As(err, &missing) {
			r.MissingSlots = missing.Slots
		}
	}
	r.Complete = err == nil && r.MissingSlots.Empty()
	text, failed := printableJSON(r)
	if failed == nil {
		failed = wholefile.Write(f.observe.json, []byte(text))
	}
	switch {
	case failed == nil:
		return err
	case err == nil || told:
		return fmt.Errorf("writing --stats-json: %w; the result itself is there", failed)
	default:
		return errors.Join(err, fmt.Errorf("writing --stats-json: %w", failed))
	}
}

// note takes note of what a scan has come to.
func (r *exportReport) note(it scanner, result arrowutil.Result) {
	r.Stats = it.Stats()
	r.Rows, r.Batches, r.Bytes = result.Rows, result.Batches, result.Bytes
	if missing := it.Missing(); missing != nil {
		r.MissingSlots = missing.Slots
	}
}
