package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/redisarrow/redisarrow/internal/sealed"
	"github.com/redisarrow/redisarrow/internal/wholefile"
)

// progressFile is what --checkpoint names: which parts of an export are there,
// and the scan's checkpoint behind them, sealed.
type progressFile struct {
	Parts  int    `json:"parts"`
	Rows   int64  `json:"rows"`
	Whole  bool   `json:"whole"`            // there is nothing more to be read
	Format string `json:"format,omitempty"` // of the parts; files of before there was a choice have none, for arrow

	// Of an export with an inferred schema: another look might infer another one.
	Type   string `json:"type,omitempty"`
	Schema string `json:"schema,omitempty"` // as for --schema

	data  []byte // the checkpoint; nil for none
	begun bool   // the file is there
}

const (
	progressKind    = "redisarrow-export"
	progressVersion = "1"
)

func (f *progressFile) write(path string) error {
	out, err := sealed.Seal(progressKind, progressVersion, f, f.data)
	if err != nil {
		return err
	}
	if err := wholefile.Write(path, out); err != nil {
		return fmt.Errorf("writing the --checkpoint: %w; the parts are there, and known up to the one before the last", err)
	}
	f.begun = true
	return nil
}

// read reads a file; that there is none yet is well.
func (f *progressFile) read(path string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return usagef("--checkpoint: %w", err)
	}
	if err := f.parse(data); err != nil {
		return usagef("--checkpoint: %s: %w; to begin anew, remove it and the parts", path, err)
	}
	f.begun, f.Format = true, cmp.Or(f.Format, "arrow")
	return nil
}

func (f *progressFile) parse(data []byte) (err error) {
	if f.data, err = sealed.Open(progressKind, progressVersion, data, f); err != nil {
		return err
	}
	if f.Parts < 0 || f.Rows < 0 {
		return errors.New("its numbers can't be")
	}
	return nil
}
