package main

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/redisarrow/redisarrow/internal/testcluster"
)

// load is what the masters have done so far.
type load struct {
	cpu   time.Duration    // of the main threads
	calls map[string]int64 // of the commands that read values, and of some that list keys
}

// serverLoad adds up what the masters say of themselves.
func serverLoad(ctx context.Context, c *testcluster.Cluster) (load, error) {
	sum := load{calls: make(map[string]int64)}
	for i, n := range c.Nodes() {
		info, err := c.NodeClient(i).Info(ctx, "cpu", "commandstats").Result()
		if err != nil {
			return sum, fmt.Errorf("INFO on %s: %w", n.Addr, err)
		}
		for line := range strings.Lines(info) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			switch name {
			case "used_cpu_sys_main_thread", "used_cpu_user_main_thread":
				seconds, err := strconv.ParseFloat(value, 64)
				if err != nil {
					return sum, fmt.Errorf("INFO on %s: %w", n.Addr, err)
				}
				sum.cpu += time.Duration(seconds * float64(time.Second))
			case "cmdstat_" + hashMGet, "cmdstat_" + hashGetAll, "cmdstat_" + getCall, "cmdstat_" + mgetCall,
				"cmdstat_" + ttlCall, "cmdstat_" + execCall, "cmdstat_" + slotsCall:
				var calls int64
				if _, err := fmt.Sscanf(value, "calls=%d,", &calls); err != nil {
					return sum, fmt.Errorf("INFO on %s: %s: %w", n.Addr, name, err)
				}
				sum.calls[strings.TrimPrefix(name, "cmdstat_")] += calls
			}
		}
	}
	return sum, nil
}

// since is what has been done after an earlier look.
func (l load) since(before load) load {
	calls := maps.Clone(l.calls)
	for name, n := range before.calls {
		if calls[name] -= n; calls[name] == 0 {
			delete(calls, name)
		}
	}
	return load{cpu: l.cpu - before.cpu, calls: calls}
}
