package main

import (
	"io"
	"sync"
)

// clearLine takes away what stands on the line of a terminal.
const clearLine = "\r\x1b[K"

// console is standard error while an export goes on: a line that is drawn again and
// again, and records of the log, which stand above it.
type console struct {
	out     io.Writer
	secrets *secrets

	mu    sync.Mutex
	drawn string
}

// draw draws the line; "" takes it away.
func (c *console) draw(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.WriteString(c.out, clearLine+line)
	c.drawn = line
}

// Write writes one record of the log.
func (c *console) Write(record []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := c.secrets.hide(string(record))
	if c.drawn != "" {
		text = clearLine + text + c.drawn
	}
	if _, err := io.WriteString(c.out, text); err != nil {
		return 0, err
	}
	return len(record), nil
}
