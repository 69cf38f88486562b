package arrowutil

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// WriteError says that what was read could not be written. An error of the
// reader itself never comes as a WriteError: it is returned as it is.
type WriteError struct {
	// Path is the target's name as it was given; empty for a stream.
	Path string
	// Err is the cause, such as syscall.ENOSPC or fs.ErrNotExist.
	Err error
}

// Error names the target and the cause.
func (e *WriteError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("cannot write the stream: %v", e.Err)
	}
	return fmt.Sprintf("cannot write %s: %v", e.Path, e.Err)
}

// Unwrap returns the cause.
func (e *WriteError) Unwrap() error { return e.Err }

// writeError names the target instead of the temporary file that the
// operating system's error names: the user has never heard of that one.
func writeError(path string, err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		err = pe.Err
	case errors.As(err, &le):
		err = le.Err
	}
	return &WriteError{Path: path, Err: err}
}
