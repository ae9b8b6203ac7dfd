package serialize

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"time"
	"unsafe"
)

// Header is what an entry says besides its payload. Times are wall-clock times; they come back in UTC with their
// nanoseconds.
type Header struct {
	Generation uint64    // the function's generation when the run began
	Created    time.Time // when the run began: what it says may be that old
	FreshUntil time.Time // zero: without end
	Expires    time.Time // zero: never
	RunTime    time.Duration
	Type       [16]byte // fingerprint of the result type
	Codec      byte     // the encoding of the payload: Codec.ID
}

// The layout of an entry, all integers big-endian. docs/internals/format.md describes it field by field. The first 16 bytes keep
// their meaning in every version, so that any version can tell an entry and read its generation.
const (
	magic   = "\xf7SWE"
	version = 2

	offVersion    = 4
	offFlags      = 5
	offCodec      = 6
	offKeyIDSize  = 7
	offGeneration = 8
	offCreated    = 16
	offFreshUntil = 28
	offExpires    = 40
	offRunTime    = 52
	offRawSize    = 60
	offType       = 68
	offAddress    = 84
	offStoredSize = 100
	headerSize    = 108 // the key id follows, then the stored payload, then the checksum

	offFixed     = 16 // the part that no version changes ends here
	checksumSize = 4
)

const (
	flagCompressed = 1 << 0
	flagSealed     = 1 << 1
	knownFlags     = flagCompressed | flagSealed
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// PeekGeneration returns the generation that an entry carries, without opening it or checking the rest; false where the
// bytes are no entry. It reads entries of later versions too.
func PeekGeneration(entry []byte) (uint64, bool) {
	if len(entry) < offFixed || string(entry[:len(magic)]) != magic {
		return 0, false
	}
	return binary.BigEndian.Uint64(entry[offGeneration:]), true
}

// envelope is an entry taken apart; the slices belong to the entry.
type envelope struct {
	header  Header
	flags   byte
	rawSize uint64
	address []byte // digest
	clear   []byte // header and key id: what the seal binds besides the address
	keyID   string
	stored  []byte
}

// addressDigest is what an entry keeps of its address: enough to tell a misplaced entry, in a fixed size.
func addressDigest(address string) (digest [16]byte) {
	sum := sha256.Sum256(unsafe.Slice(unsafe.StringData(address), len(address))) // a conversion would copy it to the heap
	copy(digest[:], sum[:])
	return digest
}

// appendHeader appends the clear header and the key id of an entry to dst, whose stored payload will have the given size.
func appendHeader(dst []byte, env *envelope, address string, stored int) []byte {
	h := &env.header
	dst = append(dst, magic...)
	dst = append(dst, version, env.flags, h.Codec, byte(len(env.keyID)))
	dst = binary.BigEndian.AppendUint64(dst, h.Generation)
	dst = appendInstant(dst, h.Created)
	dst = appendInstant(dst, h.FreshUntil)
	dst = appendInstant(dst, h.Expires)
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.RunTime))
	dst = binary.BigEndian.AppendUint64(dst, env.rawSize)
	dst = append(dst, h.Type[:]...)
	digest := addressDigest(address)
	dst = append(dst, digest[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(stored))
	return append(dst, env.keyID...)
}

// appendChecksum appends the checksum of what dst holds since start.
func appendChecksum(dst []byte, start int) []byte {
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// parse takes an entry apart into env and checks everything that needs neither a key nor the address.
func (env *envelope) parse(entry []byte) error {
	if len(entry) < len(magic) || string(entry[:len(magic)]) != magic {
		return refuse(NotAnEntry, "%d bytes that begin otherwise", len(entry))
	}
	if len(entry) > offVersion && entry[offVersion] != version {
		return refuse(OtherVersion, "version %d, this code knows %d", entry[offVersion], version)
	}
	if len(entry) < headerSize {
		return refuse(Truncated, "%d bytes, less than a header", len(entry))
	}
	env.flags, env.rawSize = entry[offFlags], binary.BigEndian.Uint64(entry[offRawSize:])
	storedSize := binary.BigEndian.Uint64(entry[offStoredSize:])
	clear := headerSize + int(entry[offKeyIDSize])
	room := len(entry) - clear - checksumSize
	switch {
	case room < 0 || storedSize > uint64(room):
		return refuse(Truncated, "%d bytes, a payload of %d bytes claimed", len(entry), storedSize)
	case storedSize < uint64(room):
		return refuse(Inconsistent, "%d bytes after the end", uint64(room)-storedSize)
	}
	end := len(entry) - checksumSize
	if got, want := crc32.Checksum(entry[:end], castagnoli), binary.BigEndian.Uint32(entry[end:]); got != want {
		return refuse(BadChecksum, "%08x, %08x stored", got, want)
	}
	if env.flags&^knownFlags != 0 {
		return refuse(Inconsistent, "flags %#02x", env.flags)
	}
	env.clear, env.stored = entry[:clear:clear], entry[clear:end:end]
	env.keyID = string(entry[headerSize:clear])
	env.address = entry[offAddress : offAddress+16]
	return parseHeader(entry, &env.header)
}

func parseHeader(entry []byte, h *Header) error {
	h.Generation = binary.BigEndian.Uint64(entry[offGeneration:])
	h.Codec = entry[offCodec]
	h.RunTime = time.Duration(binary.BigEndian.Uint64(entry[offRunTime:]))
	copy(h.Type[:], entry[offType:])
	for _, t := range []struct {
		to *time.Time
		at int
	}{{&h.Created, offCreated}, {&h.FreshUntil, offFreshUntil}, {&h.Expires, offExpires}} {
		var ok bool
		if *t.to, ok = instant(entry[t.at:]); !ok {
			return refuse(Inconsistent, "a time with more than a second of nanoseconds")
		}
	}
	return nil
}

// An instant is its seconds since 1970 and its nanoseconds: all times that Go has, the zero time among them.

func appendInstant(dst []byte, t time.Time) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.Unix()))
	return binary.BigEndian.AppendUint32(dst, uint32(t.Nanosecond()))
}

func instant(b []byte) (time.Time, bool) {
	sec, nsec := int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:])
	return time.Unix(sec, int64(nsec)).UTC(), nsec < 1e9
}
