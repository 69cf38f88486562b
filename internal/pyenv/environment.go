package pyenv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Packages are those that tests use when they don't say which, with their versions: two Arrow implementations besides
// Go's, and what README feeds through them.
func Packages() []string {
	return []string{"pyarrow==26.0.1", "polars==2.1.0", "duckdb==2.0.0", "pandas==3.1.1"}
}

// ErrUnavailable is returned, wrapped, when there is no Python 3 here, or its packages can't be had.
var ErrUnavailable = errors.New("no Python environment")

// Dir is the folder that holds the environments: redisarrow/pyenv in $XDG_CACHE_HOME or ~/.cache.
func Dir() string {
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		cache = filepath.Join(os.Getenv("HOME"), ".cache")
	}
	return filepath.Join(cache, "redisarrow", "pyenv")
}

// Ensure gives the interpreter of a virtual environment with these packages, as pip names them, "polars==2.1.0". It
// makes the environment, which takes a minute and the network, if it isn't there yet; several programs may ask for it
// at once. What can't be helped here wraps [ErrUnavailable].
func Ensure(ctx context.Context, packages ...string) (string, error) {
	return ensure(ctx, Dir(), packages)
}

func ensure(ctx context.Context, dir string, packages []string) (string, error) {
	base, err := exec.LookPath("python3")
	if err != nil {
		return "", fmt.Errorf("%w: put python3 on PATH: %w", ErrUnavailable, err)
	}
	version, err := output(ctx, base, "-c", "import sys; print(sys.base_prefix, sys.version)")
	if err != nil {
		return "", err
	}
	// An environment belongs to the Python that made it.
	hash := sha256.New()
	for _, part := range append([]string{version}, slices.Sorted(slices.Values(packages))...) {
		fmt.Fprintf(hash, "%s\x00", part)
	}
	env := filepath.Join(dir, hex.EncodeToString(hash.Sum(nil))[:16])
	python := filepath.Join(env, "bin", "python")
	whole := filepath.Join(env, "whole") // written last
	if _, err := os.Stat(whole); err == nil {
		return python, nil
	}

	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("pyenv: %w", err)
	}
	unlock, err := lock(ctx, env+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(whole); err == nil {
		return python, nil // made while this one waited
	}
	if err := os.RemoveAll(env); err != nil {
		return "", fmt.Errorf("pyenv: %w", err)
	}
	if _, err := output(ctx, base, "-m", "venv", env); err != nil {
		return "", err
	}
	if len(packages) > 0 {
		// Wheels alone: nobody wants Arrow compiled in a test.
		args := []string{"-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--only-binary=:all:"}
		if _, err := output(ctx, python, append(args, packages...)...); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(whole, []byte(strings.Join(packages, "\n")), 0o644); err != nil {
		return "", fmt.Errorf("pyenv: %w", err)
	}
	return python, nil
}

// output runs a step of making an environment.
func output(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		return "", fmt.Errorf("%w: %s: %w\n%s%s", ErrUnavailable, strings.Join(cmd.Args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// lock waits for the sole use of a file, which the kernel ends with the program if need be.
func lock(ctx context.Context, file string) (unlock func(), err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("pyenv: %w", err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil // closing unlocks
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("pyenv: lock %s: %w", file, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("pyenv: waiting for %s: %w", file, ctx.Err())
		}
	}
}
