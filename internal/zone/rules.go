package zone

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"reflect"
	"sync"
	"time"
)

// horizon is until when changes are listed one by one. Tables of the time zone database list them to 2037 at most; what
// follows is in a rule that they end with, which is part of the digest as it is written.
var horizon = time.Date(2038, 1, 1, 0, 0, 0, 0, time.UTC)

// dawn is before every table of the time zone database ends. A rule that begins before it is not followed year by year.
var dawn = time.Date(1800, 1, 1, 0, 0, 0, 0, time.UTC)

// farHorizon is until when changes are listed in a release of Go whose locations do not show that rule. A rule repeats with
// the calendar, every 400 years.
var farHorizon = time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC)

// digest describes loc completely.
func digest(loc *time.Location) Rules {
	var b []byte
	switch raw, ok := rawOf(loc); {
	case !ok:
		b = appendChanges([]byte{'l'}, loc, yearOne, farHorizon)
	case !raw.usual():
		b = raw.append([]byte{'r'})
	default:
		b = appendText(appendChanges([]byte{'c'}, loc, time.Unix(math.MinInt64, 0), horizon), raw.extend)
	}
	sum := sha256.Sum256(b)
	return Rules(sum[:16])
}

// appendChanges lists what loc says between two instants, each time it says something new.
func appendChanges(b []byte, loc *time.Location, from, until time.Time) []byte {
	t := from.In(loc)
	b = appendSaid(b, t)
	for said := t; t.Before(until); {
		_, end := t.ZoneBounds()
		switch {
		case end.IsZero() && t.Before(yearOne):
			end = yearOne.In(loc) // no bound, or one at that very second
		case end.IsZero():
			return b
		case !end.After(t):
			// By a rule the last day of a leap year begins where it ends. Nothing changes on it.
			end = t.Add(24 * time.Hour)
		}
		if t = end; !agree(said, t) && t.Before(until) {
			b, said = appendSaid(b, t), t
		}
	}
	return b
}

func appendSaid(b []byte, t time.Time) []byte {
	name, offset := t.Zone()
	b = binary.LittleEndian.AppendUint64(b, uint64(t.Unix()))
	b = binary.LittleEndian.AppendUint64(b, uint64(offset))
	if t.IsDST() {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	return appendText(b, name)
}

func appendText(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// raw is what a location holds in fields of its own.
type raw struct {
	zones, changes reflect.Value
	extend         string
	ordered        bool  // by time
	last           int64 // the last change that is listed
}

// usual reports whether the table is such as the time zone database has.
func (r raw) usual() bool {
	return r.ordered && r.last < horizon.Unix() && (r.extend == "" || r.last >= dawn.Unix())
}

// fields are where time.Location keeps its table, nil in a release of Go that keeps it otherwise.
var fields = sync.OnceValue(func() map[string]int {
	t := reflect.TypeFor[time.Location]()
	found := map[string]int{}
	for name, want := range map[string]reflect.Kind{"zone": reflect.Slice, "tx": reflect.Slice, "extend": reflect.String} {
		f, ok := t.FieldByName(name)
		if !ok || f.Type.Kind() != want {
			return nil
		}
		found[name] = f.Index[0]
	}
	change := t.Field(found["tx"]).Type.Elem()
	zone := t.Field(found["zone"]).Type.Elem()
	for _, need := range []struct {
		t    reflect.Type
		name string
		kind reflect.Kind
	}{
		{change, "when", reflect.Int64}, {change, "index", reflect.Uint8},
		{zone, "name", reflect.String}, {zone, "offset", reflect.Int}, {zone, "isDST", reflect.Bool},
	} {
		if need.t.Kind() != reflect.Struct {
			return nil
		}
		if f, ok := need.t.FieldByName(need.name); !ok || f.Type.Kind() != need.kind {
			return nil
		}
	}
	return found
})

func rawOf(loc *time.Location) (raw, bool) {
	at := fields()
	if at == nil {
		return raw{}, false
	}
	_ = loc.String() // reads the local zone in, if that is the one
	v := reflect.ValueOf(loc).Elem()
	r := raw{zones: v.Field(at["zone"]), changes: v.Field(at["tx"]), extend: v.Field(at["extend"]).String(), ordered: true, last: math.MinInt64}
	for i := range r.changes.Len() {
		when := r.changes.Index(i).FieldByName("when").Int()
		if r.ordered = r.ordered && (i == 0 || when > r.last); when > r.last {
			r.last = when
		}
	}
	return r, true
}

// append writes the table as it is. It is for tables that no time zone database has; so it does not matter that two of them
// may say the same in different ways.
func (r raw) append(b []byte) []byte {
	for i := range r.zones.Len() {
		z := r.zones.Index(i)
		b = appendText(b, z.FieldByName("name").String())
		b = binary.LittleEndian.AppendUint64(b, uint64(z.FieldByName("offset").Int()))
		if z.FieldByName("isDST").Bool() {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(r.changes.Len()))
	for i := range r.changes.Len() {
		c := r.changes.Index(i)
		b = binary.LittleEndian.AppendUint64(b, uint64(c.FieldByName("when").Int()))
		b = append(b, byte(c.FieldByName("index").Uint()))
	}
	return appendText(b, r.extend)
}
