package main

import (
	"fmt"
	"strings"
)

// workload is what the readers are compared in: keys that are read, and as many
// others beside them that aren't. Who lists all keys pays for those, too.
type workload struct {
	name   string
	read   dataset
	beside dataset
}

// workloads are those that the program knows, with so many keys each.
func workloads(rows int) []workload {
	var all []workload
	add := func(name string, read, beside dataset) {
		all = append(all, workload{name, read, beside})
		read.TTL = true
		all = append(all, workload{name + "+ttl", read, beside})
	}
	texts := dataset{Prefix: "cache:", Rows: rows}
	for _, fields := range []struct{ all, take int }{{3, 3}, {userFields, userFields}, {50, 25}} {
		add(fmt.Sprintf("hash%d", fields.all), dataset{Prefix: "user:", Rows: rows, Fields: fields.all, Take: fields.take}, texts)
	}
	add("strings", texts, dataset{Prefix: "user:", Rows: rows, Fields: userFields, Take: userFields})
	// Both types match the pattern, and the hashes are read. So few are of the other
	// type that a server with one table for all slots is read in one way.
	return append(all, workload{
		"mixed",
		dataset{Prefix: "any:h", Stem: "any:", Rows: rows, Fields: userFields, Take: userFields},
		dataset{Prefix: "any:s", Rows: rows / 2},
	})
}

// chooseWorkloads are those of the names, separated by commas.
func chooseWorkloads(names string, rows int) ([]workload, error) {
	known := workloads(rows)
	if names == "" {
		return known, nil
	}
	var chosen []workload
	for name := range strings.SplitSeq(names, ",") {
		w, ok := findWorkload(known, name)
		if !ok {
			return nil, fmt.Errorf("no workload %q", name)
		}
		chosen = append(chosen, w)
	}
	return chosen, nil
}

func workloadNames() string {
	var names []string
	for _, w := range workloads(0) {
		names = append(names, w.name)
	}
	return strings.Join(names, ", ")
}

func findWorkload(among []workload, name string) (workload, bool) {
	for _, w := range among {
		if w.name == name {
			return w, true
		}
	}
	return workload{}, false
}

// custom is hashes of any number of fields.
func custom(rows, fields, take int) workload {
	return workload{
		fmt.Sprintf("hash%d-%d", fields, take),
		dataset{Prefix: "user:", Rows: rows, Fields: fields, Take: take},
		dataset{Prefix: "cache:", Rows: rows},
	}
}
