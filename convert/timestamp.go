package convert

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// ParseTimestamp reads a moment, as the number of units since 1970-01-01 00:00
// UTC. What is finer than the unit is rounded down, towards −∞. It takes:
//
//   - a date and a time, 2024-01-15T10:30:00, with T or one space between them;
//     the seconds may be left out, or have a fraction of 1 to 9 digits. An
//     offset may follow: Z, +05:30, +0530 or +05, up to 23:59 either way.
//   - a date, 2024-01-15, which is its midnight.
//   - an integer as ParseInt64 reads it: the time since the epoch in epochUnit.
//     With epochUnit nil the size of its absolute value tells: seconds below
//     10¹⁰ (until the year 2286), milliseconds below 10¹³, microseconds below
//     10¹⁶, else nanoseconds. Mind that 20240115 is a number of seconds then.
//   - seconds since the epoch with a fraction of 1 to 9 digits, 1705315800.5;
//     not where epochUnit is another, nor, with epochUnit nil, from 10¹⁰ on.
//
// A text without an offset is read by the clock of loc, UTC if that is nil. A
// time that the clock skips or shows twice is taken as time.Date takes it.
//
// The years go from 1 to 9999, hours to 23, minutes and seconds to 59: beyond
// that, on days that the calendar doesn't have, and where the result (or the
// integer) isn't within ±9223372036854775807, the error is ErrRange. Any other
// text is ErrSyntax: small t and z, a comma for the point, blanks around it.
func ParseTimestamp(value []byte, unit arrow.TimeUnit, loc *time.Location, epochUnit *arrow.TimeUnit) (arrow.Timestamp, error) {
	p := newTimestampParser(unit, loc, epochUnit)
	v, err := p.parse(value)
	return arrow.Timestamp(v), err
}

func newTimestamp(mem memory.Allocator, dt arrow.DataType, epochUnit *arrow.TimeUnit) (Column, error) {
	t, ok := dt.(*arrow.TimestampType)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrType, dt)
	}
	if !isUnit(t.Unit) || epochUnit != nil && !isUnit(*epochUnit) {
		return nil, fmt.Errorf("%w: the units of a timestamp are s, ms, us and ns", ErrType)
	}
	if t.TimeZone == "Local" {
		return nil, fmt.Errorf("%w: time zone %q differs from machine to machine: name it, as in Europe/Berlin", ErrType, t.TimeZone)
	}
	loc, err := t.GetZone()
	if err != nil {
		return nil, fmt.Errorf("%w: time zone %q is not known here: use a name like Europe/Berlin, or an offset like +01:00: %w", ErrType, t.TimeZone, err)
	}
	p := newTimestampParser(t.Unit, loc, epochUnit)
	return newFixed(mem, dt, p.parse), nil
}

func isUnit(u arrow.TimeUnit) bool { return u >= arrow.Second && u <= arrow.Nanosecond }

// timestampParser reads the timestamps of one column.
type timestampParser struct {
	zone      zone
	perSecond int64 // units of the column
	unitNanos int64 // length of such a unit
	most      int64 // seconds that fit into an int64 of units
	epoch     arrow.TimeUnit
	anyEpoch  bool // epoch isn't set: the size of a number tells
}

func newTimestampParser(unit arrow.TimeUnit, loc *time.Location, epochUnit *arrow.TimeUnit) timestampParser {
	p := timestampParser{zone: newZone(loc), perSecond: 1, anyEpoch: epochUnit == nil}
	for u := arrow.Second; u < unit; u++ {
		p.perSecond *= 1000
	}
	p.unitNanos, p.most = 1e9/p.perSecond, math.MaxInt64/p.perSecond
	if epochUnit != nil {
		p.epoch = *epochUnit
	}
	return p
}

func (p *timestampParser) parse(text []byte) (int64, error) {
	if len(text) < dateLen || text[4] != '-' {
		return p.parseEpoch(text)
	}
	days, err := parseDay(text[:dateLen])
	if err != nil {
		return 0, err
	}
	wall := days * secondsPerDay
	if len(text) == dateLen {
		return p.value(p.zone.unix(wall), 0)
	}
	seconds, nanos, rest, err := parseClock(text[dateLen:])
	if err != nil {
		return 0, err
	}
	wall += seconds
	if len(rest) == 0 {
		return p.value(p.zone.unix(wall), nanos)
	}
	offset, err := parseOffset(rest)
	if err != nil {
		return 0, err
	}
	return p.value(wall-offset, nanos)
}

// parseClock reads the time of day after a date, with what parts it from that,
// and gives the rest of the text.
func parseClock(text []byte) (seconds, nanos int64, rest []byte, err error) {
	const minutesLen, secondsLen = len("T10:30"), len("T10:30:00")
	if len(text) < minutesLen || text[0] != 'T' && text[0] != ' ' || text[3] != ':' {
		return 0, 0, nil, ErrSyntax
	}
	hour, minute, second := twoDigits(text[1], text[2]), twoDigits(text[4], text[5]), uint32(0)
	rest = text[minutesLen:]
	if len(rest) > 0 && rest[0] == ':' {
		if len(text) < secondsLen {
			return 0, 0, nil, ErrSyntax
		}
		second = twoDigits(text[7], text[8])
		rest = text[secondsLen:]
		if len(rest) > 0 && rest[0] == '.' {
			var n int
			nanos, n = scanFraction(rest[1:])
			if n == 0 {
				return 0, 0, nil, ErrSyntax
			}
			rest = rest[1+n:]
		}
	}
	if hour|minute|second >= notDigits {
		return 0, 0, nil, ErrSyntax
	}
	if hour > 23 || minute > 59 || second > 59 {
		return 0, 0, nil, ErrRange
	}
	return int64(hour*3600 + minute*60 + second), nanos, rest, nil
}

