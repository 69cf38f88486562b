package wholefile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/redisarrow/redisarrow/internal/wholefile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	f, err := wholefile.New(path)
	require.NoError(t, err)
	_, err = f.WriteString("new")
	require.NoError(t, err)
	hidden := names(t, dir)[0]
	assert.True(t, wholefile.IsHidden(hidden), hidden)
	assert.False(t, wholefile.IsHidden("a"))
	f.Discard()
	f.Discard()
	assert.Equal(t, []string{"a"}, names(t, dir))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "old", string(data))

	require.NoError(t, wholefile.Write(path, []byte("new")))
	data, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "new", string(data))
	assert.Equal(t, []string{"a"}, names(t, dir))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "as it was")

	require.Error(t, wholefile.Check(filepath.Join(dir, "none", "a")))
	require.Error(t, wholefile.Write(dir, nil))
}
