// Package zone tells time zones apart by what they say, and names them so that another process can load them again.
//
// A [time.Location] has a name, but the name does not identify it: a program can load a zone from bytes of its own, call two
// fixed zones by one name, or run beside another version of the time zone database. Two locations are the same zone here if
// they have the same name and the same [Rules]: offset, abbreviation and daylight saving time agree at every instant.
package zone

import (
	"time"
)

// Rules is a digest of what a location says about every instant. Locations with different rules disagree at some instant.
// The same zone read from a table that lists more or fewer of the changes that its final rule implies has the same rules.
type Rules [16]byte

// RulesOf returns the rules of loc. They are computed once for each location, which takes some tenths of a millisecond, and
// remembered for a bounded number of locations. It is safe for concurrent use.
func RulesOf(loc *time.Location) Rules { return recall(loc).rules }

// Constant returns the abbreviation, the offset in seconds and the daylight saving flag of t's zone if they are the same at
// every instant, as they are in UTC and in what [time.FixedZone] makes. It allocates nothing.
func Constant(t time.Time) (abbreviation string, offset int, dst, ok bool) {
	start, end := t.ZoneBounds()
	if !start.IsZero() || !end.IsZero() || changesInYearOne(t.Location()) {
		return "", 0, false, false
	}
	abbreviation, offset = t.Zone()
	return abbreviation, offset, t.IsDST(), true
}

// yearOne is the zero time. ZoneBounds returns it for "no bound", so a change at that very second has to be looked for.
var yearOne = time.Time{}

func changesInYearOne(loc *time.Location) bool {
	return !agree(yearOne.Add(-1).In(loc), yearOne.In(loc))
}

func agree(a, b time.Time) bool {
	nameA, offsetA := a.Zone()
	nameB, offsetB := b.Zone()
	return nameA == nameB && offsetA == offsetB && a.IsDST() == b.IsDST()
}

// Same reports whether a and b are the same zone: equal names, and equal rules.
func Same(a, b *time.Location) bool {
	return a == b || a.String() == b.String() && RulesOf(a) == RulesOf(b)
}

// Equal reports whether a and b are the same time as far as a copy keeps it: the same instant in the same zone. It ignores
// monotonic clock readings.
func Equal(a, b time.Time) bool { return a.Equal(b) && Same(a.Location(), b.Location()) }
