package convert

import (
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/stretchr/testify/require"
)

// number is the decimal128 of so many units.
func number(units string) decimal128.Num {
	n, ok := new(big.Int).SetString(units, 10)
	if !ok {
		panic(units)
	}
	return decimal128.FromBigInt(n)
}

const (
	nines19 = "9999999999999999999"
	nines38 = nines19 + nines19
)

var decimalGroups = []struct {
	precision, scale int32
	good             []good[decimal128.Num]
	bad              []bad
}{
	{
		10, 2,
		[]good[decimal128.Num]{
			{"as written", "19.99", number("1999")},
			{"as written", "-0.5", number("-50")},
			{"as written", "+1.5", number("150")},
			{"as written", "42", number("4200")},
			{"as written", "007", number("700")},
			{"as written", ".5", number("50")},
			{"as written", "5.", number("500")},
			{"as written", "0.01", number("1")},
			{"zero", "0", number("0")},
			{"zero", "-0", number("0")},
			{"zero", "0.0000000000", number("0")},
			{"zero", "-0e999999999999", number("0")},
			{"zero", "0e-5", number("0")},
			{"largest", "99999999.99", number("9999999999")},
			{"largest", "-99999999.99", number("-9999999999")},
			{"exponent", "1.5e3", number("150000")},
			{"exponent", "1E+2", number("10000")},
			{"exponent", "150e-2", number("150")},
			{"zeros behind the scale", "1.500", number("150")},
			{"zeros behind the scale", "-1.50" + strings.Repeat("0", 1000), number("-150")},
			{"zeros behind the scale", "1000e-3", number("100")},
			{"zeros and exponents", "1" + strings.Repeat("0", 400) + "e-400", number("100")},
			{"zeros and exponents", "0." + strings.Repeat("0", 400) + "1e401", number("100")},
			{"zeros in front", strings.Repeat("0", 400) + "1.25", number("125")},
		},
		[]bad{
			{"syntax", "", ErrSyntax},
			{"syntax", " 1.0", ErrSyntax},
			{"syntax", "1.0 ", ErrSyntax},
			{"syntax", "1,5", ErrSyntax},
			{"syntax", "1_000", ErrSyntax},
			{"syntax", "1e", ErrSyntax},
			{"syntax", "0x10", ErrSyntax},
			{"syntax", ".", ErrSyntax},
			{"syntax", "-", ErrSyntax},
			{"syntax", "1.2.3", ErrSyntax},
			{"syntax", "inf", ErrSyntax},
			{"syntax", "NaN", ErrSyntax},
			{"syntax", "abc", ErrSyntax},
			{"syntax", "19.99€", ErrSyntax},
			{"syntax", "\u0663", ErrSyntax},
			{"range", "100000000", ErrRange},
			{"range", "-100000000", ErrRange},
			{"range", "1e8", ErrRange},
			{"range", "1e999999999999", ErrRange},
			{"range", strings.Repeat("9", 100), ErrRange},
			{"range before scale", "100000000.001", ErrRange},
			{"scale", "19.995", ErrScale},
			{"scale", "0.001", ErrScale},
			{"scale", "-0.001", ErrScale},
			{"scale", "99999999.999", ErrScale},
			{"scale", "1e-3", ErrScale},
			{"scale", "1234567e-5", ErrScale},
			{"scale", "1e-999999999999", ErrScale},
			{"scale", "1.50" + strings.Repeat("0", 1000) + "1", ErrScale},
			{"scale", "1.5000000000000000000000000000001e3", ErrScale},
		},
	},
	{
		38, 0,
		[]good[decimal128.Num]{
			{"largest", nines38, number(nines38)},
			{"largest", "-" + nines38, number("-" + nines38)},
			{"19 digits", nines19, number(nines19)},
			{"20 digits", "1" + nines19, number("1" + nines19)},
			{"2^64", "18446744073709551616", number("18446744073709551616")},
			{"exponent", "1e37", number("1" + strings.Repeat("0", 37))},
			{"exponent", nines19 + "e19", number(nines19 + strings.Repeat("0", 19))},
			{"a point that moves", "1234567890123456789.0123456789012345678e19", number("12345678901234567890123456789012345678")},
		},
		[]bad{
			{"range", "1" + strings.Repeat("0", 38), ErrRange},
			{"range", "1e38", ErrRange},
			{"range", "170141183460469231731687303715884105728", ErrRange}, // 2^127
			{"range", "340282366920938463463374607431768211457", ErrRange}, // 2^128+1
			{"scale", "0.5", ErrScale},
			{"scale", nines38 + ".1", ErrScale},
		},
	},
	{
		38, 38,
		[]good[decimal128.Num]{
			{"largest", "0." + nines38, number(nines38)},
			{"least", "-1e-38", number("-1")},
			{"short", "0.5", number("5" + strings.Repeat("0", 37))},
		},
		[]bad{{"range", "1", ErrRange}, {"scale", "1e-39", ErrScale}, {"scale", "0." + nines38 + "1", ErrScale}},
	},
	{
		1, 0,
		[]good[decimal128.Num]{{"digit", "9", number("9")}, {"digit", "90e-1", number("9")}},
		[]bad{{"range", "10", ErrRange}, {"scale", "9.9", ErrScale}},
	},
}