// scanFraction reads the digits that text begins with as a fraction of a second,
// and gives their number: 0 if there are none, or more than nine.
func scanFraction(text []byte) (nanos int64, n int) {
	const nanoDigits = 9
	for n < len(text) && text[n]-'0' <= 9 {
		if n == nanoDigits {
			return 0, 0
		}
		nanos = nanos*10 + int64(text[n]-'0')
		n++
	}
	for i := n; i < nanoDigits; i++ {
		nanos *= 10
	}
	return nanos, n
}

// parseOffset reads an offset from UTC, in seconds.
func parseOffset(text []byte) (int64, error) {
	if len(text) == 1 && text[0] == 'Z' {
		return 0, nil
	}
	if text[0] != '+' && text[0] != '-' {
		return 0, ErrSyntax
	}
	var hours, minutes uint32
	switch {
	case len(text) == len("+05:30") && text[3] == ':':
		minutes = twoDigits(text[4], text[5])
	case len(text) == len("+0530"):
		minutes = twoDigits(text[3], text[4])
	case len(text) == len("+05"):
	default:
		return 0, ErrSyntax
	}
	hours = twoDigits(text[1], text[2])
	if hours|minutes >= notDigits {
		return 0, ErrSyntax
	}
	if hours > 23 || minutes > 59 {
		return 0, ErrRange
	}
	offset := int64(hours*3600 + minutes*60)
	if text[0] == '-' {
		offset = -offset
	}
	return offset, nil
}

func (p *timestampParser) parseEpoch(text []byte) (int64, error) {
	abs, negative, err := parseInteger(text)
	if err != nil {
		if point := bytes.IndexByte(text, '.'); point >= 0 {
			return p.parseSeconds(text[:point], text[point+1:])
		}
		return 0, err
	}
	// The least int64 is refused too: it stands for no value in the hands of
	// others.
	if abs > math.MaxInt64 {
		return 0, ErrRange
	}
	v := int64(abs)
	if negative {
		v = -v
	}
	unit := p.epoch
	if p.anyEpoch {
		unit = unitBySize(abs)
	}
	switch unit {
	case arrow.Second:
		return p.value(v, 0)
	case arrow.Millisecond:
		seconds, ms := floorDiv(v, 1e3)
		return p.value(seconds, ms*1e6)
	case arrow.Microsecond:
		seconds, us := floorDiv(v, 1e6)
		return p.value(seconds, us*1e3)
	default:
		return p.value(floorDiv(v, 1e9))
	}
}

// maxSeconds is where numbers without a unit stop to be seconds.
const maxSeconds = 1e10

func unitBySize(abs uint64) arrow.TimeUnit {
	switch {
	case abs < maxSeconds:
		return arrow.Second
	case abs < maxSeconds*1e3:
		return arrow.Millisecond
	case abs < maxSeconds*1e6:
		return arrow.Microsecond
	}
	return arrow.Nanosecond
}

// parseSeconds reads seconds since the epoch that have a fraction.
func (p *timestampParser) parseSeconds(whole, fraction []byte) (int64, error) {
	abs, negative, err := parseInteger(whole)
	if err != nil {
		return 0, err
	}
	nanos, n := scanFraction(fraction)
	if n == 0 || n != len(fraction) || p.epoch != arrow.Second || p.anyEpoch && abs >= maxSeconds {
		return 0, ErrSyntax
	}
	if abs > math.MaxInt64 {
		return 0, ErrRange
	}
	seconds := int64(abs)
	if negative {
		seconds = -seconds
		if nanos > 0 {
			seconds--
			nanos = 1e9 - nanos
		}
	}
	return p.value(seconds, nanos)
}

func floorDiv(v, by int64) (quotient, rest int64) {
	quotient, rest = v/by, v%by
	if rest < 0 {
		quotient--
		rest += by
	}
	return quotient, rest
}

// value is the moment so many seconds after the epoch, and nanos, 0 to 999999999,
// after that, in the column's unit.
func (p *timestampParser) value(seconds, nanos int64) (int64, error) {
	var part int64
	if nanos != 0 {
		part = nanos / p.unitNanos
	}
	if seconds < 0 && part > 0 {
		// Both of one sign, so that the whole seconds don't overflow where
		// the sum wouldn't.
		seconds++
		part -= p.perSecond
	}
	if seconds > p.most || seconds < -p.most {
		return 0, ErrRange
	}
	v := seconds * p.perSecond
	if part > 0 && v > math.MaxInt64-part || part < 0 && v < -math.MaxInt64-part {
		return 0, ErrRange
	}
	return v + part, nil
}
