package arrowutil_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/internal/pyenv"
)

// A stream that failed must look broken to other people's Arrow too, and a
// whole one whole.
func TestWriteIPCStreamOtherReaders(t *testing.T) {
	dir := t.TempDir()
	for name, err := range map[string]error{"whole": nil, "failed": errReader} {
		rr := newReader(t, checked(t), 3, 50)
		rr.err = err
		f, createErr := os.Create(filepath.Join(dir, name))
		require.NoError(t, createErr)
		_, writeErr := arrowutil.WriteIPCStream(f, rr)
		require.Equal(t, err, writeErr)
		require.NoError(t, f.Close())
	}
	out := pyenv.Run(t, `
import sys, os, polars, pyarrow as pa, pyarrow.ipc
for name in "whole", "failed":
    path = os.path.join(sys.argv[1], name)
    for reader in (lambda: pa.ipc.open_stream(path).read_all().num_rows,
                   lambda: pa.ipc.open_stream(open(path, "rb")).read_all().num_rows,
                   lambda: polars.read_ipc_stream(path).height):
        try:
            print(name, reader())
        except Exception:
            print(name, "error")
`, dir)
	assert.Equal(t, "whole 150\nwhole 150\nwhole 150\nfailed error\nfailed error\nfailed error\n", out)
}

// Files of every compression, whole and without batches.
func TestWriteIPCFileOtherReaders(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []arrowutil.Compression{arrowutil.None, arrowutil.LZ4, arrowutil.ZSTD} {
		for name, batches := range map[string]int{"full": 3, "empty": 0} {
			_, err := arrowutil.WriteIPCFile(filepath.Join(dir, c.String()+"-"+name),
				newReader(t, checked(t), batches, 50), arrowutil.WithCompression(c))
			require.NoError(t, err)
		}
	}
	out := pyenv.Run(t, `
import sys, os, polars, pyarrow as pa, pyarrow.ipc
for name in sorted(os.listdir(sys.argv[1])):
    path = os.path.join(sys.argv[1], name)
    table, frame = pa.ipc.open_file(path).read_all(), polars.read_ipc(path)
    table.validate(full=True)
    n = [i for i in range(table.num_rows) if i % 7 != 3]
    assert [table["n"][i].as_py() for i in n] == [i * 1000003 for i in n], name
    assert frame["blob"].to_list() == table["blob"].to_pylist(), name
    print(name, table.num_rows, frame.height)
`, dir)
	assert.Equal(t, "lz4-empty 0 0\nlz4-full 150 150\nnone-empty 0 0\nnone-full 150 150\nzstd-empty 0 0\nzstd-full 150 150\n", out)
}
