package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/redisarrow/redisarrow/arrowutil"
	"github.com/redisarrow/redisarrow/arrowutil/parquet"
)

// fileFormat is one that an export can be written in.
type fileFormat struct {
	name  string   // also the extension of its files
	alike []string // other extensions that mean it
	text  bool     // fit for a terminal
	open  func(*formatFlags) (arrowutil.Format, error)
}

var fileFormats = []fileFormat{
	{"arrow", []string{"feather", "ipc"}, false, func(f *formatFlags) (arrowutil.Format, error) {
		c, err := arrowutil.ParseCompression(cmp.Or(f.compression, arrowutil.None.String()))
		return arrowutil.IPCFile{Compression: c}, err
	}},
	{"arrows", nil, false, func(f *formatFlags) (arrowutil.Format, error) {
		c, err := arrowutil.ParseCompression(cmp.Or(f.compression, arrowutil.None.String()))
		return arrowutil.IPCStream{Compression: c}, err
	}},
	{"parquet", []string{"pq"}, false, func(f *formatFlags) (arrowutil.Format, error) {
		c, err := parquet.ParseCompression(cmp.Or(f.compression, parquet.Snappy.String()))
		return parquet.Format{Compression: c, RowGroupRows: f.rowGroupRows, RowGroupBytes: f.rowGroupBytes}, err
	}},
	{"csv", nil, true, func(f *formatFlags) (arrowutil.Format, error) {
		return arrowutil.CSV{}, f.refuseCompression()
	}},
	{"jsonl", []string{"ndjson"}, true, func(f *formatFlags) (arrowutil.Format, error) {
		return arrowutil.JSONLines{}, f.refuseCompression()
	}},
}

// findFormat finds a format by its name, or by an extension of its files.
func findFormat(name string) (fileFormat, bool) {
	name = strings.ToLower(name)
	i := slices.IndexFunc(fileFormats, func(f fileFormat) bool { return f.name == name || slices.Contains(f.alike, name) })
	if i < 0 {
		return fileFormat{}, false
	}
	return fileFormats[i], true
}

func formatNames(separator string) string {
	var names []string
	for _, f := range fileFormats {
		names = append(names, f.name)
	}
	return strings.Join(names, separator)
}

func parseFormat(text string) (string, error) {
	f, ok := findFormat(text)
	if !ok {
		return "", fmt.Errorf("give one of %s", formatNames(", "))
	}
	return f.name, nil
}

// formatFlags say in which format an export is written.
type formatFlags struct {
	name          string // empty: by the name of the output
	compression   string // empty: the format's default
	rowGroupRows  int
	rowGroupBytes int64 // no flag: see exportParts
}

func (f *formatFlags) register(fs *pflag.FlagSet) {
	fs.Var(newValue(&f.name, "", formatNames("|"), parseFormat), "format", "what is written; by default what the extension of --output says, arrow (an Arrow IPC file, also known as Feather) where it has none, and arrows (an IPC stream) with --output -")
	fs.Var(newValue(&f.compression, "", "none|lz4|zstd|snappy|gzip", keep), "compression", "inside the file: none, lz4 or zstd for Arrow (none by default), and all of these for Parquet (snappy)")
	fs.Var(newValue(&f.rowGroupRows, "0", "N", parseSize), "row-group-rows", fmt.Sprintf("rows a row group of Parquet; 0 is the default, %d", parquet.DefaultRowGroupRows))
}

func keep(text string) (string, error) { return text, nil }

// outputFormat is a format as the flags have it.
type outputFormat struct {
	fileFormat
	arrowutil.Format
}

// choose says in which format an output is written. Every error is a usage error.
func (f *formatFlags) choose(output string) (outputFormat, error) {
	name, err := f.nameFor(output)
	if err != nil {
		return outputFormat{}, err
	}
	chosen, _ := findFormat(name)
	if f.rowGroupRows > 0 && name != "parquet" {
		return outputFormat{}, usagef("--row-group-rows is for Parquet, and this is %s: leave it out, or give --format parquet", name)
	}
	format, err := chosen.open(f)
	if err != nil {
		return outputFormat{}, usagef("--compression: %w", err)
	}
	return outputFormat{chosen, format}, nil
}

func (f *formatFlags) nameFor(output string) (string, error) {
	switch {
	case output == standardOutput:
		return cmp.Or(f.name, "arrows"), nil
	case isFolder(output):
		return cmp.Or(f.name, "arrow"), nil
	}
	extension := filepath.Ext(output)
	if extension == filepath.Base(output) { // a hidden file
		extension = ""
	}
	byExtension, known := findFormat(strings.TrimPrefix(extension, "."))
	switch {
	case f.name == "" && known:
		return byExtension.name, nil
	case f.name == "" && extension != "":
		return "", usagef("--output: %q is the extension of no format that can be written: name the --format, one of %s", extension, formatNames(", "))
	case known && byExtension.name != f.name:
		return "", usagef("--format is %s, and the name of --output says %s: change one of them", f.name, byExtension.name)
	default:
		return cmp.Or(f.name, "arrow"), nil
	}
}

func (f *formatFlags) refuseCompression() error {
	if f.compression == "" || f.compression == arrowutil.None.String() {
		return nil
	}
	return fmt.Errorf("text is written as it is: leave it out, and pipe --output - into gzip or zstd")
}
