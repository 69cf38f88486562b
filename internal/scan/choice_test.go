package scan

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSamplePrefers(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		why     string
		sample  sample
		way     Enumeration
		foreign float64
		memory  int64
		want    bool
	}{
		{"all are wanted", sample{listed: 9000, wanted: 9000, slots: 100}, SlotScan, 0, mib, false},
		{"one of five is", sample{listed: 9000, wanted: 1800, slots: 100}, SlotScan, 0, mib, false},
		{"one of ten is", sample{listed: 9000, wanted: 900, slots: 100}, SlotScan, 0, mib, true},
		{"none is", sample{listed: 9000, slots: 100}, SlotScan, 0, mib, true},
		{"some are of another type", sample{listed: 9000, wanted: 9000, slots: 100}, SlotScan, 0.1, mib, false},
		{"a fifth is", sample{listed: 9000, wanted: 9000, slots: 100}, SlotScan, 0.2, mib, true},
		{"a fifth of the few that are asked for is", sample{listed: 9000, wanted: 4500, slots: 100}, SlotScan, 0.2, mib, false},
		{"names are no reason for a SCAN of all keys", sample{listed: 9000, slots: 100}, PlainScan, 0, mib, false},
		{"nor are some of another type", sample{listed: 9000, wanted: 9000, slots: 100}, PlainScan, 0.4, 100 * mib, false},
		{"but most of another type", sample{listed: 9000, wanted: 9000, slots: 100}, PlainScan, 0.6, 100 * mib, true},
		{"if the others can be remembered", sample{listed: 9000, wanted: 9000, slots: 100}, PlainScan, 0.6, 2 * mib, false},
	} {
		assert.Equal(t, c.want, c.sample.prefers(c.way, c.foreign, 1000, c.memory), c.why)
	}
}
