package sealed

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Seal makes bytes of a kind and version:
//
//	kind version\n
//	head as JSON\n
//	data
//	the SHA-256 of all that
func Seal(kind, version string, head any, data []byte) ([]byte, error) {
	text, err := json.Marshal(head) // on one line
	if err != nil {
		return nil, err
	}
	name := kind + " " + version + "\n"
	out := make([]byte, 0, len(name)+len(text)+1+len(data)+sha256.Size)
	out = append(out, name...)
	out = append(append(out, text...), '\n')
	out = append(out, data...)
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

var (
	errKind   = errors.New("it isn't one")
	errBroken = errors.New("it is damaged or cut off")
)

// Open reads what Seal has made: the head into head, and the data, which is a part
// of sealed.
func Open(kind, version string, sealed []byte, head any) (data []byte, err error) {
	rest, ok := bytes.CutPrefix(sealed, []byte(kind+" "))
	if !ok {
		return nil, errKind
	}
	there, rest, ok := bytes.Cut(rest, []byte("\n"))
	switch {
	case !ok:
		return nil, errBroken
	case string(there) != version:
		return nil, fmt.Errorf("it has version %.20q, this program reads %s", there, version)
	case len(rest) < sha256.Size:
		return nil, errBroken
	}
	end := len(sealed) - sha256.Size
	if sum := sha256.Sum256(sealed[:end]); !bytes.Equal(sum[:], sealed[end:]) {
		return nil, errBroken
	}
	text, data, ok := bytes.Cut(rest[:len(rest)-sha256.Size], []byte("\n"))
	if !ok {
		return nil, errBroken
	}
	if err := json.Unmarshal(text, head); err != nil {
		return nil, fmt.Errorf("its second line: %w", err)
	}
	return slices.Clip(data), nil
}
