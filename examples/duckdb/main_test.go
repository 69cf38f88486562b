//go:build duckdb_arrow && cgo

package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/redisarrow/redisarrow/internal/minicluster"
	"github.com/redisarrow/redisarrow/iterator"
)

// group is what is said of a country, worked out by a plain loop.
type group struct {
	n, years int
	first    time.Time
}

func TestRun(t *testing.T) {
	defer goleak.VerifyNone(t)
	c, err := minicluster.Start(minicluster.Config{})
	require.NoError(t, err)
	defer c.Close()
	countries := []string{"DE", "FR", "JP", ""}
	groups := map[string]*group{}
	// More than two batches.
	for i := range 40_000 {
		country, age, day := countries[i%4], 18+i%61, time.Date(2024, 1, 31-i%29, 0, 0, 0, 0, time.UTC)
		pairs := []string{"age", fmt.Sprint(age), "signup_date", day.Format(time.DateOnly)}
		if country != "" {
			pairs = append(pairs, "country", country)
		}
		c.SetHash(fmt.Sprint("user:", i), pairs...)
		g := groups[country]
		if g == nil {
			g = &group{first: day}
			groups[country] = g
		}
		g.n++
		g.years += age
		if day.Before(g.first) {
			g.first = day
		}
	}
	var want strings.Builder
	for _, country := range countries {
		g := groups[country]
		if country == "" {
			country = "unknown"
		}
		fmt.Fprintf(&want, "%s: %d users, %.1f years old on average, the first since %s\n",
			country, g.n, float64(g.years)/float64(g.n), g.first.Format(time.DateOnly))
	}
	t.Setenv("REDIS_URL", strings.Join(c.URLs(), ","))
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	assert.Equal(t, want.String(), out.String())

	t.Run("a part isn't taken for the whole", func(t *testing.T) {
		c.SetHash("user:39999", "age", "old")
		var out bytes.Buffer
		var cell *iterator.CellError
		require.ErrorAs(t, run(t.Context(), &out), &cell)
		assert.Equal(t, "user:39999", cell.Key)
		assert.Empty(t, out.String())
	})
}

func TestMistakes(t *testing.T) {
	t.Setenv("REDIS_URL", "")
	require.ErrorContains(t, run(t.Context(), nil), "REDIS_URL")
	t.Setenv("REDIS_URL", "redis://127.0.0.1:1")
	require.ErrorContains(t, run(t.Context(), nil), "no server listens there")
}
