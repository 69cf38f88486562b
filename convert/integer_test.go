package convert

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/require"
)

// Acceptance group A.
var (
	goodInts = []good[int64]{
		{"A1", "42", 42},
		{"A1", "-100", -100},
		{"A1", "0", 0},
		{"A1", "-0", 0},
		{"A1", "+5", 5},
		{"A1", "007", 7},
		{"A2", "9223372036854775807", math.MaxInt64},
		{"A2", "-9223372036854775808", math.MinInt64},
		{"more", "+00000000000000000000000000000000000042", 42},
		{"more", "-0009223372036854775808", math.MinInt64},
	}
	badInts = []bad{
		{"A3", "9223372036854775808", ErrRange},
		{"A3", strings.Repeat("9", 32), ErrRange},
		{"A3", " 42", ErrSyntax},
		{"A3", "42 ", ErrSyntax},
		{"A3", "", ErrSyntax},
		{"A3", "1.0", ErrSyntax},
		{"A3", "1e3", ErrSyntax},
		{"A3", "1_000", ErrSyntax},
		{"A3", "0x10", ErrSyntax},
		{"A3", "abc", ErrSyntax},
		{"A3", "\u0663", ErrSyntax},
		{"more", "-9223372036854775809", ErrRange},
		{"more", "18446744073709551616", ErrRange},
		{"more", "36893488147419103233", ErrRange}, // 2^65+1: wraps to 1
		{"more", strings.Repeat("9", 32) + "x", ErrSyntax},
		{"more", "+", ErrSyntax},
		{"more", "-", ErrSyntax},
		{"more", "--1", ErrSyntax},
		{"more", "4\x002", ErrSyntax},
		{"more", "42\n", ErrSyntax},
	}
)

func TestInt64(t *testing.T) {
	checkGood(t, goodInts, ParseInt64, arrow.PrimitiveTypes.Int64, Options{})
	checkBad(t, badInts, ParseInt64, arrow.PrimitiveTypes.Int64, Options{})
}

func TestNarrowIntegers(t *testing.T) {
	checkGood(t, []good[int8]{{"A", "127", 127}, {"A", "-128", -128}, {"A", "-0", 0}}, parseSigned[int8], arrow.PrimitiveTypes.Int8, Options{})
	checkBad(t, []bad{{"A", "128", ErrRange}, {"A", "-129", ErrRange}, {"A", "256", ErrRange}, {"A", "x", ErrSyntax}}, parseSigned[int8], arrow.PrimitiveTypes.Int8, Options{})
	checkGood(t, []good[int16]{{"A", "32767", math.MaxInt16}, {"A", "-32768", math.MinInt16}}, parseSigned[int16], arrow.PrimitiveTypes.Int16, Options{})
	checkBad(t, []bad{{"A", "32768", ErrRange}, {"A", "-32769", ErrRange}}, parseSigned[int16], arrow.PrimitiveTypes.Int16, Options{})
	checkGood(t, []good[int32]{{"A", "2147483647", math.MaxInt32}, {"A", "-2147483648", math.MinInt32}}, parseSigned[int32], arrow.PrimitiveTypes.Int32, Options{})
	checkBad(t, []bad{{"A", "2147483648", ErrRange}, {"A", "-2147483649", ErrRange}, {"A", strings.Repeat("9", 32), ErrRange}}, parseSigned[int32], arrow.PrimitiveTypes.Int32, Options{})
}

