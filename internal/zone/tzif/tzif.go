// Package tzif writes time zone tables (RFC 9636), so that tests can make zones of their own with
// [time.LoadLocationFromTZData].
package tzif

import (
	"bytes"
	"encoding/binary"
)

// A Zone is one local time type: abbreviation, seconds east of UTC, whether it is daylight saving time.
type Zone struct {
	Name   string
	Offset int32
	DST    bool
}

// A Change is an instant, in seconds since 1970, from which on the zone with the index holds.
type Change struct {
	When int64
	Zone int
}

// A Table is a time zone. Rule is what follows the last change, in the form of the environment variable TZ.
type Table struct {
	Zones   []Zone
	Changes []Change
	Rule    string
}

// Bytes returns the table as a file.
func (t Table) Bytes() []byte {
	var b bytes.Buffer
	Table{Zones: t.Zones[:1]}.block(&b, '2', func(int64) {}) // the 32-bit part, which readers of version 2 skip
	t.block(&b, '2', func(when int64) { _ = binary.Write(&b, binary.BigEndian, when) })
	b.WriteString("\n" + t.Rule + "\n")
	return b.Bytes()
}

func (t Table) block(b *bytes.Buffer, version byte, when func(int64)) {
	var names []byte
	b.WriteString("TZif")
	b.WriteByte(version)
	b.Write(make([]byte, 15))
	for _, z := range t.Zones {
		names = append(append(names, z.Name...), 0)
	}
	for _, n := range []int{0, 0, 0, len(t.Changes), len(t.Zones), len(names)} {
		_ = binary.Write(b, binary.BigEndian, uint32(n))
	}
	for _, c := range t.Changes {
		when(c.When)
	}
	for _, c := range t.Changes {
		b.WriteByte(byte(c.Zone))
	}
	at := 0
	for _, z := range t.Zones {
		_ = binary.Write(b, binary.BigEndian, z.Offset)
		dst := byte(0)
		if z.DST {
			dst = 1
		}
		b.Write([]byte{dst, byte(at)})
		at += len(z.Name) + 1
	}
	b.Write(names)
}
