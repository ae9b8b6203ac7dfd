package tiered

import (
	"encoding/binary"

	"github.com/stillwarm/stillwarm/backends"
)

// slotVersion is the version of a key's slot in one tier, as far as it is known: a tier that was not asked, or did not
// answer, has an unknown one.
type slotVersion struct {
	known bool
	v     backends.Version
}

// join makes one version of all tiers'. Where all are known to be empty it is Absent.
func join(vs []slotVersion) backends.Version {
	empty, size := true, 0
	for _, v := range vs {
		empty = empty && v.known && v.v == backends.Absent
		size += 3 + len(v.v)
	}
	if empty {
		return backends.Absent
	}
	b := make([]byte, 0, size)
	for _, v := range vs {
		if !v.known {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(append(b, 1), uint64(len(v.v)))
		b = append(b, v.v...)
	}
	return backends.Version(b)
}

// splitVersion is the reverse of join for n tiers. It reports false for what join did not make.
func splitVersion(v backends.Version, n int) ([]slotVersion, bool) {
	vs := make([]slotVersion, n)
	if v == backends.Absent {
		for i := range vs {
			vs[i].known = true
		}
		return vs, true
	}
	b := []byte(v)
	for i := range vs {
		if len(b) == 0 {
			return nil, false
		}
		known := b[0] == 1
		b = b[1:]
		if !known {
			continue
		}
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return nil, false
		}
		vs[i] = slotVersion{known: true, v: backends.Version(b[n : n+int(size)])}
		b = b[n+int(size):]
	}
	return vs, len(b) == 0
}
