package convert

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Acceptance group B, but for zeros and nan, which assert.Equal can't tell.
var (
	inf        = math.Inf(1)
	goodFloats = []good[float64]{
		{"B1", "3.5", 3.5},
		{"B1", "-0.5", -0.5},
		{"B1", "1.5e2", 150},
		{"B1", ".5", 0.5},
		{"B1", "5.", 5},
		{"B1", "+1.5", 1.5},
		{"B1", "42", 42},
		{"B3", "inf", inf},
		{"B3", "+inf", inf},
		{"B3", "Inf", inf},
		{"B3", "INFINITY", inf},
		{"B3", "infinity", inf},
		{"B3", "-inf", -inf},
		{"B5", "1e308", 1e308},
		{"B5", "1.7976931348623157e308", math.MaxFloat64},
		{"B5", "2.2250738585072014e-308", 2.2250738585072014e-308},
		{"B6", "1e309", inf},
		{"B6", "-1e309", -inf},
		{"B6", "1e-400", 0},
		{"B7", "123456789012345678901234567890", 1.2345678901234568e29},
		{"more", "-Infinity", -inf},
		{"more", "1E+2", 100},
		{"more", "-.5e-1", -0.05},
		{"more", "0e999999999999", 0},
		{"more", "1e999999999999999999999999", inf},
		{"more", "1e-999999999999999999999999", 0},
		{"more", "1.7976931348623159e308", inf},
		{"more", "9e308", inf},
		{"more", "5e-324", 5e-324},
		{"more", "0.1", 0.1},
		{"more", "19.99", 19.99},
		{"more", "3.141592653589793", math.Pi},
		{"more", "9007199254740993", 9007199254740992},
		{"more", "9007199254740993.00000000000000000000000001", 9007199254740994},
		{"more", "0." + strings.Repeat("0", 20000) + "1e20001", 1},
		{"more", "1" + strings.Repeat("0", 400) + "e-400", 1},
		{"more", "000000000000000000000000000001.5", 1.5},
	}
	badFloats = []bad{
		{"B8", "", ErrSyntax},
		{"B8", " 1.0", ErrSyntax},
		{"B8", "1.0 ", ErrSyntax},
		{"B8", "1,5", ErrSyntax},
		{"B8", "1_000", ErrSyntax},
		{"B8", "1e", ErrSyntax},
		{"B8", "0x1p3", ErrSyntax},
		{"more", ".", ErrSyntax},
		{"more", "+", ErrSyntax},
		{"more", "-.", ErrSyntax},
		{"more", ".e5", ErrSyntax},
		{"more", "1e+", ErrSyntax},
		{"more", "1e5.", ErrSyntax},
		{"more", "1.2.3", ErrSyntax},
		{"more", "1e1_0", ErrSyntax},
		{"more", "--1", ErrSyntax},
		{"more", "in", ErrSyntax},
		{"more", "infinit", ErrSyntax},
		{"more", "infinityy", ErrSyntax},
		{"more", "nan(1)", ErrSyntax},
		{"more", "na\x0e", ErrSyntax}, // differs from nan by bits that capitals don't
		{"more", "\u0663", ErrSyntax},
		{"more", "1f", ErrSyntax},
	}
)

func TestFloat64(t *testing.T) {
	checkGood(t, goodFloats, ParseFloat64, arrow.PrimitiveTypes.Float64, Options{})
	checkBad(t, badFloats, ParseFloat64, arrow.PrimitiveTypes.Float64, Options{})

	for _, text := range []string{"-0", "-0.0", "-0e5", "-.0", "-1e-400"} {
		t.Run("B2/"+text, func(t *testing.T) {
			v := floatCell(t, text)
			assert.Zero(t, v)
			assert.True(t, math.Signbit(v), "the sign of zero is lost")
		})
	}
	for _, text := range []string{"nan", "NaN", "NAN", "-nan", "+nan"} {
		t.Run("B4/"+text, func(t *testing.T) {
			assert.True(t, math.IsNaN(floatCell(t, text)))
		})
	}
}

func floatCell(t *testing.T, text string) float64 {
	arr, err := oneCell(t, text, arrow.PrimitiveTypes.Float64, Options{})
	require.NoError(t, err)
	defer arr.Release()
	return arr.(*array.Float64).Value(0)
}

func TestFloat32(t *testing.T) {
	checkGood(t, []good[float32]{
		{"B", "3.5", 3.5},
		{"B", "0.1", 0.1},
		{"B", "3.4028234663852886e38", math.MaxFloat32},
		{"B", "3.4028236e38", float32(inf)},
		{"B", "1e39", float32(inf)},
		{"B", "-1e309", float32(-inf)},
		{"B", "1e-400", 0},
		// Rounded by way of a float64 it would come out even, one too low.
		{"B", "1.000000059604644775390626", 1.0000001},
	}, parseFloat32, arrow.PrimitiveTypes.Float32, Options{})
	checkBad(t, badFloats, parseFloat32, arrow.PrimitiveTypes.Float32, Options{})
}

// The exact path must give what strconv gives, for the numbers that take it.
func TestFloatExact(t *testing.T) {
	for exponent := -25; exponent <= 25; exponent++ {
		for _, digits := range []uint64{1, 3, 7, 12345, 999999999999999, 1<<53 - 1, 1 << 53, 1<<53 + 1, 9999999999999999999} {
			text := strconv.FormatUint(digits, 10) + "e" + strconv.Itoa(exponent)
			want, err := strconv.ParseFloat(text, 64)
			require.NoError(t, err)
			got, err := ParseFloat64([]byte(text))
			require.NoError(t, err)
			require.Equal(t, want, got, text)
		}
	}
}

var floatSyntax = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(?i:inf|infinity|nan)$`)

func FuzzParseFloat(f *testing.F) {
	for _, r := range goodFloats {
		f.Add(r.text)
	}
	for _, r := range badFloats {
		f.Add(r.text)
	}
	f.Add("-nan")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 9000 {
			return // strconv stops counting exponents at 10000
		}
		got, err := ParseFloat64([]byte(text))
		got32, err32 := parseFloat32([]byte(text))
		if !floatSyntax.MatchString(text) {
			require.ErrorIs(t, err, ErrSyntax)
			require.ErrorIs(t, err32, ErrSyntax)
			return
		}
		require.NoError(t, err)
		require.NoError(t, err32)
		if last := text[len(text)-1] | 0x20; last == 'n' {
			require.True(t, math.IsNaN(got))
			require.True(t, math.IsNaN(float64(got32)))
			return
		}
		// Its only error is ErrRange here, with the infinity.
		want, _ := strconv.ParseFloat(text, 64)
		require.Equal(t, math.Float64bits(want), math.Float64bits(got), "%v, strconv has %v", got, want)
		want32, _ := strconv.ParseFloat(text, 32)
		require.Equal(t, math.Float32bits(float32(want32)), math.Float32bits(got32), "%v, strconv has %v", got32, want32)
	})
}
