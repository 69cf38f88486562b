package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/redisarrow/redisarrow/internal/wholefile"
)

// progressFile is what --checkpoint names: which parts of an export are there,
// and the scan's checkpoint behind them. As a file it is
//
//	redisarrow-export 1\n
//	{"parts":3,"rows":3000000,"whole":false}\n
//	the checkpoint
//	the SHA-256 of all that
type progressFile struct {
	Parts int   `json:"parts"`
	Rows  int64 `json:"rows"`
	Whole bool  `json:"whole"` // there is nothing more to be read

	data  []byte // the checkpoint; nil for none
	begun bool   // the file is there
}

const progressName = "redisarrow-export 1\n"

func (f *progressFile) write(path string) error {
	head, err := json.Marshal(f)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	out.WriteString(progressName)
	out.Write(head)
	out.WriteByte('\n')
	out.Write(f.data)
	sum := sha256.Sum256(out.Bytes())
	out.Write(sum[:])
	if err := wholefile.Write(path, out.Bytes()); err != nil {
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
	f.begun = true
	return nil
}

func (f *progressFile) parse(data []byte) error {
	body, ok := bytes.CutPrefix(data, []byte(progressName))
	if !ok {
		return errors.New("this isn't a file that this version of export has written")
	}
	if len(body) < sha256.Size {
		return errCutOff
	}
	end := len(data) - sha256.Size
	if sum := sha256.Sum256(data[:end]); !bytes.Equal(sum[:], data[end:]) {
		return errCutOff
	}
	head, rest, ok := bytes.Cut(body[:len(body)-sha256.Size], []byte("\n"))
	if !ok {
		return errCutOff
	}
	if err := json.Unmarshal(head, f); err != nil {
		return err
	}
	if f.Parts < 0 || f.Rows < 0 {
		return errors.New("its numbers can't be")
	}
	f.data = bytes.Clone(rest)
	return nil
}

var errCutOff = errors.New("it is damaged or cut off")
