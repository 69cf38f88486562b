package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/arrowutil/parquet"
	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/internal/wholefile"
	"github.com/redisarrow/redisarrow/iterator"
)

// defaultPartRows makes few files, and leaves little to be read again after a kill.
const defaultPartRows = 1_000_000

// parts is the folder of an export that is written in parts: part-00001.arrow,
// part-00002.arrow, and so on, or with the extension of another format. With a progress file it can be killed at any moment
// and run again:
//
//	scan part n  ─►  part-n.arrow gets its name  ─►  the progress file says n
//
// Killed before the first arrow, nothing of part n is there. Killed between the
// two, part n is there and isn't known: it is removed at the beginning of the next
// run, which reads its rows again. So whatever the moment, the parts that are
// known have each key once, and the checkpoint goes on behind them.
type parts struct {
	folder   string
	progress string // the file's name; empty for none
	rows     int64  // of a part
	bytes    int64  // likewise
	format   outputFormat
	known    progressFile
}

// isFolder reports whether an --output names a folder.
func isFolder(output string) bool {
	return strings.HasSuffix(output, "/") || strings.HasSuffix(output, string(filepath.Separator))
}

// prepare makes the folder, and brings it into the state that the progress file
// tells of. close releases the lock on it.
func (p *parts) prepare() (unlock func(), err error) {
	if err := os.Mkdir(p.folder, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, usagef("--output: %w", err)
	}
	unlock = func() {}
	if p.progress != "" {
		if err := wholefile.Check(p.progress); err != nil {
			return nil, usagef("--checkpoint: %w", err)
		}
		if unlock, err = lock(p.progress + ".lock"); err != nil {
			return nil, err
		}
		if err := p.known.read(p.progress); err != nil {
			unlock()
			return nil, err
		}
		if then := p.known.Format; p.known.begun && then != p.format.name {
			unlock()
			return nil, usagef("--checkpoint: %s tells of parts in the format %s, and this export has %s: give --format %s, or name another file and another folder",
				p.progress, then, p.format.name, then)
		}
		p.known.Format = p.format.name
	}
	if err := p.tidy(); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

var partName = regexp.MustCompile(`^part-(\d{5,})\.([a-z]+)$`)

func (p *parts) name(n int) string {
	return filepath.Join(p.folder, fmt.Sprintf("part-%05d.%s", n, p.format.name))
}

// tidy removes what a killed run has left.
func (p *parts) tidy() error {
	entries, err := os.ReadDir(p.folder)
	if err != nil {
		return usagef("--output: %w", err)
	}
	there, all := 0, 0
	var leftovers []string
	for _, e := range entries {
		if wholefile.IsHidden(e.Name()) {
			leftovers = append(leftovers, e.Name())
		}
		match := partName.FindStringSubmatch(e.Name())
		if match == nil {
			continue
		}
		all++
		if match[2] != p.format.name {
			continue // not ours, and counted for the beginning alone
		}
		switch n, err := strconv.Atoi(match[1]); {
		case err != nil || n > p.known.Parts:
			leftovers = append(leftovers, e.Name())
		default:
			there++
		}
	}
	switch {
	case !p.known.begun && all > 0:
		return usagef("--output: %s has parts already, and %s; empty it, or name the --checkpoint that they belong to", p.folder, p.unknown())
	case there < p.known.Parts:
		return usagef("--output: %s has %d of the %d parts that %s tells of: name the folder that they are in, or remove that file to begin anew",
			p.folder, there, p.known.Parts, p.progress)
	}
	if !p.known.begun { // hidden files may be another process's
		return nil
	}
	for _, name := range leftovers {
		if err := os.Remove(filepath.Join(p.folder, name)); err != nil {
			return err
		}
	}
	return nil
}

func (p *parts) unknown() string {
	if p.progress == "" {
		return "there is no --checkpoint that knows them"
	}
	return p.progress + " doesn't exist"
}

// write writes what is left of a scan. The result is this run's.
func (p *parts) write(it scanner) (total arrowutil.Result, err error) {
	more := it.Next()
	// A whole result without rows is one part with the schema alone.
	for n := p.known.Parts + 1; more || it.Err() == nil && n == 1; n++ {
		part := &part{scanner: it, rowsLeft: p.rows, most: p.bytes, begun: more}
		res, err := arrowutil.WriteFile(p.name(n), part, p.format, arrowutil.WithProgress(part.written))
		total.Rows, total.Batches, total.Bytes = total.Rows+res.Rows, total.Batches+res.Batches, total.Bytes+res.Bytes
		if err != nil {
			return total, p.advise(err)
		}
		p.known.Parts, p.known.Rows = n, p.known.Rows+res.Rows
		if err := p.save(it, false); err != nil {
			return total, err
		}
		more = more && it.Next()
	}
	if err := it.Err(); err != nil {
		return total, p.advise(err)
	}
	return total, p.save(it, true)
}

// save says in the progress file how far the parts go.
func (p *parts) save(it scanner, whole bool) error {
	if p.progress == "" {
		return nil
	}
	var err error
	if p.known.data, err = it.Checkpoint(); err != nil {
		return err
	}
	p.known.Whole = whole && it.Missing() == nil
	return p.known.write(p.progress)
}

// advise says what becomes of the parts that are there.
func (p *parts) advise(err error) error {
	if p.progress == "" || p.known.Parts == 0 {
		return err
	}
	return &partsError{err, p.known.Parts, p.known.Rows}
}

// partsError is why an export in parts ended, some of which are there.
type partsError struct {
	err   error
	parts int
	rows  int64
}

func (e *partsError) Error() string { return e.err.Error() + "; " + e.advice() }
func (e *partsError) Unwrap() error { return e.err }

func (e *partsError) advice() string {
	return fmt.Sprintf("%d parts with %d rows are there: the same command goes on behind them", e.parts, e.rows)
}

// part reads one part's batches of a scan: up to the one that makes it long
// enough.
type part struct {
	scanner
	rowsLeft    int64
	bytes, most int64 // that it has, and that end it
	begun       bool  // the scan's current batch is the first of the part
}

// written is told how far the part has come.
func (p *part) written(res arrowutil.Result) { p.bytes = res.Bytes }

func (p *part) Next() bool {
	switch {
	case p.rowsLeft <= 0 || p.bytes >= p.most:
		return false
	case p.begun:
		p.begun = false
	case !p.scanner.Next():
		return false
	}
	p.rowsLeft -= p.RecordBatch().NumRows()
	return true
}

// The part doesn't own the scan.
func (p *part) Retain()  {}
func (p *part) Release() {}

var _ array.RecordReader = (*part)(nil)

// batchSize is the rows of a batch in a part of so many rows: as given, or about the
// default, and then such that batches fill a part: with 1,000,000 rows 64 of 15,625.
func batchSize(given int, partRows int64) int {
	if given > 0 {
		return int(min(int64(given), partRows))
	}
	if partRows == math.MaxInt64 {
		return iterator.DefaultBatchSize
	}
	least := (partRows-1)/iterator.DefaultBatchSize + 1
	for n := least; n <= 2*least && n <= partRows; n++ {
		if partRows%n == 0 {
			return int(partRows / n)
		}
	}
	return int((partRows-1)/least + 1)
}

// exportParts is export into a folder.
func (a *app) exportParts(ctx context.Context, f *exportFlags, row rows, options cluster.Options) error {
	p := &parts{folder: filepath.Clean(f.output), progress: f.checkpoint, rows: f.partRows, bytes: f.partBytes}
	if p.bytes == 0 {
		p.rows, p.bytes = cmp.Or(p.rows, defaultPartRows), math.MaxInt64
	}
	p.rows = cmp.Or(p.rows, math.MaxInt64)
	// How large a part has become is known by its batches, and by Parquet's row groups.
	f.scan.BatchBytes = min(p.bytes, iterator.DefaultBatchBytes)
	f.format.rowGroupBytes = min(p.bytes, parquet.DefaultRowGroupBytes)
	var err error
	if p.format, err = f.format.choose(f.output); err != nil {
		return err
	}
	unlock, err := p.prepare()
	if err != nil {
		return err
	}
	defer unlock()
	f.report.parts = &p.known
	if p.known.Whole {
		a.printLine(fmt.Sprintf("nothing to do: %s says that all %d parts with %d rows are there; remove it, and the parts, to begin anew", p.progress, p.known.Parts, p.known.Rows))
		return nil
	}
	rdb, err := dial(ctx, options)
	if err != nil {
		return err
	}
	defer rdb.Close()

	if row == nil {
		if row, err = a.inferRows(ctx, rdb, f, &p.known); err != nil {
			return err
		}
	}
	f.scan.Checkpoints, f.scan.Resume = p.progress != "", p.known.data
	f.scan.BatchSize = batchSize(f.scan.BatchSize, p.rows)
	return a.exportAll(ctx, rdb, row, f, summary{output: f.output, parts: &p.known}, func(it scanner) (arrowutil.Result, error) {
		if p.known.Parts > 0 {
			a.printLine(fmt.Sprintf("going on behind %d parts with %d rows", p.known.Parts, p.known.Rows))
		} else if err := p.save(it, false); err != nil { // from now on the folder is ours
			return arrowutil.Result{}, err
		}
		return p.write(it)
	})
}
