package serialize

import (
	"time"
	"unsafe"

	"github.com/stillwarm/stillwarm/internal/zone"
)

// A time is written as [seconds since 1970, nanoseconds], with its zone as a third element where that is not UTC: the number of
// one that stood with an earlier time of the value, or what it takes to make it again (see zone.Ref). The monotonic clock
// reading is not written.

func encodeTime(e *encoder, p unsafe.Pointer) error {
	t := (*time.Time)(p)
	loc := t.Location()
	if loc == time.UTC {
		e.buf = appendInstantItem(e.buf, t, 2)
		return nil
	}
	n, known, err := e.zone(loc)
	if err != nil {
		return err
	}
	e.buf = appendInstantItem(e.buf, t, 3)
	if known {
		e.buf = appendHead(e.buf, majorUint, uint64(n))
		return nil
	}
	ref := e.zones[n].ref
	e.buf = appendHead(e.buf, majorArray, 3)
	e.buf = appendHead(e.buf, majorUint, uint64(ref.Kind))
	e.buf = appendString(e.buf, ref.Name)
	if ref.Kind == zone.Fixed {
		e.buf = appendInt(e.buf, ref.Offset)
		return nil
	}
	e.buf = append(appendHead(e.buf, majorBytes, uint64(len(ref.Rules))), ref.Rules[:]...)
	return nil
}

// zone returns the number of the location, and whether it stood with an earlier time.
func (e *encoder) zone(loc *time.Location) (n int, known bool, err error) {
	for i := range e.zones {
		if e.zones[i].loc == loc {
			return i, true, nil
		}
	}
	ref := zone.RefOf(loc)
	for i := range e.zones {
		if e.zones[i].ref == ref {
			return i, true, nil
		}
	}
	if len(e.zones) == maxZones || !zone.Restorable(loc) {
		return 0, false, ErrZone
	}
	e.zones = append(e.zones, zoneUse{loc, ref})
	return len(e.zones) - 1, false, nil
}

func appendInstantItem(b []byte, t *time.Time, elements uint64) []byte {
	b = appendInt(appendHead(b, majorArray, elements), t.Unix())
	return appendHead(b, majorUint, uint64(t.Nanosecond()))
}

func decodeTime(d *decoder, p unsafe.Pointer) error {
	n, err := d.expect(majorArray)
	if err != nil {
		return err
	}
	if n != 2 && n != 3 {
		return d.malformed("a time of %d elements", n)
	}
	sec, err := d.int64()
	if err != nil {
		return err
	}
	nsec, err := d.expect(majorUint)
	if err != nil {
		return err
	}
	if nsec >= 1e9 {
		return d.malformed("a time with %d nanoseconds", nsec)
	}
	loc := time.UTC
	if n == 3 {
		if loc, err = d.zone(); err != nil {
			return err
		}
	}
	*(*time.Time)(p) = time.Unix(sec, int64(nsec)).In(loc)
	return nil
}

// zoneSize is what a location is charged with, about, and maxZones how many of them one value may name.
const (
	zoneSize = 1 << 10
	maxZones = 1 << 10
)

// zone reads the zone of a time. One zone of a value is one location, so that times that were equal are equal.
func (d *decoder) zone() (*time.Location, error) {
	if d.left() > 0 && d.data[d.off]>>5 == majorUint {
		n, err := d.expect(majorUint)
		if err != nil || n >= uint64(len(d.zones)) {
			return nil, d.malformed("a zone with the number %d", n)
		}
		return d.zones[n], nil
	}
	var ref zone.Ref
	if n, err := d.expect(majorArray); err != nil || n != 3 || len(d.zones) >= maxZones {
		return nil, d.malformed("no zone")
	}
	kind, err := d.expect(majorUint)
	if err != nil {
		return nil, err
	}
	if ref.Name, err = d.string(); err != nil {
		return nil, err
	}
	switch ref.Kind = zone.Kind(kind); {
	case kind == uint64(zone.Fixed):
		ref.Offset, err = d.int64()
	case kind == uint64(zone.Named), kind == uint64(zone.Local):
		var rules []byte
		if rules, err = d.bytes(); err == nil && copy(ref.Rules[:], rules) != len(rules) {
			err = d.malformed("rules of %d bytes", len(rules))
		}
	default:
		err = d.malformed("a zone of kind %d", kind)
	}
	if err == nil {
		err = d.spend(zoneSize)
	}
	if err != nil {
		return nil, err
	}
	loc, err := ref.Location()
	if err == nil {
		d.zones = append(d.zones, loc)
	}
	return loc, err
}
