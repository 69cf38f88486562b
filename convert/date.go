package convert

import "github.com/apache/arrow-go/v18/arrow"

const (
	secondsPerDay = 24 * 60 * 60

	// The first and the last day of the years 1 to 9999, as days since
	// 1970-01-01.
	firstDay = -719162
	lastDay  = 2932896
)

// ParseDate reads a day as year-month-day, 2024-01-15, with exactly four, two
// and two digits; or as the number of days since 1970-01-01, an integer as
// ParseInt64 reads it. The years go from 1 to 9999 in either form, by the
// Gregorian calendar throughout.
//
// A day that isn't in the calendar or in those years is ErrRange: so is 20240115,
// which is a number of days. Any other text, a day with a time among it, is
// ErrSyntax.
func ParseDate(value []byte) (arrow.Date32, error) {
	if len(value) == dateLen && value[4] == '-' {
		days, err := parseDay(value)
		return arrow.Date32(days), err
	}
	days, err := ParseInt64(value)
	if err != nil {
		return 0, err
	}
	if days < firstDay || days > lastDay {
		return 0, ErrRange
	}
	return arrow.Date32(days), nil
}

// dateLen is the length of every date, 2024-01-15.
const dateLen = len("2024-01-15")

// parseDay reads dateLen bytes, year-month-day, as days since 1970-01-01.
func parseDay(text []byte) (int64, error) {
	_ = text[dateLen-1]
	if text[4] != '-' || text[7] != '-' {
		return 0, ErrSyntax
	}
	century, years := twoDigits(text[0], text[1]), twoDigits(text[2], text[3])
	month, day := twoDigits(text[5], text[6]), twoDigits(text[8], text[9])
	if century|years|month|day >= notDigits {
		return 0, ErrSyntax
	}
	year := century*100 + years
	if year == 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, ErrRange
	}
	// Years that begin in March have their leap day at the end, so that the
	// days before each month follow a formula.
	if month < 3 {
		year--
		month += 12
	}
	days := 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1
	const march0To1970 = 719468
	return int64(days) - march0To1970, nil
}

// daysIn is the number of days of a month, 1 to 12.
func daysIn(year, month uint32) uint32 {
	if month == 2 {
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	// From August on, the even months are the long ones.
	return 30 + (month+month>>3)&1
}

// notDigits is a bit that no two digits make.
const notDigits = 1 << 7

// twoDigits is the number that two digits make, or notDigits.
func twoDigits(tens, ones byte) uint32 {
	t, o := uint32(tens-'0'), uint32(ones-'0')
	if t > 9 || o > 9 {
		return notDigits
	}
	return t*10 + o
}
