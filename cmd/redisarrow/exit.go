package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/redisarrow/redisarrow/cluster"
	"github.com/redisarrow/redisarrow/iterator"
)

// The exit statuses. They stay the same.
const (
	exitWhole        = 0
	exitFailure      = 1
	exitUsage        = 2
	exitNoConnection = 3
	exitIncomplete   = 4
	exitBadCells     = 5
	exitSignal       = 128 // and the signal's number
)

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// signalError is why the context ended.
type signalError struct{ signal syscall.Signal }

func (e *signalError) Error() string { return e.signal.String() }

// withSignals ends the context at the first SIGINT or SIGTERM. The second one
// kills the process as if nothing had been set up: the way out if the clean
// end hangs.
func withSignals(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		defer signal.Stop(signals)
		select {
		case s := <-signals:
			if s, ok := s.(syscall.Signal); ok {
				cancel(&signalError{s})
			}
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}

// report prints a command's error in one line and returns the exit status.
func (a *app) report(ctx context.Context, cmd *cobra.Command, err error) int {
	if err == nil {
		return exitWhole
	}
	// The command's error comes first: it may have failed of something else
	// just before the signal, but a whole result stays whole after one.
	var sig *signalError
	if errors.As(context.Cause(ctx), &sig) {
		text := fmt.Sprintf("stopped (%v) before the result was whole", sig)
		if known := (*partsError)(nil); errors.As(err, &known) {
			text += "; " + known.advice()
		}
		a.printLine(text)
		return exitSignal + int(sig.signal)
	}
	var status statusError
	if errors.As(err, &status) {
		return int(status)
	}
	text := err.Error()
	var usage *usageError
	if errors.As(err, &usage) {
		a.printLine(fmt.Sprintf("%s (see %s --help)", text, cmd.CommandPath()))
		return exitUsage
	}
	a.printLine(text + advice(err))
	return statusOf(err)
}

// statusOf is the exit status for an error of the library.
func statusOf(err error) int {
	var (
		own   *unknownError
		cell  *iterator.CellError
		large *iterator.LargeValueError
		seeds *cluster.SeedsError
		node  *cluster.NodeError
	)
	switch {
	case errors.As(err, &own):
		return exitFailure
	case errors.Is(err, iterator.ErrIncomplete): // may hold any of the others
		return exitIncomplete
	case errors.As(err, &cell), errors.As(err, &large):
		return exitBadCells
	case errors.As(err, &seeds), errors.As(err, &node) && strings.HasPrefix(node.Command, "connect"):
		return exitNoConnection
	default:
		return exitFailure
	}
}

// advice adds the flag to what a package of the library, which knows no
// flags, has said.
func advice(err error) string {
	var cell *iterator.CellError
	if errors.As(err, &cell) {
		return "; that is --on-parse-error null or skip"
	}
	var large *iterator.LargeValueError
	if errors.As(err, &large) {
		return "; that is --max-value-bytes, and --on-large-value null or skip"
	}
	return ""
}

func (a *app) printLine(text string) {
	var parts []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, line)
		}
	}
	text = strings.Join(parts, "; ")
	fmt.Fprintf(a.stderr, "redisarrow: %s\n", a.secrets.hide(text))
}
