package convert

import (
	"errors"
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/require"
)

var (
	// datetimeSyntax is what ParseTimestamp takes with a date in it; time.Parse
	// takes more (a comma, hours of one digit, 24-hour offsets).
	datetimeSyntax = regexp.MustCompile(`^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)?)?$`)
	secondsSyntax  = regexp.MustCompile(`^[+-]?[0-9]+\.[0-9]{1,9}$`)
)

func FuzzParseTimestamp(f *testing.F) {
	for i, r := range goodTimestamps {
		f.Add(r.text, byte(i))
	}
	for i, r := range badTimestamps {
		f.Add(r.text, byte(i))
	}
	zones := []*time.Location{nil}
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} {
		loc, err := time.LoadLocation(name)
		require.NoError(f, err)
		zones = append(zones, loc)
	}
	// mode: two bits each for the unit, the zone and the epoch unit, one bit
	// for no epoch unit.
	f.Fuzz(func(t *testing.T, text string, mode byte) {
		unit, epoch := arrow.TimeUnit(mode&3), arrow.TimeUnit(mode>>4&3)
		epochUnit := &epoch
		if mode>>6&1 == 0 {
			epochUnit = nil
		}
		loc := zones[mode>>2&3]
		got, err := ParseTimestamp([]byte(text), unit, loc, epochUnit)
		nanos, wantErr := slowTimestamp(text, loc, epochUnit)
		if wantErr == nil {
			// Div rounds down for a divisor above zero.
			want := nanos.Div(nanos, big.NewInt(int64(unit.Multiplier())))
			if !want.IsInt64() || want.Int64() == math.MinInt64 {
				wantErr = ErrRange
			} else {
				require.NoError(t, err)
				require.Equal(t, want.Int64(), int64(got))
				return
			}
		}
		require.Error(t, err)
		if !errors.Is(wantErr, errEither) {
			require.ErrorIs(t, err, wantErr)
		}
	})
}

// errEither is for text with more than one thing wrong with it.
var errEither = errors.New("ErrSyntax or ErrRange")

// slowTimestamp gives the nanoseconds since the epoch by way of the standard
// library.
func slowTimestamp(text string, loc *time.Location, epochUnit *arrow.TimeUnit) (*big.Int, error) {
	switch {
	case integerSyntax.MatchString(text):
		n, _ := new(big.Int).SetString(text, 10)
		abs := new(big.Int).Abs(n)
		if !abs.IsInt64() {
			return nil, ErrRange
		}
		size := time.Nanosecond
		switch {
		case epochUnit != nil:
			size = epochUnit.Multiplier()
		case len(abs.String()) <= 10:
			size = time.Second
		case len(abs.String()) <= 13:
			size = time.Millisecond
		case len(abs.String()) <= 16:
			size = time.Microsecond
		}
		return n.Mul(n, big.NewInt(int64(size))), nil
	case secondsSyntax.MatchString(text):
		whole, fraction, _ := strings.Cut(text, ".")
		n, _ := new(big.Int).SetString(whole, 10)
		if epochUnit != nil && *epochUnit != arrow.Second || epochUnit == nil && len(n.Abs(n).String()) > 10 {
			return nil, errEither
		}
		if !n.Abs(n).IsInt64() {
			return nil, ErrRange
		}
		nanos, _ := new(big.Int).SetString(whole+(fraction + "000000000")[:9], 10)
		return nanos, nil
	case !datetimeSyntax.MatchString(text):
		return nil, errEither
	}
	if loc == nil {
		loc = time.UTC
	}
	text = strings.Replace(text, " ", "T", 1)
	for _, layout := range []string{
		time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05",
		"2006-01-02T15:04Z07:00", "2006-01-02T15:04Z0700", "2006-01-02T15:04Z07",
		time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07",
	} {
		if at, err := time.ParseInLocation(layout, text, loc); err == nil && text[:4] != "0000" {
			nanos := new(big.Int).Mul(big.NewInt(at.Unix()), big.NewInt(1e9))
			return nanos.Add(nanos, big.NewInt(int64(at.Nanosecond()))), nil
		}
	}
	return nil, ErrRange
}
