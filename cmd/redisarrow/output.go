package main

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/array"
	"golang.org/x/term"

	"github.com/redisarrow/redisarrow/arrowutil"
)

// standardOutput is the --output that means it.
const standardOutput = "-"

// checkOutput refuses, before anything is scanned, what can't be written.
func (a *app) checkOutput(path string, format outputFormat) error {
	switch {
	case path == "":
		return usagef("--output is missing: name a file, or - for a stream on standard output")
	case path != standardOutput:
		if err := arrowutil.CheckFile(path); err != nil {
			return usagef("--output: %w", err)
		}
	case !format.text && term.IsTerminal(int(a.stdout.Fd())):
		return usagef("--output -: a binary stream would garble the terminal: pipe it into a program, name a file, or give --format csv")
	}
	return nil
}

// write writes what the reader gives to a file or to standard output.
func (a *app) write(path string, rr array.RecordReader, format arrowutil.Format) (arrowutil.Result, error) {
	if path == standardOutput {
		res, err := arrowutil.WriteStream(a.stdout, rr, format)
		if err != nil {
			return res, err
		}
		// A redirection into a file may say only now that the disk is full.
		if err := a.stdout.Close(); err != nil {
			return res, &arrowutil.WriteError{Err: err}
		}
		return res, nil
	}
	res, err := arrowutil.WriteFile(path, rr, format)
	var we *arrowutil.WriteError
	if errors.As(err, &we) {
		return res, fmt.Errorf("%w; nothing new is left there", err)
	}
	return res, err
}
