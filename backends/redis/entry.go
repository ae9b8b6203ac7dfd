package redis

import (
	"encoding/binary"
	"time"
)

// An entry's string ends in a trailer: the key where its tag is a hash, then expiry in milliseconds since 1970 (8 bytes,
// 0 means never), the key's length (4 bytes), both big-endian, and the version of this format (1 byte). It comes last
// so that the entry is the beginning of what was read, and nothing has to be moved.
const (
	trailerSize    = 8 + 4 + 1
	trailerVersion = 1
)

// encodeEntry returns entry and trailer in a slice of their own. key is empty where the tag tells it.
func encodeEntry(entry []byte, key string, expires time.Time) []byte {
	b := make([]byte, 0, len(entry)+len(key)+trailerSize)
	b = append(b, entry...)
	b = append(b, key...)
	b = binary.BigEndian.AppendUint64(b, uint64(expiryMillis(expires)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(key)))
	return append(b, trailerVersion)
}

// decodeEntry splits what was stored. The entry and the key are parts of b. It reports false for what encodeEntry did
// not write: a reader takes that for a miss.
func decodeEntry(b []byte) (entry, key []byte, expires time.Time, ok bool) {
	n := len(b) - trailerSize
	if n < 0 || b[len(b)-1] != trailerVersion {
		return nil, nil, time.Time{}, false
	}
	keyLen := int64(binary.BigEndian.Uint32(b[n+8:]))
	if keyLen > int64(n) {
		return nil, nil, time.Time{}, false
	}
	if ms := int64(binary.BigEndian.Uint64(b[n:])); ms != 0 {
		expires = time.UnixMilli(ms)
	}
	split := n - int(keyLen)
	return b[:split:split], b[split:n:n], expires, true
}

// expiryMillis returns the time in whole milliseconds, rounded down so that nothing is returned too late, and 0 for
// the zero time. An instant in the first millisecond of 1970 or before is as expired as the one after it.
func expiryMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(1, t.UnixMilli())
}
