package schema

import (
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// Timestamp is a data column of points in time, kept in the unit given:
// arrow.Second, Millisecond, Microsecond or Nanosecond. What is stored may be
// ISO 8601 text or a bare number since the epoch; without options the column
// has no zone, text without an offset is read as UTC, and the unit of a
// number is told by its size.
func Timestamp(name string, unit arrow.TimeUnit, options ...TimestampOption) Column {
	t := &arrow.TimestampType{Unit: unit}
	c := Column{name: name, kind: KindField, dataType: t}
	for _, set := range options {
		set(t, &c.epoch)
	}
	return c
}

// TimestampOption refines a [Timestamp] column. Of two that say different
// things, the later one counts.
type TimestampOption func(*arrow.TimestampType, *epochUnit)

// TimeZone gives the column a time zone: it becomes part of the Arrow type,
// and text without an offset is read in it. The zone is a name that
// time.LoadLocation knows, such as "Europe/Berlin" or "UTC", or an offset
// such as "+05:00"; "" is no zone. "Local" is an error: it would mean another
// zone on the machine that reads the data.
func TimeZone(zone string) TimestampOption {
	if strings.EqualFold(zone, "UTC") { // as arrow reads it
		zone = "UTC"
	}
	return func(t *arrow.TimestampType, _ *epochUnit) { t.TimeZone = zone }
}

// Epoch fixes the unit in which bare numbers count the time since the epoch:
// arrow.Second, Millisecond, Microsecond or Nanosecond. Nothing is guessed
// from their size then.
func Epoch(unit arrow.TimeUnit) TimestampOption {
	return func(_ *arrow.TimestampType, epoch *epochUnit) { *epoch = epochUnit{unit: unit, fixed: true} }
}

// epochUnit is the unit of bare numbers, if it is fixed.
type epochUnit struct {
	unit  arrow.TimeUnit
	fixed bool
}

const (
	timestampUsage = "timestamp[s|ms|us|ns,ZONE,epoch=s|ms|us|ns]"
	epochPrefix    = "epoch="
)

func checkTimestamp(t *arrow.TimestampType, epoch epochUnit) (reason string) {
	switch {
	case !validUnit(t.Unit):
		return "a timestamp's unit is arrow.Second, Millisecond, Microsecond or Nanosecond"
	case epoch.fixed && !validUnit(epoch.unit):
		return "an epoch's unit is arrow.Second, Millisecond, Microsecond or Nanosecond"
	}
	return checkZone(t.TimeZone)
}

func checkZone(zone string) (reason string) {
	if zone == "" || isOffset(zone) {
		return ""
	}
	switch {
	// Both depend on the machine: the second is a file of the zone database.
	case strings.EqualFold(zone, "Local"), zone == "localtime":
		return fmt.Sprintf("time zone %q means another zone on every machine: name the zone itself", zone)
	case strings.ContainsFunc(zone, notInZone):
		return fmt.Sprintf("time zone %q is neither a name such as Europe/Berlin nor an offset such as +05:00", shorten(zone))
	}
	if _, err := time.LoadLocation(zone); err != nil {
		return fmt.Sprintf("time zone %q can't be loaded (%v): take a name such as Europe/Berlin or an offset such as +05:00; "+
			"on a machine without zone data link the Go package time/tzdata in", shorten(zone), err)
	}
	return ""
}

// isOffset reports whether zone is +HH:MM or -HH:MM, as Arrow writes fixed
// offsets.
func isOffset(zone string) bool {
	if len(zone) != len("+HH:MM") || (zone[0] != '+' && zone[0] != '-') {
		return false
	}
	_, err := time.Parse("15:04", zone[1:])
	return err == nil
}

// notInZone keeps out of zone names what would not survive the text form, and
// what no zone database has.
func notInZone(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("_+-/", r)
}

func parseTimestamp(name string, params []token) (Column, *Error) {
	unit, ok := parseUnit(params[0].text)
	if !ok {
		return Column{}, params[0].errorf(name, "%q isn't a timestamp's unit: write %s", params[0].text, timestampUsage)
	}
	var options []TimestampOption
	var zone, epoch bool
	for _, p := range params[1:] {
		unitName, isEpoch := strings.CutPrefix(p.text, epochPrefix)
		switch {
		case isEpoch && epoch, !isEpoch && zone:
			return Column{}, p.errorf(name, "one zone and one epoch are enough: write %s", timestampUsage)
		case isEpoch:
			unit, ok := parseUnit(unitName)
			if !ok {
				return Column{}, p.errorf(name, "%q isn't an epoch's unit: write %s", unitName, timestampUsage)
			}
			options, epoch = append(options, Epoch(unit)), true
		default:
			option := TimeZone(p.text)
			if reason := Timestamp(name, unit, option).check(); reason != "" {
				return Column{}, p.errorf(name, "%s", reason)
			}
			options, zone = append(options, option), true
		}
	}
	return Timestamp(name, unit, options...), nil
}

func formatTimestamp(c Column) []string {
	t, ok := c.dataType.(*arrow.TimestampType)
	if !ok {
		return nil
	}
	params := []string{t.Unit.String()}
	if t.TimeZone != "" {
		params = append(params, t.TimeZone)
	}
	if c.epoch.fixed {
		params = append(params, epochPrefix+c.epoch.unit.String())
	}
	return params
}

func validUnit(unit arrow.TimeUnit) bool { return unit >= arrow.Second && unit <= arrow.Nanosecond }

func parseUnit(text string) (arrow.TimeUnit, bool) {
	for unit := arrow.Second; unit <= arrow.Nanosecond; unit++ {
		if unit.String() == text {
			return unit, true
		}
	}
	return 0, false
}
