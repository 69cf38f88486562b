package convert

import (
	"math"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/require"
)

// Acceptance group E: microseconds, no zone.
var (
	goodTimestamps = []good[arrow.Timestamp]{
		{"E1", "2024-01-15T10:30:00", 1705314600000000},
		{"E1", "2024-01-15T10:30:00Z", 1705314600000000},
		{"E1", "2024-01-15 10:30:00", 1705314600000000},
		{"E1", "2024-01-15T10:30", 1705314600000000},
		{"E2", "2024-01-15T10:30:00.5", 1705314600500000},
		{"E2", "2024-01-15T10:30:00.123456Z", 1705314600123456},
		{"E2", "2024-01-15T10:30:00.123456789Z", 1705314600123456},
		{"E3", "2024-01-15T10:30:00+05:00", 1705296600000000},
		{"E3", "2024-01-15T10:30:00-05:00", 1705332600000000},
		{"E3", "2024-01-15T10:30:00+0530", 1705294800000000},
		{"E4", "2024-01-15", 1705276800000000},
		{"E5", "1969-12-31T23:59:59.999999Z", -1},
		{"E6", "1705315800", 1705315800000000},
		{"E6", "1705315800000", 1705315800000000},
		{"E6", "1705315800000000", 1705315800000000},
		{"E6", "1705315800000000000", 1705315800000000},
		{"E7", "9999999999", 9999999999000000},
		{"E7", "10000000000", 10000000000000},
		{"E7", "9999999999999", 9999999999999000},
		{"E7", "10000000000000", 10000000000000},
		{"E7", "9999999999999999", 9999999999999999},
		{"E7", "10000000000000000", 10000000000000},
		{"E8", "0", 0},
		{"E8", "-1", -1000000},
		{"E8", "-1705315800000", -1705315800000000},
		{"E9", "1705315800.5", 1705315800500000},
		{"more", "2024-01-15T10:30Z", 1705314600000000},
		{"more", "2024-01-15T10:30+05", 1705296600000000},
		{"more", "2024-01-15 10:30:00.25-05", 1705332600250000},
		{"more", "2024-01-15T10:30:00-00:00", 1705314600000000},
		{"more", "2024-01-15T10:30:00+23:59", 1705228260000000},
		{"more", "2024-01-15T00:00:00.000000999", 1705276800000000},
		{"more", "1969-12-31T23:59:59.999999999Z", -1},
		{"more", "1969-12-31T23:59:59.9999989Z", -2},
		{"more", "0001-01-01", -62135596800000000},
		{"more", "9999-12-31T23:59:59.999999", 253402300799999999},
		{"more", "+5", 5000000},
		{"more", "-0", 0},
		{"more", "-1.5", -1500000},
		{"more", "-0.5", -500000},
		{"more", "-1.0000005", -1000001},
		{"more", "1.000000999", 1000000},
		{"more", "9999999999.999999999", 9999999999999999},
		{"more", "-10000000000000001", -10000000000001}, // ns, rounded down
		{"more", "9223372036854775807", 9223372036854775},
		{"more", "-9223372036854775807", -9223372036854776},
	}
	badTimestamps = []bad{
		{"E10", "", ErrSyntax},
		{"E10", " 1705315800 ", ErrSyntax},
		{"E10", "not-a-datetime", ErrSyntax},
		{"E10", "2024-01-15T10", ErrSyntax},
		{"E10", "2024-01-15T25:61:61", ErrRange},
		{"E10", "2024-02-31T00:00:00", ErrRange},
		{"E10", "2024-01-15T10:30:00.abc", ErrSyntax},
		{"E10", "2024-01-15T10:30:00.12345é", ErrSyntax},
		{"E10", "-9223372036854775808", ErrRange},
		{"more", "9223372036854775808", ErrRange},
		{"more", "2024-01-15T24:00:00", ErrRange},
		{"more", "2024-01-15T10:60:00", ErrRange},
		{"more", "2024-01-15T23:59:60Z", ErrRange},
		{"more", "2024-01-15t10:30:00", ErrSyntax},
		{"more", "2024-01-15T10:30:00z", ErrSyntax},
		{"more", "2024-01-15T10:30:00 ", ErrSyntax},
		{"more", "2024-01-15 10:30:00 +0000", ErrSyntax},
		{"more", "2024-01-15  10:30:00", ErrSyntax},
		{"more", "2024-01-15T10:30:", ErrSyntax},
		{"more", "2024-01-15T10:30:0", ErrSyntax},
		{"more", "2024-01-15T10:30:00.", ErrSyntax},
		{"more", "2024-01-15T10:30:00.Z", ErrSyntax},
		{"more", "2024-01-15T10:30:00,5", ErrSyntax},
		{"more", "2024-01-15T10:30.5", ErrSyntax},
		{"more", "2024-01-15T10:30:00.1234567890", ErrSyntax},
		{"more", "2024-01-15T10-30-00", ErrSyntax},
		{"more", "2024-01-15T1:30:00", ErrSyntax},
		{"more", "2024-01-15T", ErrSyntax},
		{"more", "2024-01-15Z", ErrSyntax},
		{"more", "2024-01-15+05:00", ErrSyntax},
		{"more", "2024-01-15T10:30:00+24:00", ErrRange},
		{"more", "2024-01-15T10:30:00+05:60", ErrRange},
		{"more", "2024-01-15T10:30:00+5", ErrSyntax},
		{"more", "2024-01-15T10:30:00+05:", ErrSyntax},
		{"more", "2024-01-15T10:30:00+05:0", ErrSyntax},
		{"more", "2024-01-15T10:30:00+05-00", ErrSyntax},
		{"more", "2024-01-15T10:30:00+05:00:00", ErrSyntax},
		{"more", "2024-01-15T10:30:00ZZ", ErrSyntax},
		{"more", "2024-01-15T10:30:00UTC", ErrSyntax},
		{"more", "0000-01-01T00:00:00", ErrRange},
		{"more", "10000-01-01T00:00:00", ErrSyntax},
		{"more", "20240115T103000", ErrSyntax},
		{"more", "2024-01", ErrSyntax},
		{"more", "1705315800.", ErrSyntax},
		{"more", ".5", ErrSyntax},
		{"more", "-.5", ErrSyntax},
		{"more", "1.5.5", ErrSyntax},
		{"more", "1.5e3", ErrSyntax},
		{"more", "1705315800.1234567890", ErrSyntax},
		{"more", "1705315800000.5", ErrSyntax}, // milliseconds have no fraction
		{"more", "10000000000.5", ErrSyntax},
	}
)

