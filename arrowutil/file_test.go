//go:build unix

package arrowutil_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/arrowutil"
)

func TestWriteIPCFile(t *testing.T) {
	for _, c := range []struct {
		name          string
		compression   arrowutil.Compression
		batches, rows int
	}{
		{"none", arrowutil.None, 5, 100},
		{"lz4", arrowutil.LZ4, 5, 100},
		{"zstd", arrowutil.ZSTD, 5, 100},
		{"one row", arrowutil.None, 1, 1},
		{"larger than the buffer", arrowutil.ZSTD, 3, 20_000},
		{"without batches", arrowutil.None, 0, 0},
		{"without batches, compressed", arrowutil.LZ4, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := checked(t)
			rr := newReader(t, mem, c.batches, c.rows)
			path := filepath.Join(t.TempDir(), "out.arrow")

			var seen []arrowutil.Result
			res, err := arrowutil.WriteIPCFile(path, rr,
				arrowutil.WithCompression(c.compression),
				arrowutil.WithAllocator(mem),
				arrowutil.WithProgress(func(r arrowutil.Result) { seen = append(seen, r) }))
			require.NoError(t, err)

			info, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, arrowutil.Result{
				Rows: int64(c.batches * c.rows), Batches: int64(c.batches), Bytes: info.Size(),
			}, res)
			require.Len(t, seen, c.batches)
			for i, s := range seen {
				assert.EqualValues(t, i+1, s.Batches)
				assert.EqualValues(t, (i+1)*c.rows, s.Rows)
				assert.Positive(t, s.Bytes)
			}
			requireBatches(t, readFile(t, path), c.batches, c.rows)
			assert.Equal(t, []string{"out.arrow"}, names(t, filepath.Dir(path)))
		})
	}
}

func TestWriteIPCFileCompresses(t *testing.T) {
	mem := checked(t)
	size := map[arrowutil.Compression]int64{}
	for _, c := range []arrowutil.Compression{arrowutil.None, arrowutil.LZ4, arrowutil.ZSTD} {
		res, err := arrowutil.WriteIPCFile(filepath.Join(t.TempDir(), "x"),
			newReader(t, mem, 2, 5000), arrowutil.WithCompression(c))
		require.NoError(t, err)
		size[c] = res.Bytes
	}
	assert.Less(t, size[arrowutil.LZ4], size[arrowutil.None])
	assert.Less(t, size[arrowutil.ZSTD], size[arrowutil.None])
}

// A reader that ends with an error: nothing new, and what was there stays.
func TestWriteIPCFileReaderFails(t *testing.T) {
	for _, after := range []int{0, 1, 3} {
		for _, existing := range []bool{false, true} {
			mem := checked(t)
			dir := t.TempDir()
			path := filepath.Join(dir, "out.arrow")
			if existing {
				require.NoError(t, os.WriteFile(path, []byte("yesterday's"), 0o644))
			}
			rr := newReader(t, mem, after, 50)
			rr.err = errReader

			res, err := arrowutil.WriteIPCFile(path, rr,
				arrowutil.WithAllocator(mem), arrowutil.WithCompression(arrowutil.ZSTD))
			assert.Same(t, errReader, err, "the reader's own error, not wrapped")
			assert.EqualValues(t, after, res.Batches)
			if existing {
				data, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.Equal(t, "yesterday's", string(data))
				assert.Equal(t, []string{"out.arrow"}, names(t, dir))
			} else {
				requireEmptyFolder(t, dir)
			}
		}
	}
}

func TestWriteIPCFileInterrupted(t *testing.T) {
	mem := checked(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	rr := newReader(t, mem, 3, 50)
	rr.onNext = func(done int) {
		if done == 2 {
			cancel()
			rr.batches, rr.err = 2, ctx.Err()
		}
	}
	_, err := arrowutil.WriteIPCFile(filepath.Join(dir, "out.arrow"), rr)
	require.ErrorIs(t, err, context.Canceled)
	requireEmptyFolder(t, dir)
}

func TestWriteIPCFilePanickingReader(t *testing.T) {
	mem := checked(t)
	dir := t.TempDir()
	rr := newReader(t, mem, 3, 50)
	rr.onNext = func(done int) {
		if done == 2 {
			panic("a bug elsewhere")
		}
	}
	assert.PanicsWithValue(t, "a bug elsewhere", func() {
		_, _ = arrowutil.WriteIPCFile(filepath.Join(dir, "out.arrow"), rr, arrowutil.WithAllocator(mem))
	})
	requireEmptyFolder(t, dir)
}

func TestWriteIPCFileReplaces(t *testing.T) {
	mem := checked(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "out.arrow")
	require.NoError(t, os.WriteFile(path, []byte("yesterday's"), 0o644))
	held, err := os.Open(path)
	require.NoError(t, err)
	defer held.Close()

	_, err = arrowutil.WriteIPCFile(path, newReader(t, mem, 2, 10))
	require.NoError(t, err)
	requireBatches(t, readFile(t, path), 2, 10)

	// Whoever had the old file open still reads the old file.
	data := make([]byte, 100)
	n, err := held.Read(data)
	require.NoError(t, err)
	assert.Equal(t, "yesterday's", string(data[:n]))
}

// The folder is the target's: another may be on another disk. And the name
// isn't there before the file is whole.
func TestWriteIPCFileHidden(t *testing.T) {
	mem := checked(t)
	dir := t.TempDir()
	rr := newReader(t, mem, 2, 10)
	var during []string
	rr.onNext = func(int) { during = names(t, dir) }
	_, err := arrowutil.WriteIPCFile(filepath.Join(dir, "out.arrow"), rr)
	require.NoError(t, err)
	require.Len(t, during, 1)
	assert.Regexp(t, `^\.redisarrow-.+\.tmp$`, during[0])
}

func TestWriteIPCFilePermissions(t *testing.T) {
	mem := checked(t)
	dir := t.TempDir()
	old := syscall.Umask(0o027)
	defer syscall.Umask(old)

	created, err := os.Create(filepath.Join(dir, "by-os-create"))
	require.NoError(t, err)
	require.NoError(t, created.Close())
	_, err = arrowutil.WriteIPCFile(filepath.Join(dir, "ours"), newReader(t, mem, 1, 1))
	require.NoError(t, err)
	assert.Equal(t, mode(t, filepath.Join(dir, "by-os-create")), mode(t, filepath.Join(dir, "ours")))
	assert.Equal(t, fs.FileMode(0o640), mode(t, filepath.Join(dir, "ours")))

	// A file that is replaced keeps its own, as with os.Create.
	require.NoError(t, os.Chmod(filepath.Join(dir, "ours"), 0o604))
	_, err = arrowutil.WriteIPCFile(filepath.Join(dir, "ours"), newReader(t, mem, 1, 1))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o604), mode(t, filepath.Join(dir, "ours")))
}

