package convert

import (
	"math"
	"time"
)

// zone turns wall clock time into UTC. It remembers the last stretch of time
// between two changes of the clock, because the next cell mostly lies in it too,
// and a lookup costs more than all the parsing.
type zone struct {
	loc *time.Location // nil is UTC

	// From start to before end, in seconds since the epoch, the clock is
	// offset seconds ahead of UTC. Empty at first.
	start, end, offset int64
}

func newZone(loc *time.Location) zone {
	if loc == time.UTC {
		loc = nil
	}
	return zone{loc: loc}
}

// unix gives the seconds since the epoch at which the clock shows wall, itself
// in seconds as if it were UTC. Times that the clock skips or shows twice come
// out as with time.Date.
func (z *zone) unix(wall int64) int64 {
	if z.loc == nil {
		return wall
	}
	// time.Date takes the offset at wall as if that were UTC, and looks no
	// further if it is in force at the result as well.
	if utc := wall - z.offset; wall >= z.start && wall < z.end && utc >= z.start && utc < z.end {
		return utc
	}
	return z.lookup(wall)
}

func (z *zone) lookup(wall int64) int64 {
	t := time.Date(1970, 1, 1+int(wall/secondsPerDay), 0, 0, int(wall%secondsPerDay), 0, z.loc)
	_, offset := t.Zone()
	z.offset, z.start, z.end = int64(offset), math.MinInt64, math.MaxInt64
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		z.start = start.Unix()
	}
	if !end.IsZero() {
		z.end = end.Unix()
	}
	return t.Unix()
}
