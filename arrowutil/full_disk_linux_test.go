package arrowutil_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/arrowutil"
)

func smallDisk(t *testing.T, size string) string {
	t.Helper()
	needRoot(t)
	dir := t.TempDir()
	require.NoError(t, syscall.Mount("none", dir, "tmpfs", 0, "size="+size))
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, 0)) })
	return dir
}

func TestWriteIPCFileFullDisk(t *testing.T) {
	for _, existing := range []bool{false, true} {
		mem := checked(t)
		dir := smallDisk(t, "256k")
		path := filepath.Join(dir, "out.arrow")
		if existing {
			require.NoError(t, os.WriteFile(path, []byte("yesterday's"), 0o644))
		}

		res, err := arrowutil.WriteIPCFile(path, newReader(t, mem, 100, 1000), arrowutil.WithAllocator(mem))
		require.ErrorIs(t, err, syscall.ENOSPC)
		var we *arrowutil.WriteError
		require.ErrorAs(t, err, &we)
		assert.Equal(t, path, we.Path)
		assert.NotContains(t, err.Error(), ".tmp")
		assert.Less(t, res.Batches, int64(100), "it stops when the disk is full, not at the end")

		if existing {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, "yesterday's", string(data))
			assert.Len(t, names(t, dir), 1)
		} else {
			requireEmptyFolder(t, dir)
		}

		// The room is there again.
		_, err = arrowutil.WriteIPCFile(path, newReader(t, mem, 1, 1000))
		require.NoError(t, err)
		requireBatches(t, readFile(t, path), 1, 1000)
	}
}

// Without a byte to spare even the schema doesn't fit.
func TestWriteIPCFileFullDiskFromTheStart(t *testing.T) {
	dir := smallDisk(t, "16k")
	filler := filepath.Join(dir, "filler")
	require.ErrorIs(t, os.WriteFile(filler, make([]byte, 1<<20), 0o644), syscall.ENOSPC)

	_, err := arrowutil.WriteIPCFile(filepath.Join(dir, "out.arrow"), newReader(t, checked(t), 0, 0))
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.Equal(t, []string{"filler"}, names(t, dir))
}

func TestWriteIPCStreamFullDevice(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	mem := checked(t)
	_, err = arrowutil.WriteIPCStream(full, newReader(t, mem, 3, 10), arrowutil.WithAllocator(mem))
	require.ErrorIs(t, err, syscall.ENOSPC)
}

// Every format, on a disk that is full in the middle.
func TestFormatsFullDisk(t *testing.T) {
	dir := smallDisk(t, "256k")
	for name, f := range formats {
		mem := checked(t)
		res, err := arrowutil.WriteFile(filepath.Join(dir, "out"), newReader(t, mem, 200, 1000), f, arrowutil.WithAllocator(mem))
		require.ErrorIs(t, err, syscall.ENOSPC, name)
		assert.NotContains(t, err.Error(), ".tmp")
		if name != "Parquet" { // one row group, that is written at its end
			assert.Less(t, res.Batches, int64(200), name)
		}
		requireEmptyFolder(t, dir)
	}
}