func mode(t *testing.T, path string) fs.FileMode {
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Mode().Perm()
}

func TestWriteIPCFileSymlink(t *testing.T) {
	mem := checked(t)
	dir, elsewhere := t.TempDir(), t.TempDir()
	file, link := filepath.Join(elsewhere, "real"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o644))
	require.NoError(t, os.Symlink(file, link))

	_, err := arrowutil.WriteIPCFile(link, newReader(t, mem, 2, 10))
	require.NoError(t, err)
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&fs.ModeSymlink, "the link is still a link")
	requireBatches(t, readFile(t, file), 2, 10)

	dangling := filepath.Join(dir, "dangling")
	require.NoError(t, os.Symlink(filepath.Join(dir, "nowhere", "x"), dangling))
	_, err = arrowutil.WriteIPCFile(dangling, newReader(t, mem, 2, 10))
	require.NoError(t, err)
	requireBatches(t, readFile(t, dangling), 2, 10)
}

// What can be known before reading is said before reading.
func TestWriteIPCFileRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o644))

	for _, c := range []struct {
		name, path, message string
		cause               error
	}{
		{"missing folder", filepath.Join(dir, "no", "out.arrow"), "folder doesn't exist", fs.ErrNotExist},
		{"a name that ends in a slash", filepath.Join(dir, "no") + "/", "folder doesn't exist", fs.ErrNotExist},
		{"a file for a folder", filepath.Join(file, "out.arrow"), "", syscall.ENOTDIR},
		{"a folder", dir, "not a regular file", nil},
		{"a device", "/dev/null", "not a regular file", nil},
		{"a pipe", fifo, "not a regular file", nil},
		{"no name", "", "empty", nil},
		{"too long a name", filepath.Join(dir, strings.Repeat("x", 256)), "", syscall.ENAMETOOLONG},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := names(t, dir)
			rr := newReader(t, checked(t), 1, 1)
			rr.onNext = func(int) { t.Error("the reader was asked") }

			_, err := arrowutil.WriteIPCFile(c.path, rr)
			require.Error(t, err)
			assert.Equal(t, err, arrowutil.CheckFile(c.path), "CheckFile says the same")

			var we *arrowutil.WriteError
			require.ErrorAs(t, err, &we)
			assert.Equal(t, c.path, we.Path)
			assert.Contains(t, err.Error(), c.message)
			assert.Contains(t, err.Error(), c.path)
			if c.cause != nil {
				require.ErrorIs(t, err, c.cause)
			}
			assert.Equal(t, before, names(t, dir))
		})
	}
	t.Run("unknown compression", func(t *testing.T) {
		_, err := arrowutil.WriteIPCFile(filepath.Join(dir, "new"), newReader(t, checked(t), 1, 1),
			arrowutil.WithCompression(arrowutil.Compression(9)))
		require.ErrorContains(t, err, "Compression(9)")
		assert.NoFileExists(t, filepath.Join(dir, "new"))
	})
}

func TestCheckFile(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, arrowutil.CheckFile(filepath.Join(dir, "new")))
	requireEmptyFolder(t, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "old"), []byte("x"), 0o600))
	require.NoError(t, arrowutil.CheckFile(filepath.Join(dir, "old")))
	require.NoError(t, arrowutil.CheckFile(filepath.Join(dir, strings.Repeat("x", 255))))
}

// A name as long as names can be has to work: the hidden one must not be longer.
func TestWriteIPCFileLongName(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("x", 255))
	_, err := arrowutil.WriteIPCFile(path, newReader(t, checked(t), 1, 3))
	require.NoError(t, err)
	requireBatches(t, readFile(t, path), 1, 3)
}
