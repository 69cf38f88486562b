package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/iterator"
)

func TestProgressLine(t *testing.T) {
	var s iterator.Stats
	s.Scanned, s.Rows, s.Progress = 123_456, 400, 0.5
	known := &estimate{elapsed: 20 * time.Second, share: 0.5, pace: 0.005} // 100 s
	for _, f := range []struct {
		width    int
		progress float64
		estimate *estimate
		want     string
	}{
		{100, 0.5, known, "[###############...............]  50 %  123456 keys, 400 rows, 200 rows/s, about 1 min 40 s left"},
		{100, 0.5, &estimate{}, "[###############...............]  50 %  123456 keys, 400 rows, 200 rows/s"},
		{80, 0.5, known, "[#####.....]  50 %  123456 keys, 400 rows, 200 rows/s, about 1 min 40 s left"},
		{72, 0.5, known, "[#####.....]  50 %  400 rows, 200 rows/s, about 1 min 40 s left"},
		{60, 0.5, known, " 50 %  400 rows, 200 rows/s, about 1 min 40 s left"},
		{40, 0.5, known, " 50 %  400 rows, about 1 min 40 s left"},
		{20, 0.5, known, " 50 %  400 rows"},
		{8, 0.5, known, " 50 %  4"},
		{0, 0.5, known, ""},
		{-1, 0.5, known, ""},
		{80, 0, &estimate{}, "123456 keys, 400 rows, 200 rows/s"},
		{80, 1, &estimate{}, "[##############################] 100 %  123456 keys, 400 rows, 200 rows/s"},
		{80, 0.999, &estimate{}, "[#############################.] 100 %  123456 keys, 400 rows, 200 rows/s"},
	} {
		s.Progress = f.progress
		assert.Equal(t, f.want, progressLine(f.width, &s, 2*time.Second, f.estimate), f.width)
	}
	assert.NotContains(t, progressLine(80, &s, 0, known), "Inf")
}

func TestEstimate(t *testing.T) {
	// after drives an estimate with a share that is given by time.
	after := func(elapsed time.Duration, share func(seconds float64) float64) (time.Duration, bool) {
		var e estimate
		for at := progressPeriod; at <= elapsed; at += progressPeriod {
			e.saw(at, share(at.Seconds()))
		}
		return e.left()
	}
	steady := func(s float64) float64 { return s / 100 }

	for _, seconds := range []int{3, 10, 50, 99} {
		left, ok := after(time.Duration(seconds)*time.Second, steady)
		require.True(t, ok)
		assert.InDelta(t, 100-seconds, left.Seconds(), 1, "after %d s", seconds)
	}
	// Twice as slow from half a minute on: a minute later that is what counts.
	left, ok := after(90*time.Second, func(s float64) float64 { return min(s, 30)/200 + max(s-30, 0)/400 })
	require.True(t, ok)
	assert.InDelta(t, (1-0.15-0.15)*400, left.Seconds(), 60)
	// It wavers: a step each five seconds.
	left, ok = after(63*time.Second, func(s float64) float64 { return float64(int(s/5)) * 5 / 100 })
	require.True(t, ok)
	assert.InDelta(t, 37, left.Seconds(), 10)

	for name, f := range map[string]struct {
		elapsed time.Duration
		share   func(float64) float64
	}{
		"too early":         {2 * time.Second, steady},
		"too little":        {time.Minute, func(s float64) float64 { return s / 100_000 }},
		"nothing":           {time.Minute, func(float64) float64 { return 0 }},
		"done":              {time.Minute, func(float64) float64 { return 1 }},
		"backwards":         {time.Minute, func(s float64) float64 { return 0.9 - s/100 }},
		"longer than a say": {20 * time.Hour, func(s float64) float64 { return s / (200 * 3600) }},
	} {
		_, ok := after(f.elapsed, f.share)
		assert.False(t, ok, name)
	}
	var e estimate
	e.saw(0, 0.5) // no time has passed
	_, ok = e.left()
	assert.False(t, ok)
}

func TestRoughly(t *testing.T) {
	for left, want := range map[time.Duration]string{
		0:                             "5 s",
		time.Second:                   "5 s",
		5001 * time.Millisecond:       "10 s",
		time.Minute:                   "60 s",
		61 * time.Second:              "1 min 10 s",
		9*time.Minute + time.Second:   "9 min 10 s",
		10 * time.Minute:              "10 min 00 s",
		10*time.Minute + 1:            "11 min",
		time.Hour:                     "60 min",
		time.Hour + 1:                 "1 h 05 min",
		99*time.Hour + 58*time.Minute: "100 h 00 min",
	} {
		assert.Equal(t, want, roughly(left), left)
	}
}

// What is logged stands above the line that is drawn, and tells no password.
func TestConsole(t *testing.T) {
	var out bytes.Buffer
	c := &console{out: &out, secrets: &secrets{texts: []string{"hunter22"}}}
	level := slog.LevelInfo
	log, err := (&observeFlags{level: &level, logFormat: textLog}).logger(c)
	require.NoError(t, err)
	taken := func() string {
		defer out.Reset()
		return out.String()
	}
	log.Debug("not shown")
	assert.Empty(t, taken())
	log.Warn("first")
	assert.Regexp(t, `^time=\S+ level=WARN msg=first\n$`, taken())
	c.draw("50 %")
	assert.Equal(t, clearLine+"50 %", taken())
	log.Info("second", "reason", "no: hunter22")
	text := taken()
	assert.True(t, strings.HasPrefix(text, clearLine+"time="), "%q", text)
	assert.True(t, strings.HasSuffix(text, "msg=second reason=\"no: ***\"\n50 %"), "%q", text)
	c.draw("")
	assert.Equal(t, clearLine, taken())
	log.Info("third")
	assert.True(t, strings.HasPrefix(taken(), "time="))
}
