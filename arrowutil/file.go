package arrowutil

import (
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/redisarrow/redisarrow/internal/wholefile"
)

// CheckFile says whether [WriteFile] could begin writing to path: its folder
// exists, and what is there under that name, if anything, is a regular file.
// It changes nothing. Useful to fail before a long scan is prepared; whether
// the disk holds it all shows only when writing. The error is a *[WriteError].
func CheckFile(path string) error {
	if err := wholefile.Check(path); err != nil {
		return writeError(path, err)
	}
	return nil
}

// WriteFile writes all batches of rr into a file of the format f. A reader without
// batches gives a valid file with the schema alone.
//
// The file appears under its name only when it is whole: it is written beside
// it under a hidden name (".redisarrow-*.tmp"), synced to disk and then renamed,
// replacing a file that was there. On any error, the reader's own included,
// nothing stays: the hidden file is removed, and a file that was there before is
// untouched. (Only a process that is killed, or loses power, can leave a hidden
// file.) Its permissions are those that os.Create would give: 0666 less the
// umask for a new file, those it has for one that is replaced. A symbolic link
// is followed. Whatever isn't a regular file (a folder, a device, a pipe) is
// refused; see [WriteStream] for those.
//
// If rr ends with an error, that error is returned as it is; everything that
// goes wrong with the file is a *[WriteError]. The hidden file is made before
// rr is first asked, so a folder that doesn't exist costs no reading. The Result
// counts what was written, also beside an error.
//
// rr is read to its end and not released.
func WriteFile(path string, rr array.RecordReader, f Format, opts ...Option) (res Result, err error) {
	o := newOptions(opts)
	if err := check(f); err != nil {
		return Result{}, err
	}
	tmp, err := wholefile.New(path)
	if err != nil {
		return Result{}, writeError(path, err)
	}
	// Deferred, so that a reader or a progress function that panics leaves
	// nothing behind either.
	defer tmp.Discard()

	out := newOutput(tmp.File)
	writer, err := f.NewWriter(out, rr.Schema(), o.mem)
	if err != nil {
		return Result{}, writeError(path, err)
	}
	res, readErr, writeErr := copyBatches(writer, out, rr, o, false)
	switch {
	case readErr != nil:
		return res, readErr
	case writeErr != nil:
		return res, writeError(path, writeErr)
	}
	if err := tmp.Commit(); err != nil {
		return res, writeError(path, err)
	}
	return res, nil
}

// WriteIPCFile is [WriteFile] with the format [IPCFile]: an Arrow IPC file, also
// known as Feather V2. [WithCompression] sets its compression.
func WriteIPCFile(path string, rr array.RecordReader, opts ...Option) (Result, error) {
	return WriteFile(path, rr, IPCFile{Compression: newOptions(opts).compression}, opts...)
}
