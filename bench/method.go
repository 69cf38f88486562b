package main

import (
	"fmt"
	"strings"
)

// method is how ours asked the servers, which the floor has to do as well. It
// is read off the servers' statistics, so the floor follows when ours changes,
// as far as floor.go and lister.go know the commands.
type method struct {
	Slots   bool   // lists keys by CLUSTER GETKEYSINSLOT, and not by SCAN
	Guarded bool   // lists them in a transaction with CLUSTER NODES
	Fetch   string // the command for values, in small letters
}

// Commands of which the servers' statistics are looked at.
const (
	getCall   = "get"
	mgetCall  = "mget"
	ttlCall   = "ttl"
	execCall  = "exec"
	scanCall  = "scan"
	slotsCall = "cluster|getkeysinslot"
)

// methodOf says how a scan asked that sent these commands.
func methodOf(calls map[string]int64) (method, error) {
	m := method{Slots: calls[slotsCall] > 0, Guarded: calls[execCall] > 0}
	// A key that is alone in its slot may be asked for by GET where others
	// aren't, so MGET comes first.
	for _, command := range []string{mgetCall, getCall, hashMGet, hashGetAll} {
		if calls[command] > 0 {
			m.Fetch = command
			return m, nil
		}
	}
	return m, fmt.Errorf("ours has sent %v, which the floor can't follow: bring method.go up to date", calls)
}

// sameKeys makes sure that two readers asked for the values of the same keys, by
// the numbers of commands. Of MGETs there may be some more or less: where a page
// ends within a slot, its keys are asked for in two. Where ours has changed over to
// SCAN's TYPE after the first keys, the floor hasn't.
func sameKeys(floor, ours map[string]int64) error {
	const (
		share = 0.05
		spare = 10
	)
	if ours[slotsCall] > 0 && ours[scanCall] > 0 {
		return nil
	}
	for _, command := range []string{hashMGet, hashGetAll, getCall, mgetCall, ttlCall} {
		a, b := floor[command], ours[command]
		if command == getCall && ours[mgetCall] > 0 {
			continue // they are groups of one key
		}
		if command == mgetCall && b > 0 {
			a, b = a+floor[getCall], b+ours[getCall]
			if float64(max(a-b, b-a)) <= share*float64(b)+spare {
				continue
			}
		}
		if a != b {
			return fmt.Errorf("floor sent %d %s, ours %d: bring floor.go up to date with what ours asks", a, strings.ToUpper(command), b)
		}
	}
	return nil
}
