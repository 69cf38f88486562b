package schema

import "github.com/apache/arrow-go/v18/arrow"

// Key is a metadata column with the name of the key as utf8, not null. A key
// that isn't valid UTF-8 is a conversion failure; for those take [BinaryKey].
func Key(name string) Column {
	return Column{name: name, kind: KindKey, dataType: arrow.BinaryTypes.String}
}

// BinaryKey is a metadata column with the name of the key as binary, not
// null, for keys of any bytes. Its kind is KindKey, as that of [Key]: a
// schema has one of the two at most.
func BinaryKey(name string) Column {
	return Column{name: name, kind: KindKey, dataType: arrow.BinaryTypes.Binary}
}

// TTL is a metadata column with the time that the key has left, in
// arrow.Second or arrow.Millisecond (other units are an error), as int64, not
// null; -1 for a key that doesn't expire. It costs a command a key.
func TTL(name string, unit arrow.TimeUnit) Column {
	return Column{name: name, kind: KindTTL, dataType: arrow.PrimitiveTypes.Int64, ttlUnit: unit}
}

// ExpiresAt is a metadata column with the time at which the key expires, as
// timestamp[ms, tz=UTC]; null for a key that doesn't expire. It costs a
// command a key.
func ExpiresAt(name string) Column {
	return Column{name: name, kind: KindExpiresAt, dataType: arrow.FixedWidthTypes.Timestamp_ms}
}

// Index is a metadata column that numbers the rows of one reader 0, 1, 2 and
// so on, as uint64, not null.
func Index(name string) Column {
	return Column{name: name, kind: KindIndex, dataType: arrow.PrimitiveTypes.Uint64}
}

const ttlUsage = "ttl[s|ms]"

func checkTTL(unit arrow.TimeUnit) (reason string) {
	if unit != arrow.Second && unit != arrow.Millisecond {
		return "a TTL counts seconds or milliseconds: take arrow.Second (s) or arrow.Millisecond (ms)"
	}
	return ""
}

func parseTTL(name string, params []token) (Column, *Error) {
	if len(params) > 1 {
		return Column{}, params[1].errorf(name, "one unit is enough: write %s", ttlUsage)
	}
	unit, ok := parseUnit(params[0].text)
	if !ok || checkTTL(unit) != "" {
		return Column{}, params[0].errorf(name, "%q isn't a unit of a TTL: write %s", params[0].text, ttlUsage)
	}
	return TTL(name, unit), nil
}

func formatTTL(c Column) []string { return []string{c.ttlUnit.String()} }