func TestUnsignedIntegers(t *testing.T) {
	checkGood(t, []good[uint8]{{"A", "255", 255}, {"A", "+5", 5}, {"A", "-0", 0}, {"A", "007", 7}}, parseUnsigned[uint8], arrow.PrimitiveTypes.Uint8, Options{})
	checkBad(t, []bad{{"A", "256", ErrRange}, {"A", "-1", ErrRange}, {"A", "", ErrSyntax}}, parseUnsigned[uint8], arrow.PrimitiveTypes.Uint8, Options{})
	checkGood(t, []good[uint16]{{"A", "65535", math.MaxUint16}}, parseUnsigned[uint16], arrow.PrimitiveTypes.Uint16, Options{})
	checkBad(t, []bad{{"A", "65536", ErrRange}}, parseUnsigned[uint16], arrow.PrimitiveTypes.Uint16, Options{})
	checkGood(t, []good[uint32]{{"A", "4294967295", math.MaxUint32}}, parseUnsigned[uint32], arrow.PrimitiveTypes.Uint32, Options{})
	checkBad(t, []bad{{"A", "4294967296", ErrRange}}, parseUnsigned[uint32], arrow.PrimitiveTypes.Uint32, Options{})
	checkGood(t, []good[uint64]{{"A", "18446744073709551615", math.MaxUint64}, {"A", "-0", 0}, {"A", "+5", 5}}, ParseUint64, arrow.PrimitiveTypes.Uint64, Options{})
	checkBad(t, []bad{{"A", "18446744073709551616", ErrRange}, {"A", "-1", ErrRange}, {"A", "1_000", ErrSyntax}}, ParseUint64, arrow.PrimitiveTypes.Uint64, Options{})
}

var integerSyntax = regexp.MustCompile(`^[+-]?[0-9]+$`)

func FuzzParseInteger(f *testing.F) {
	for _, r := range goodInts {
		f.Add(r.text)
	}
	for _, r := range badInts {
		f.Add(r.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseInt64([]byte(text))
		want, wantErr := strconv.ParseInt(text, 10, 64)
		switch {
		case !integerSyntax.MatchString(text): // strconv calls some of it a range error
			require.Error(t, wantErr)
			require.ErrorIs(t, err, ErrSyntax)
		case errors.Is(wantErr, strconv.ErrRange):
			require.ErrorIs(t, err, ErrRange)
		default:
			require.NoError(t, err)
			require.Equal(t, want, got)
		}

		unsigned, err := ParseUint64([]byte(text))
		if !integerSyntax.MatchString(text) {
			require.ErrorIs(t, err, ErrSyntax)
			return
		}
		exact, ok := new(big.Int).SetString(text, 10)
		require.True(t, ok)
		if !exact.IsUint64() {
			require.ErrorIs(t, err, ErrRange)
			return
		}
		require.NoError(t, err)
		require.Equal(t, exact.Uint64(), unsigned)
	})
}

// The narrower types take what the widest takes and they can hold.
func FuzzParseNarrowInteger(f *testing.F) {
	for _, text := range []string{"127", "-128", "128", "-129", "255", "256", "-1", "-0", "+5", "007", "65535", "65536", "2147483648", "-2147483649", "4294967295", "4294967296", "x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		wide, err := ParseInt64([]byte(text))
		checkNarrow(t, text, wide, err, parseSigned[int8])
		checkNarrow(t, text, wide, err, parseSigned[int16])
		checkNarrow(t, text, wide, err, parseSigned[int32])
		unsigned, err := ParseUint64([]byte(text))
		checkNarrow(t, text, unsigned, err, parseUnsigned[uint8])
		checkNarrow(t, text, unsigned, err, parseUnsigned[uint16])
		checkNarrow(t, text, unsigned, err, parseUnsigned[uint32])
	})
}

func checkNarrow[W int64 | uint64, N int8 | int16 | int32 | uint8 | uint16 | uint32](t *testing.T, text string, wide W, wideErr error, parse func([]byte) (N, error)) {
	t.Helper()
	got, err := parse([]byte(text))
	switch {
	case wideErr != nil:
		require.Equal(t, wideErr, err)
	case strconv.Itoa(int(N(wide))) != fmt.Sprint(wide):
		require.Equal(t, ErrRange, err)
	default:
		require.NoError(t, err)
		require.EqualValues(t, wide, got)
	}
}
