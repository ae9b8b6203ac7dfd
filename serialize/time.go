package serialize

import (
	"time"
	"unsafe"
)

// CanonicalTime returns the time that decoding gives back for t: the same instant to the nanosecond and the same offset
// from UTC, without the monotonic clock reading and without the zone's name and rules. An offset of zero becomes
// time.UTC. Copies that a memory tier makes of a value use it too, so that every tier returns the same value.
func CanonicalTime(t time.Time) time.Time {
	_, offset := t.Zone()
	t = t.Round(0) // strips the monotonic reading and changes nothing else
	if offset == 0 {
		return t.UTC()
	}
	return t.In(time.FixedZone("", offset))
}

// A time is written as [seconds since 1970, nanoseconds], with the offset in seconds as a third element where it is
// not zero.

func encodeTime(e *encoder, p unsafe.Pointer) error {
	t := (*time.Time)(p)
	_, offset := t.Zone()
	n := uint64(2)
	if offset != 0 {
		n = 3
	}
	e.buf = appendHead(e.buf, majorArray, n)
	e.buf = appendInt(e.buf, t.Unix())
	e.buf = appendHead(e.buf, majorUint, uint64(t.Nanosecond()))
	if offset != 0 {
		e.buf = appendInt(e.buf, int64(offset))
	}
	return nil
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
	t := time.Unix(sec, int64(nsec))
	if n == 2 {
		*(*time.Time)(p) = t.UTC()
		return nil
	}
	offset, err := d.int64()
	if err != nil {
		return err
	}
	if offset == 0 || int64(int(offset)) != offset {
		return d.malformed("a time with an offset of %d seconds", offset)
	}
	*(*time.Time)(p) = t.In(time.FixedZone("", int(offset)))
	return nil
}
