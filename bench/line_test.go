package main

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLine makes sure that a line is long, and not narrow.
func TestLine(t *testing.T) {
	const (
		delay = 5 * time.Millisecond
		bytes = 64 << 20
	)
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer echo.Close()
	go func() {
		if c, err := echo.Accept(); err == nil {
			_, _ = io.Copy(c, c)
		}
	}()
	l, err := newLine(echo.Addr().String(), delay)
	require.NoError(t, err)
	defer l.close()
	c, err := net.Dial("tcp", l.addr())
	require.NoError(t, err)

	begun := time.Now()
	_, err = c.Write([]byte("there and back"))
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, len("there and back")))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(begun), 2*delay)

	begun = time.Now()
	go func() { _, _ = c.Write(make([]byte, bytes)) }()
	n, err := io.CopyN(io.Discard, c, bytes)
	require.NoError(t, err)
	assert.Equal(t, int64(bytes), n)
	// If each parcel had to wait for the one before.
	assert.Less(t, time.Since(begun), bytes/parcelSize*delay)
}
