package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/iterator"
)

// summary is what an export tells at its end.
type summary struct {
	output  string
	parts   *progressFile // of an export in parts, otherwise nil
	result  arrowutil.Result
	stats   iterator.Stats
	elapsed time.Duration
}

// print writes one "name  number" a line, for eyes and for awk.
// That nobody reads it is no failure of the export.
func (s summary) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name string, value any) { fmt.Fprintf(t, "%s\t%v\n", name, value) }
	size := "file size"
	switch {
	case s.parts != nil:
		size = "size of the new parts"
		line("folder", s.output)
		line("parts in all", s.parts.Parts)
		line("rows in all", s.parts.Rows)
	case s.output == standardOutput:
		size = "stream size"
	default:
		line("file", s.output)
	}
	line("rows", s.result.Rows)
	line("batches", s.result.Batches)
	line("seconds", fmt.Sprintf("%.3f", s.elapsed.Seconds()))
	line("rows/s", fmt.Sprintf("%.0f", perSecond(s.result.Rows, s.elapsed)))
	line("vanished", s.stats.Vanished)
	line("wrong type", s.stats.WrongType)
	line("parse failures", s.stats.ParseFailures)
	// What a quiet cluster and the default policy never show.
	for _, c := range []struct {
		name string
		n    int64
	}{
		{"large values", s.stats.LargeValues},
		{"skipped rows", s.stats.SkippedRows},
		{"duplicates", s.stats.Duplicates},
		{"redirects", s.stats.Redirects},
		{"retries", s.stats.Retries},
		{"slots read again", s.stats.Reread},
	} {
		if c.n != 0 {
			line(c.name, c.n)
		}
	}
	for _, n := range s.stats.Nodes {
		if n.Unguarded {
			line("without MULTI", n.Addr)
		}
		if n.Unidentified {
			line("not identified", n.Addr)
		}
		if n.Replica && s.stats.Surveys == 0 { // a single server
			line("is a replica", n.Addr)
		}
	}
	line(size, fmt.Sprintf("%d bytes (%s)", s.result.Bytes, binarySize(s.result.Bytes)))
	_ = t.Flush()
}

func binarySize(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	size, unit := float64(n)/1024, 0
	for size >= 1024 && unit < len(binaryUnits)-1 {
		size /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", size, binaryUnits[unit])
}

const binaryUnits = "KMGTPE"
