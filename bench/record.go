package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
)

// record is figures of an earlier run to hold later ones against.
type record struct {
	Rows    int                 `json:"rows"` // allocations per row are fewer with more rows
	Figures map[string]recorded `json:"figures"`
}

// recorded is what ours came to in a workload on a server.
type recorded struct {
	Allocs    float64 `json:"allocations_per_row"`
	Floor     float64 `json:"cpu_of_floor"`
	Idiomatic float64 `json:"cpu_of_idiomatic"`
}

const (
	// By so much may figures be worse than the recorded ones. Most allocations are
	// made once a scan: how many there are depends a little on who waits for whom.
	allocsShare = 0.25
	allocsSpare = 0.002
	ratioShare  = 0.2
)

// recordOf is the record of a report.
func recordOf(rows int, comparisons []comparison) record {
	r := record{Rows: rows, Figures: make(map[string]recorded)}
	for _, c := range comparisons {
		f := recorded{Allocs: c.median(oursReader, allocsPerRow)}
		f.Floor, _ = c.ratio(oursReader, floorReader, cpuPerRow)
		f.Idiomatic, _ = c.ratio(oursReader, idiomaticReader, cpuPerRow)
		r.Figures[c.server.Name+" "+c.workload] = recorded{round(f.Allocs), round(f.Floor), round(f.Idiomatic)}
	}
	return r
}

// round leaves four decimals.
func round(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// worse returns an error that says what is worse now than in the record.
func (r record) worse(now record) error {
	if r.Rows != now.Rows {
		return fmt.Errorf("the record is of %d rows, not %d", r.Rows, now.Rows)
	}
	var errs []error
	held := 0
	for _, name := range slices.Sorted(maps.Keys(now.Figures)) {
		f := now.Figures[name]
		before, ok := r.Figures[name]
		if !ok {
			continue
		}
		held++
		hold := func(what string, value, recorded, limit float64) {
			if value > limit {
				errs = append(errs, fmt.Errorf("%s: %s %.3f, recorded are %.3f", name, what, value, recorded))
			}
		}
		hold("allocations per row", f.Allocs, before.Allocs, before.Allocs*(1+allocsShare)+allocsSpare)
		hold("CPU of the floor", f.Floor, before.Floor, before.Floor*(1+ratioShare))
		hold("CPU of idiomatic", f.Idiomatic, before.Idiomatic, before.Idiomatic*(1+ratioShare))
	}
	if held == 0 {
		return errors.New("the record has none of these servers and workloads")
	}
	return errors.Join(errs...)
}

// checkAndRecord holds what was measured against the record in a file, and writes
// it to one.
func (b *bench) checkAndRecord() error {
	now := recordOf(b.rows, b.comparisons)
	if b.check != "" {
		text, err := os.ReadFile(b.check)
		if err != nil {
			return err
		}
		var before record
		if err := json.Unmarshal(text, &before); err != nil {
			return fmt.Errorf("%s: %w", b.check, err)
		}
		if err := before.worse(now); err != nil {
			return fmt.Errorf("worse than %s: %w", b.check, err)
		}
		fmt.Fprintf(b.out, "\nnothing is worse than in %s\n", b.check)
	}
	if b.record == "" {
		return nil
	}
	text, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(b.record, append(text, '\n'), 0o644)
}
