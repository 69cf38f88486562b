package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/redisarrow/redisarrow/internal/wholefile"
)

// observeFlags say what is told of a scan beside its result.
type observeFlags struct {
	table     bool
	json      string
	level     *slog.Level // nil: no log
	logFormat string
	given     func(flag string) bool
}

func (f *observeFlags) register(fs *pflag.FlagSet) {
	f.given = fs.Changed
	fs.BoolVar(&f.table, "stats", false, "add a table to the summary: what each node was asked and gave; also when the export fails")
	fs.StringVar(&f.json, "stats-json", "", "`FILE` for the summary and the counters as JSON; also when the export fails")
	fs.Var(newValue(&f.level, "off", "off|debug|info|warn|error", parseLevel), "log-level", "log to standard error what goes wrong and is mended, from this level on")
	fs.Var(newValue(&f.logFormat, textLog, "text|json", parseLogFormat), "log-format", "records as key=value or as JSON, a line each")
}

const (
	textLog = "text"
	jsonLog = "json"
)

func parseLevel(text string) (*slog.Level, error) {
	var level slog.Level
	switch strings.ToLower(text) {
	case "off":
		return nil, nil //nolint:nilnil // it is a level: none
	case "debug", "info", "warn", "error":
		return &level, level.UnmarshalText([]byte(text))
	default:
		return nil, fmt.Errorf("give off, debug, info, warn or error")
	}
}

func parseLogFormat(text string) (string, error) {
	if text != textLog && text != jsonLog {
		return "", fmt.Errorf("give text or json")
	}
	return text, nil
}

// logger is where the scan logs to, nil if nowhere.
func (f *observeFlags) logger(to *console) (*slog.Logger, error) {
	if f.level == nil {
		if f.given("log-format") {
			return nil, usagef("--log-format is for a log: give --log-level, too, such as warn")
		}
		return nil, nil //nolint:nilnil // silence
	}
	options := &slog.HandlerOptions{Level: *f.level}
	if f.logFormat == jsonLog {
		return slog.New(slog.NewJSONHandler(to, options)), nil
	}
	return slog.New(slog.NewTextHandler(to, options)), nil
}

// check refuses, before anything is scanned, a --stats-json that can't be written,
// or that is one of the other files.
func (f *observeFlags) check(others ...string) error {
	if f.json == "" {
		if f.given("stats-json") {
			return usagef("--stats-json: name a file")
		}
		return nil
	}
	if err := wholefile.Check(f.json); err != nil {
		return usagef("--stats-json: %w", err)
	}
	for _, other := range others {
		if same(f.json, other) {
			return usagef("--stats-json: %s is what another flag names; give it a file of its own", f.json)
		}
	}
	return nil
}

func same(a, b string) bool {
	if b == "" || b == standardOutput {
		return false
	}
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	return errA == nil && errB == nil && a == b
}