func TestDecimal128(t *testing.T) {
	for _, g := range decimalGroups {
		dt := &arrow.Decimal128Type{Precision: g.precision, Scale: g.scale}
		t.Run(dt.String(), func(t *testing.T) {
			parse := func(text []byte) (decimal128.Num, error) { return ParseDecimal128(text, g.precision, g.scale) }
			checkGood(t, g.good, parse, dt, Options{})
			checkBad(t, g.bad, parse, dt, Options{})
		})
	}
	for _, wrong := range [][2]int32{{0, 0}, {39, 0}, {5, 6}, {5, -1}} {
		_, err := ParseDecimal128([]byte("1"), wrong[0], wrong[1])
		require.ErrorIs(t, err, ErrType)
	}
}

var (
	decimalSyntax = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	hugeExponent  = regexp.MustCompile(`[eE][+-]?[0-9]{5,}$`)
)

// exactDecimal is what ParseDecimal128 has to say of a number.
func exactDecimal(text string, precision, scale int32) (decimal128.Num, error) {
	v, ok := new(big.Rat).SetString(text)
	if !ok {
		panic("math/big doesn't know " + text)
	}
	power := func(n int32) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
	v.Mul(v, new(big.Rat).SetInt(power(scale)))
	switch {
	case new(big.Rat).Abs(v).Cmp(new(big.Rat).SetInt(power(precision))) >= 0:
		return decimal128.Num{}, ErrRange
	case !v.IsInt():
		return decimal128.Num{}, ErrScale
	}
	return decimal128.FromBigInt(v.Num()), nil
}

func FuzzParseDecimal(f *testing.F) {
	for _, g := range decimalGroups {
		for _, r := range g.good {
			f.Add(r.text, uint8(g.precision-1), uint8(g.scale))
		}
		for _, r := range g.bad {
			f.Add(r.text, uint8(g.precision-1), uint8(g.scale))
		}
	}
	f.Fuzz(func(t *testing.T, text string, p, s uint8) {
		precision := int32(p)%decimal128.MaxPrecision + 1
		scale := int32(s) % (precision + 1)
		got, err := ParseDecimal128([]byte(text), precision, scale)
		if !decimalSyntax.MatchString(text) {
			require.ErrorIs(t, err, ErrSyntax)
			return
		}
		require.NotErrorIs(t, err, ErrSyntax)
		if hugeExponent.MatchString(text) {
			return // math/big would write out all of its digits
		}
		want, wantErr := exactDecimal(text, precision, scale)
		require.Equal(t, wantErr, err)
		require.Equal(t, want, got)
	})
}
