//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// lock makes sure that only one process writes parts by a --checkpoint. The kernel
// takes a lock back when its process ends, however it does; the file stays.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, usagef("--checkpoint: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, usagef("--checkpoint: another process is exporting by it (it holds %s)", path)
		}
		return func() {}, nil // a file system without locks
	}
	return func() { _ = f.Close() }, nil
}
