package minicluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCounts(t *testing.T) {
	c := start(t, Config{})
	conn := conns(t, c)
	do(t, conn[0], "ping")
	do(t, conn[0], "PING")
	do(t, conn[1], "GET", "user:1")
	do(t, conn[1], "GET", "user:3") // refused, and counted
	do(t, conn[2], "whatever")
	assert.Equal(t, 2, c.Count(0, "PING"))
	assert.Equal(t, 2, c.Count(-1, "GET"))
	assert.Equal(t, 0, c.Count(0, "GET"))
	assert.Equal(t, map[string]int{"PING": 2, "GET": 2, "WHATEVER": 1}, c.Counts(-1))
	assert.Empty(t, c.Log(), "not asked for")
	c.ResetLog()
	assert.Empty(t, c.Counts(-1))
}

// Acceptance M, row 16: one pipeline a page can be told from many.
func TestBatches(t *testing.T) {
	c := start(t, Config{Masters: 1, Record: true, Gather: 5 * time.Millisecond})
	conn := dial(t, c, 0)
	page := [][]string{{"SCAN", "17"}}
	for i := range 3000 { // more than one read's worth
		page = append(page, []string{"HMGET", fmt.Sprintf("user:%d", i), strings.Repeat("f", 50)})
	}
	_, err := conn.Pipeline(testContext(t), page...)
	require.NoError(t, err)
	do(t, conn, "PING")
	do(t, conn, "PING")
	batches := c.Batches()
	require.Len(t, batches, 3)
	assert.Len(t, batches[0], 3001)
	assert.Equal(t, []string{"SCAN", "17"}, batches[0][0].Args)
	assert.Equal(t, []string{"PING"}, batches[2][0].Args)
	assert.Equal(t, batches[0][0].Conn, batches[2][0].Conn)
	c.SetRecord(false)
	c.ResetLog()
	do(t, conn, "PING")
	assert.Empty(t, c.Batches())
}
