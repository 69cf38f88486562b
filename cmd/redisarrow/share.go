package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/redisarrow/redisarrow/cluster"
)

// shareFlags say which part of the slots is read.
type shareFlags struct {
	slots, partition cluster.SlotSet
	given            func(flag string) bool
}

func (f *shareFlags) register(fs *pflag.FlagSet) {
	f.given = fs.Changed
	fs.Var(newValue(&f.slots, "", "RANGES", parseSlots), "slots", "read the keys of these slots only, such as 0-5460,7000")
	fs.Var(newValue(&f.partition, "", "i/n", parsePartition), "partition", "read part i of n, from 1/n to n/n; n exports have the rows of one")
}

// set are the slots to be read, empty if nothing was said.
func (f *shareFlags) set() (cluster.SlotSet, error) {
	if f.given("slots") && f.given("partition") {
		return cluster.SlotSet{}, usagef("--slots and --partition both say which slots to read: leave one of them out")
	}
	return f.slots.Union(f.partition), nil
}

// parseSlots takes no empty set: to a scan that is all slots.
func parseSlots(text string) (cluster.SlotSet, error) {
	s, err := cluster.ParseRanges(text)
	if err == nil && s.Empty() {
		err = errors.New("give slots, such as 0-5460,7000")
	}
	return s, err
}

// parsePartition reads which of how many parts is meant. They are cut without
// asking the cluster: whoever reads the other parts must cut alike.
func parsePartition(text string) (cluster.SlotSet, error) {
	none := cluster.SlotSet{}
	first, second, found := strings.Cut(text, "/")
	i, errI := strconv.Atoi(first)
	n, errN := strconv.Atoi(second)
	if !found || errI != nil || errN != nil {
		return none, errors.New("give i/n, such as 1/3 for the first of three parts")
	}
	parts, err := cluster.EvenPartition(n)
	if err != nil {
		return none, errors.New("n is from 1 to " + strconv.Itoa(cluster.Slots))
	}
	if i < 1 || i > n {
		return none, errors.New("i is from 1 to n")
	}
	return parts[i-1], nil
}
