// Package version makes the versions of slots and records for stores that keep them beside the bytes.
package version

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// Size is the length of a version in bytes.
const Size = idSize + 8

// idSize is 128 random bits: two of them never meet in the life of a slot.
const idSize = 16

// New returns a version that no other call returns. It holds the expiry of what it stands for, so that a store whose
// server drops what has expired can tell that from a removal: see [Lapsed].
func New(expires time.Time) backends.Version {
	var b [Size]byte
	_, _ = rand.Read(b[:idSize]) // documented never to fail
	binary.BigEndian.PutUint64(b[idSize:], uint64(Millis(expires)))
	return backends.Version(b[:])
}

// Expires returns the expiry that New was given, in whole milliseconds; the zero time: never, or v is not one of ours.
func Expires(v backends.Version) time.Time {
	if len(v) != Size {
		return time.Time{}
	}
	return Time(int64(binary.BigEndian.Uint64([]byte(v[idSize:]))))
}

// slack is how far the clocks of a writer, a server and a reader may disagree on when an entry expired.
const slack = 5 * time.Second

// Lapsed reports whether what had the version may have expired by now, so that an empty slot is what has become of it and
// not a sign of another writer.
func Lapsed(v backends.Version, now time.Time) bool {
	e := Expires(v)
	return !e.IsZero() && now.Add(slack).After(e)
}

// Millis returns the time in whole milliseconds since 1970, rounded down so that nothing is returned too late, and 0 for
// the zero time. An instant in the first millisecond of 1970 or before is as expired as the one after it.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(1, t.UnixMilli())
}

// Time is the reverse of Millis.
func Time(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
