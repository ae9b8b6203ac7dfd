package disk

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/internal/version"
)

// A slot's file, big-endian:
//
//	0   4  magic "SWd2"
//	4   1  kind
//	5   24 version
//	29  8  expires, microseconds since 1970; 0: does not expire
//	37  4  length of the address
//	41  8  length of the content
//	49  4  CRC-32C of the address and the content
//	53  4  CRC-32C of the 53 bytes before
//	57     address (framed namespace, name and key), then the content
const (
	magic      = "SWd2"
	headerSize = 57
)

// kind says what a file holds.
type kind byte

const (
	kindEntry     kind = 'e'
	kindTombstone kind = 't' // no content
	kindLease     kind = 'l' // see lease.go
	kindMark      kind = 'm'
	kindRecord    kind = 'r' // when it was written, 8 bytes as in the header, then the value
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errCorrupt = errors.New("not an entry, or a damaged one")
)

type header struct {
	kind       kind
	version    backends.Version
	expires    time.Time
	addressLen int64
	contentLen int64
	sum        uint32
}

func (h header) fileSize() int64 { return headerSize + h.addressLen + h.contentLen }

func (h header) expired(now time.Time) bool { return !h.expires.IsZero() && !now.Before(h.expires) }

// encodeHeader returns the header and the address of a file with a version of its own.
func encodeHeader(k kind, v backends.Version, expires time.Time, address, content []byte) []byte {
	b := make([]byte, 0, headerSize+len(address))
	b = append(b, magic...)
	b = append(b, byte(k))
	b = append(b, v...)
	b = binary.BigEndian.AppendUint64(b, uint64(stamp(expires)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(address)))
	b = binary.BigEndian.AppendUint64(b, uint64(len(content)))
	b = binary.BigEndian.AppendUint32(b, crc32.Update(crc32.Checksum(address, castagnoli), castagnoli, content))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return append(b, address...)
}

// decodeHeader checks the header against the file's size before anybody allocates what it claims.
func decodeHeader(b []byte, fileSize int64) (header, error) {
	const sumAt = headerSize - 4
	if len(b) < headerSize || string(b[:4]) != magic ||
		binary.BigEndian.Uint32(b[sumAt:]) != crc32.Checksum(b[:sumAt], castagnoli) {
		return header{}, errCorrupt
	}
	b = b[4:]
	h := header{
		kind:       kind(b[0]),
		version:    backends.Version(b[1 : 1+version.Size]),
		expires:    unstamp(int64(binary.BigEndian.Uint64(b[25:]))),
		addressLen: int64(binary.BigEndian.Uint32(b[33:])),
		contentLen: int64(binary.BigEndian.Uint64(b[37:])),
		sum:        binary.BigEndian.Uint32(b[45:]),
	}
	if h.contentLen < 0 || h.contentLen > fileSize || h.fileSize() != fileSize {
		return header{}, errCorrupt
	}
	return h, nil
}

// stamp counts microseconds, which reach far beyond the years that nanoseconds can count.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	if us := t.UnixMicro(); us != 0 {
		return us
	}
	return -1
}

func unstamp(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us)
}
