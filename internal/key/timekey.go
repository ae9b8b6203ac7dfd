package key

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// How a time's zone is written.
const (
	zoneUTC   = 0
	zoneNamed = 1 // offset, abbreviation, name of the location
	zoneLocal = 2 // likewise, and the rules of the local zone
)

// appendTime encodes the instant and the zone. The location's name alone does not do: two fixed zones may share it. Nor
// do offset and abbreviation: Paris and Berlin have both in common, and yet a date in them may lead elsewhere.
func appendTime(dst []byte, t time.Time) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.Unix()))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(t.Nanosecond()))
	loc := t.Location()
	if loc == time.UTC {
		return append(dst, zoneUTC)
	}
	zone := byte(zoneNamed)
	if loc == time.Local {
		zone = zoneLocal
	}
	abbreviation, offset := t.Zone()
	dst = append(dst, zone)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(int32(offset)))
	dst = appendText(dst, abbreviation)
	dst = appendText(dst, loc.String())
	if zone == zoneLocal {
		rules := localRules(loc)
		dst = append(dst, rules[:]...)
	}
	return dst
}

var local struct {
	sync.Mutex
	of    *time.Location
	rules [16]byte
}

// localRules returns a digest of the local zone's rules. "Local" is the one name that means another zone on another
// machine, so the name is replaced by what it does: abbreviation and offset at the start of each month of 150 years.
func localRules(loc *time.Location) [16]byte {
	local.Lock()
	defer local.Unlock()
	if local.of == loc {
		return local.rules
	}
	var b []byte
	for month := range 150 * 12 {
		name, offset := time.Date(1950, time.Month(1+month), 1, 0, 0, 0, 0, time.UTC).In(loc).Zone()
		b = binary.LittleEndian.AppendUint32(appendText(b, name), uint32(int32(offset)))
	}
	sum := sha256.Sum256(b)
	local.of, local.rules = loc, [16]byte(sum[:16])
	return local.rules
}
