package pyenv

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Python gives a test the interpreter of an environment with these packages, or with [Packages] if it names none. If
// it can't be had the test fails in CI (the environment variable CI is set) and is skipped elsewhere.
func Python(tb testing.TB, packages ...string) string {
	tb.Helper()
	if len(packages) == 0 {
		packages = Packages()
	}
	ctx, cancel := context.WithTimeout(tb.Context(), 10*time.Minute)
	defer cancel()
	python, err := Ensure(ctx, packages...)
	switch {
	case err == nil:
	case errors.Is(err, ErrUnavailable) && os.Getenv("CI") == "":
		tb.Skip(err)
	default:
		tb.Fatal(err)
	}
	return python
}

// Run runs a Python script with [Packages] at hand and args in sys.argv[1:], and gives what it printed. A script that
// fails fails the test, with its traceback.
func Run(tb testing.TB, script string, args ...string) string {
	tb.Helper()
	// Isolated: neither the working folder nor the user's own packages can get in between.
	cmd := exec.CommandContext(tb.Context(), Python(tb), append([]string{"-I", "-c", script}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("Python script: %v\n%s", err, stderr.String())
	}
	return string(out)
}
