package convert

import (
	"math/big"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/require"
)

// Acceptance group D.
var (
	goodDates = []good[arrow.Date32]{
		{"D1", "2024-01-15", 19737},
		{"D1", "1970-01-01", 0},
		{"D1", "1969-12-31", -1},
		{"D1", "2000-02-29", 11016},
		{"D1", "1900-01-01", -25567},
		{"D2", "0001-01-01", -719162},
		{"D2", "9999-12-31", 2932896},
		{"D3", "19737", 19737},
		{"D3", "0", 0},
		{"D3", "-1", -1},
		{"more", "-719162", -719162},
		{"more", "2932896", 2932896},
		{"more", "+0000019737", 19737},
	}
	badDates = []bad{
		{"D4", "20240115", ErrRange},
		{"D4", "2147483648", ErrRange},
		{"D4", "2024-13-01", ErrRange},
		{"D4", "2024-00-10", ErrRange},
		{"D4", "2024-01-32", ErrRange},
		{"D4", "2024-01-00", ErrRange},
		{"D4", "2023-02-29", ErrRange},
		{"D4", "2024-02-30", ErrRange},
		{"D4", "1900-02-29", ErrRange},
		{"D4", "15/01/2024", ErrSyntax},
		{"D4", "", ErrSyntax},
		{"D4", " 2024-01-15", ErrSyntax},
		{"D4", "2024-1-5", ErrSyntax},
		{"D4", "2024-01-15garbage", ErrSyntax},
		{"D4", "2024-01-15T10:30:00", ErrSyntax},
		{"D4", "2147483647-01-01", ErrSyntax},
		{"more", "0000-01-01", ErrRange},
		{"more", "0000-00-00", ErrRange},
		{"more", "2024-04-31", ErrRange},
		{"more", "-719163", ErrRange},
		{"more", "2932897", ErrRange},
		{"more", "-9223372036854775808", ErrRange},
		{"more", "2024-01/15", ErrSyntax},
		{"more", "2024-0a-15", ErrSyntax},
		{"more", "+024-01-15", ErrSyntax},
		{"more", "2024-01-1\xff", ErrSyntax},
		{"more", "-001-01-01", ErrSyntax},
	}
)

func TestDate(t *testing.T) {
	checkGood(t, goodDates, ParseDate, arrow.FixedWidthTypes.Date32, Options{})
	checkBad(t, badDates, ParseDate, arrow.FixedWidthTypes.Date32, Options{})
}

// Every day of the years 1 to 9999, counted one by one.
func TestDateEveryDay(t *testing.T) {
	days := arrow.Date32(firstDay)
	text := []byte("0000-00-00")
	for d := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() < 10000; d = d.AddDate(0, 0, 1) {
		text = d.AppendFormat(text[:0], time.DateOnly)
		got, err := ParseDate(text)
		if err != nil || got != days {
			require.Failf(t, "wrong day", "%s: %d, %v, want %d", text, got, err, days)
		}
		days++
	}
	require.EqualValues(t, lastDay+1, days)
}

func FuzzParseDate(f *testing.F) {
	for _, r := range goodDates {
		f.Add(r.text)
	}
	for _, r := range badDates {
		f.Add(r.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseDate([]byte(text))
		if d, parseErr := time.Parse(time.DateOnly, text); parseErr == nil && d.Year() > 0 {
			require.NoError(t, err)
			require.EqualValues(t, d.Unix()/86400-boolInt(d.Unix()%86400 < 0), got)
			return
		}
		if n, ok := new(big.Int).SetString(text, 10); ok && integerSyntax.MatchString(text) {
			if n.IsInt64() && n.Int64() >= firstDay && n.Int64() <= lastDay {
				require.NoError(t, err)
				require.EqualValues(t, n.Int64(), got)
			} else {
				require.ErrorIs(t, err, ErrRange)
			}
			return
		}
		require.Error(t, err)
	})
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
