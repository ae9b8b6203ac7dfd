package key

import (
	"encoding/binary"
	"time"

	"github.com/stillwarm/stillwarm/internal/zone"
)

// How a time's zone is written.
const (
	zoneUTC      = 0
	zoneConstant = 1 // name, abbreviation, offset, daylight saving time
	zoneChanging = 2 // name, digest of the rules
)

// appendTime encodes the instant and the zone. The location's name alone does not do: two fixed zones may share it, and a zone
// may be read from anywhere. Nor do offset and abbreviation: Paris and Berlin have both in common, and yet a date in them
// may lead elsewhere.
func appendTime(dst []byte, t time.Time) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.Unix()))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(t.Nanosecond()))
	return appendLocation(dst, t)
}

// appendLocation encodes the location of t.
func appendLocation(dst []byte, t time.Time) []byte {
	loc := t.Location()
	if loc == time.UTC {
		return append(dst, zoneUTC)
	}
	abbreviation, offset, dst1, ok := zone.Constant(t)
	if !ok {
		rules := zone.RulesOf(loc)
		return append(appendText(append(dst, zoneChanging), loc.String()), rules[:]...)
	}
	dst = appendText(appendText(append(dst, zoneConstant), loc.String()), abbreviation)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(offset))
	if dst1 {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// appendZone encodes the time.Location at p.
func appendZone(dst []byte, o *op, p ptr) []byte {
	loc := valueAt(o.full.typ, p).Addr().Interface().(*time.Location)
	return appendLocation(dst, time.Time{}.In(loc))
}
