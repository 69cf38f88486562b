package wholefile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

var (
	errFolderMissing = fmt.Errorf("its folder doesn't exist; create it first: %w", fs.ErrNotExist)
	errNotRegular    = errors.New("it exists and is not a regular file; name a file, or write a stream")
)

// Check says whether [New] could begin writing to path: its folder exists, and
// what is there under that name, if anything, is a regular file. It changes
// nothing.
func Check(path string) error {
	_, _, err := inspect(path)
	return err
}

// inspect follows symbolic links to the file that is meant and returns what
// is there now, nil if nothing is.
func inspect(path string) (target string, info fs.FileInfo, err error) {
	if path == "" {
		return "", nil, errors.New("the file name is empty")
	}
	// Only the last element can be a link that matters: rename would replace
	// it, where os.Create follows it. One that leads nowhere is replaced.
	target, err = filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		target = path
	} else if err != nil {
		return "", nil, err
	}

	folder, err := os.Stat(filepath.Dir(target))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil, errFolderMissing
	case err != nil:
		return "", nil, err
	case !folder.IsDir():
		return "", nil, fmt.Errorf("%s is not a folder", filepath.Dir(target))
	}

	info, err = os.Lstat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return target, nil, nil
	case err != nil:
		return "", nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		return target, nil, nil
	case !info.Mode().IsRegular():
		return "", nil, errNotRegular
	}
	return target, info, nil
}

// File is a file on its way to its name.
type File struct {
	*os.File
	target string
	done   bool
}

// New begins a file under a hidden name (".redisarrow-*.tmp") beside its own.
// [File.Commit] or [File.Discard] ends it.
func New(path string) (*File, error) {
	target, info, err := inspect(path)
	if err != nil {
		return nil, err
	}
	// Not os.CreateTemp: its 0600 would stay, and the umask can't be asked for
	// without setting it for the whole process. The name doesn't contain the
	// target's, which may be as long as names can be.
	name := filepath.Join(filepath.Dir(target), hiddenPrefix+rand.Text()+hiddenSuffix)
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	p := &File{File: file, target: target}
	if info != nil {
		if err := file.Chmod(info.Mode().Perm()); err != nil {
			p.Discard()
			return nil, err
		}
	}
	return p, nil
}

// Commit syncs the file to disk and gives it its name, in place of what was there.
// On an error the caller discards.
func (p *File) Commit() error {
	if err := p.File.Sync(); err != nil {
		return err
	}
	if err := p.File.Close(); err != nil {
		return err
	}
	if err := os.Rename(p.File.Name(), p.target); err != nil {
		return err
	}
	p.done = true
	syncFolder(filepath.Dir(p.target))
	return nil
}

// Discard removes the file unless it was committed.
func (p *File) Discard() {
	if p.done {
		return
	}
	p.done = true
	_ = p.File.Close()
	_ = os.Remove(p.File.Name())
}

// Write writes a file in one go.
func Write(path string, data []byte) error {
	p, err := New(path)
	if err != nil {
		return err
	}
	defer p.Discard()
	if _, err := p.File.Write(data); err != nil {
		return err
	}
	return p.Commit()
}

// IsHidden reports whether a name is one that New takes: what a process leaves
// that is killed.
func IsHidden(name string) bool {
	return strings.HasPrefix(name, hiddenPrefix) && strings.HasSuffix(name, hiddenSuffix)
}

const (
	hiddenPrefix = ".redisarrow-"
	hiddenSuffix = ".tmp"
)

// syncFolder makes the rename last through a loss of power. Not every file
// system can, and without it the name leads to the old file or to the new one,
// each of them whole: nothing that a caller would have to act on.
func syncFolder(name string) {
	folder, err := os.Open(name)
	if err != nil {
		return
	}
	_ = folder.Sync()
	_ = folder.Close()
}
