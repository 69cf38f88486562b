package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/redisarrow/redisarrow/iterator"
)

// value is a flag of any type that has a parser.
type value[T any] struct {
	dst   *T
	text  string // as given; at first the default
	kind  string // shown in the help
	parse func(string) (T, error)
}

func newValue[T any](dst *T, initial, kind string, parse func(string) (T, error)) *value[T] {
	return &value[T]{dst: dst, text: initial, kind: kind, parse: parse}
}

func (v *value[T]) String() string { return v.text }
func (v *value[T]) Type() string   { return v.kind }

func (v *value[T]) Set(text string) error {
	parsed, err := v.parse(text)
	if err != nil {
		return err
	}
	*v.dst, v.text = parsed, text
	return nil
}

func parseCount(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("give a whole number from 0 to %d", math.MaxInt64)
	}
	return n, nil
}

func parsePartRows(text string) (int64, error) {
	n, err := parseCount(text)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("give a number of rows from 1")
	}
	return n, nil
}

func parseSize(text string) (int, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("give a whole number from 0 to %d", math.MaxInt32)
	}
	return int(n), nil
}

func parseConcurrency(text string) (int, error) {
	if text == "all" {
		return iterator.AllMasters, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf(`give a number of masters from 1, or "all"`)
	}
	return int(n), nil
}

func parseDuty(text string) (float64, error) {
	share, err := strconv.ParseFloat(text, 64)
	if err != nil || !(share > 0 && share <= 1) { // NaN is neither
		return 0, fmt.Errorf("give a number above 0, up to 1, such as 0.2")
	}
	return share, nil
}

// parseBound is parseBytes for what may have no bound.
func parseBound(text string) (int64, error) {
	if text == "0" {
		return 0, nil
	}
	return parseBytes(text)
}

// parseBytes reads a number of bytes, with a binary unit or without: 1048576,
// 512KiB, 256MiB, 2GiB.
func parseBytes(text string) (int64, error) {
	digits, shift := text, 0
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			digits, shift = strings.TrimSpace(number), 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64>>shift {
		return 0, fmt.Errorf("give a number of bytes, such as 268435456 or 256MiB")
	}
	return n << shift, nil
}
