package disk

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// An entry's file, big-endian:
//
//	0   4  magic "SWd1"
//	4   8  expires, microseconds since 1970; 0: does not expire
//	12  4  length of the address
//	16  8  length of the entry
//	24  4  CRC-32C of the address and the entry
//	28  4  CRC-32C of the 28 bytes before
//	32     address (framed namespace, name and key), then the entry
const (
	magic      = "SWd1"
	headerSize = 32
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errCorrupt = errors.New("not an entry, or a damaged one")
)

type header struct {
	expires    time.Time
	addressLen int64
	entryLen   int64
	sum        uint32
}

func (h header) fileSize() int64 { return headerSize + h.addressLen + h.entryLen }

func (h header) expired(now time.Time) bool { return !h.expires.IsZero() && !now.Before(h.expires) }

func encodeHeader(expires time.Time, address, entry []byte) []byte {
	b := make([]byte, 0, headerSize+len(address))
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint64(b, uint64(stamp(expires)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(address)))
	b = binary.BigEndian.AppendUint64(b, uint64(len(entry)))
	b = binary.BigEndian.AppendUint32(b, crc32.Update(crc32.Checksum(address, castagnoli), castagnoli, entry))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return append(b, address...)
}

// decodeHeader checks the header against the file's size before anybody allocates what it claims.
func decodeHeader(b []byte, fileSize int64) (header, error) {
	if len(b) < headerSize || string(b[:4]) != magic ||
		binary.BigEndian.Uint32(b[28:]) != crc32.Checksum(b[:28], castagnoli) {
		return header{}, errCorrupt
	}
	h := header{
		expires:    unstamp(int64(binary.BigEndian.Uint64(b[4:]))),
		addressLen: int64(binary.BigEndian.Uint32(b[12:])),
		entryLen:   int64(binary.BigEndian.Uint64(b[16:])),
		sum:        binary.BigEndian.Uint32(b[24:]),
	}
	if h.entryLen < 0 || h.entryLen > fileSize || h.fileSize() != fileSize {
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
