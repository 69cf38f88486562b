package pyenv

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPackages(t *testing.T) {
	out := Run(t, `
import sys, pyarrow, polars, duckdb, pandas
for package in pyarrow, polars, duckdb, pandas:
    print(package.__name__ + "==" + package.__version__)
print(sys.argv[1:])
print(polars.from_arrow(pyarrow.table({"a": [1, None]}))["a"].to_list())
`, "one", "two words")
	want := append(Packages(), "['one', 'two words']", "[1, None]")
	assert.Equal(t, want, strings.Split(strings.TrimSpace(out), "\n"))
}

func TestEnsure(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		Python(t) // skips, or fails in CI
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dir := t.TempDir()

	t.Run("asked for at once, made once", func(t *testing.T) {
		pythons := make([]string, 4)
		errs := make([]error, 4)
		var wg sync.WaitGroup
		for i := range pythons {
			wg.Go(func() { pythons[i], errs[i] = ensure(ctx, dir, nil) })
		}
		wg.Wait()
		for i := range pythons {
			require.NoError(t, errs[i])
			assert.Equal(t, pythons[0], pythons[i])
		}
		require.NoError(t, exec.CommandContext(ctx, pythons[0], "-c", "import pip").Run())
	})
	t.Run("half made, made again", func(t *testing.T) {
		python, err := ensure(ctx, dir, nil)
		require.NoError(t, err)
		env := filepath.Dir(filepath.Dir(python))
		trace := filepath.Join(env, "trace")
		require.NoError(t, os.WriteFile(trace, nil, 0o600))
		_, err = ensure(ctx, dir, nil)
		require.NoError(t, err)
		require.FileExists(t, trace, "a whole one is left alone")

		require.NoError(t, os.Remove(filepath.Join(env, "whole")))
		_, err = ensure(ctx, dir, nil)
		require.NoError(t, err)
		assert.NoFileExists(t, trace)
		assert.FileExists(t, filepath.Join(env, "whole"))
	})
	t.Run("a package that can't be had", func(t *testing.T) {
		_, err := ensure(ctx, dir, []string{filepath.Join(dir, "missing.whl")})
		require.ErrorIs(t, err, ErrUnavailable)
		assert.ErrorContains(t, err, "missing.whl")
		_, err = ensure(ctx, dir, []string{filepath.Join(dir, "missing.whl")})
		require.ErrorIs(t, err, ErrUnavailable, "what failed is not taken for made")
	})
	t.Run("no Python", func(t *testing.T) {
		t.Setenv("PATH", dir)
		_, err := ensure(ctx, dir, nil)
		require.ErrorIs(t, err, ErrUnavailable)
		require.ErrorIs(t, err, exec.ErrNotFound)
	})
	t.Run("waiting ends with the context", func(t *testing.T) {
		file := filepath.Join(dir, "lock")
		unlock, err := lock(ctx, file)
		require.NoError(t, err)
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		_, err = lock(short, file)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		unlock()
		unlock, err = lock(ctx, file)
		require.NoError(t, err)
		unlock()
	})
}