func TestTimestamp(t *testing.T) {
	dt := &arrow.TimestampType{Unit: arrow.Microsecond}
	parse := parserOf(arrow.Microsecond, nil, nil)
	checkGood(t, goodTimestamps, parse, dt, Options{})
	checkBad(t, badTimestamps, parse, dt, Options{})
}

func parserOf(unit arrow.TimeUnit, loc *time.Location, epoch *arrow.TimeUnit) func([]byte) (arrow.Timestamp, error) {
	return func(text []byte) (arrow.Timestamp, error) { return ParseTimestamp(text, unit, loc, epoch) }
}

func TestTimestampUnits(t *testing.T) {
	for _, tt := range []struct {
		unit arrow.TimeUnit
		good []good[arrow.Timestamp]
		bad  []bad
	}{
		{
			arrow.Second,
			[]good[arrow.Timestamp]{
				{"s", "2024-01-15T10:30:00.999999999", 1705314600},
				{"s", "1969-12-31T23:59:59.5", -1},
				{"s", "1705315800999", 1705315800},
				{"s", "-1.5", -2},
				{"s", "9999-12-31T23:59:59", 253402300799},
			},
			nil,
		},
		{
			arrow.Millisecond,
			[]good[arrow.Timestamp]{
				{"ms", "2024-01-15T10:30:00.1239", 1705314600123},
				{"ms", "1969-12-31T23:59:59.9999", -1},
				{"ms", "1705315800", 1705315800000},
			},
			nil,
		},
		{
			arrow.Nanosecond,
			[]good[arrow.Timestamp]{
				{"ns", "2024-01-15T10:30:00.123456789", 1705314600123456789},
				{"ns", "2262-04-11T23:47:16.854775807", math.MaxInt64},
				{"ns", "1677-09-21T00:12:43.145224193", -math.MaxInt64},
				{"ns", "9223372036.854775807", math.MaxInt64},
				{"ns", "-9223372036.854775807", -math.MaxInt64},
				{"ns", "9223372036854775807", math.MaxInt64},
			},
			[]bad{
				{"ns", "2262-04-11T23:47:16.854775808", ErrRange},
				{"ns", "2262-04-11T23:47:17", ErrRange},
				{"ns", "1677-09-21T00:12:43.145224192", ErrRange}, // the least int64
				{"ns", "1677-09-21T00:12:43.145224191", ErrRange},
				{"ns", "9999-12-31", ErrRange},
				{"ns", "0001-01-01", ErrRange},
				{"ns", "9999999999", ErrRange},
				{"ns", "-9223372036.854775808", ErrRange},
			},
		},
	} {
		dt := &arrow.TimestampType{Unit: tt.unit}
		checkGood(t, tt.good, parserOf(tt.unit, nil, nil), dt, Options{})
		checkBad(t, tt.bad, parserOf(tt.unit, nil, nil), dt, Options{})
	}
}

func TestTimestampEpochUnit(t *testing.T) {
	dt := &arrow.TimestampType{Unit: arrow.Microsecond}
	for _, tt := range []struct {
		epoch arrow.TimeUnit
		good  []good[arrow.Timestamp]
		bad   []bad
	}{
		{
			arrow.Second,
			[]good[arrow.Timestamp]{
				{"s", "10000000000", 10000000000000000},
				{"s", "10000000000.5", 10000000000500000},
				{"s", "9223372036854.775807", math.MaxInt64},
				{"s", "2024-01-15", 1705276800000000},
			},
			[]bad{
				{"s", "9223372036854.775808", ErrRange},
				{"s", "9223372036855", ErrRange},
				{"s", "-9223372036855", ErrRange},
				{"s", "9223372036854775807", ErrRange},
				{"s", "9223372036854775807.5", ErrRange},
				{"s", "-9223372036854775807.999999999", ErrRange},
				{"s", "-9223372036854775808.5", ErrRange},
				{"s", "-9223372036854775808", ErrRange},
			},
		},
		{
			arrow.Millisecond,
			[]good[arrow.Timestamp]{{"ms", "5", 5000}, {"ms", "-5", -5000}},
			[]bad{{"ms", "5.5", ErrSyntax}, {"ms", "9223372036854776", ErrRange}},
		},
		{
			arrow.Microsecond,
			[]good[arrow.Timestamp]{{"us", "5", 5}, {"us", "9223372036854775807", math.MaxInt64}, {"us", "-9223372036854775807", -math.MaxInt64}},
			[]bad{{"us", "5.5", ErrSyntax}, {"us", "-9223372036854775808", ErrRange}},
		},
		{
			arrow.Nanosecond,
			[]good[arrow.Timestamp]{{"ns", "1999", 1}, {"ns", "-1", -1}, {"ns", "-1001", -2}, {"ns", "-1000", -1}},
			[]bad{{"ns", "5.5", ErrSyntax}, {"ns", "-9223372036854775808", ErrRange}},
		},
	} {
		parse := parserOf(arrow.Microsecond, nil, &tt.epoch)
		checkGood(t, tt.good, parse, dt, Options{EpochUnit: &tt.epoch})
		checkBad(t, tt.bad, parse, dt, Options{EpochUnit: &tt.epoch})
	}
}

func TestTimestampZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	dt := &arrow.TimestampType{Unit: arrow.Second, TimeZone: "Europe/Berlin"}
	rows := []good[arrow.Timestamp]{
		{"winter", "2024-01-15T10:30:00", 1705311000},
		{"summer", "2024-07-15T10:30:00", 1721032200},
		{"offset", "2024-01-15T10:30:00Z", 1705314600},
		{"offset", "2024-01-15T10:30:00+05:00", 1705296600},
		{"midnight", "2024-01-15", 1705273200},
		{"epoch", "1705315800", 1705315800},
		{"gap", "2024-03-31T02:30:00", arrow.Timestamp(time.Date(2024, 3, 31, 2, 30, 0, 0, berlin).Unix())},
		{"overlap", "2024-10-27T02:30:00", arrow.Timestamp(time.Date(2024, 10, 27, 2, 30, 0, 0, berlin).Unix())},
	}
	checkGood(t, rows, parserOf(arrow.Second, berlin, nil), dt, Options{})

	t.Run("fixed offset", func(t *testing.T) {
		arr, err := oneCell(t, "2024-01-15T10:30:00", &arrow.TimestampType{Unit: arrow.Second, TimeZone: "-05:00"}, Options{})
		require.NoError(t, err)
		defer arr.Release()
		require.EqualValues(t, 1705332600, arr.(interface{ Value(int) arrow.Timestamp }).Value(0))
	})
}

// One zone value that sees all kinds of times in turn gives what time.Date
// gives, whatever it remembers: around each change of the clock, and far away.
func TestZoneLikeTimeDate(t *testing.T) {
	for _, name := range []string{
		"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
		"Pacific/Apia", "Asia/Kolkata", "Africa/Monrovia", "America/Sao_Paulo", "Europe/London", "Antarctica/Troll",
	} {
		t.Run(name, func(t *testing.T) {
			loc, err := time.LoadLocation(name)
			require.NoError(t, err)
			z := newZone(loc)
			check := func(wall int64) {
				w := time.Unix(wall, 0).UTC()
				want := time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), 0, loc).Unix()
				if got := z.unix(wall); got != want {
					require.Failf(t, "not as time.Date", "%s: %d, want %d", w, got, want)
				}
			}
			for at := time.Date(1850, 1, 1, 0, 0, 0, 0, loc); at.Year() < 2080; {
				_, end := at.ZoneBounds()
				if end.IsZero() {
					break
				}
				for d := int64(-27 * 3600); d <= 27*3600; d += 900 {
					check(end.Unix() + d)
					check(end.Unix() + d + 1)
				}
				// On the last day of leap years to come, ZoneBounds gives an end
				// that is past already.
				at = at.Add(24 * time.Hour)
				if at.Before(end) {
					at = end
				}
			}
			for _, wall := range []int64{firstDay * secondsPerDay, lastDay * secondsPerDay, 0, -1, 1 << 32} {
				check(wall)
				check(wall)
			}
		})
	}
}
