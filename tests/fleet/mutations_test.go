package fleet_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
)

// The layout of an entry; docs/internals/format.md describes it.
const (
	offFlags      = 5
	offGeneration = 8
	offCreated    = 16
	offRunTime    = 52
	offRawSize    = 60
	offStoredSize = 100
	headerSize    = 108
	checksumSize  = 4
)

// victim is an entry that is about to be replaced by a hostile one.
type victim struct {
	entry    []byte // what the library wrote
	other    []byte // the entry of another key
	function []byte // another function's entry of the same argument
	cleared  []byte // its entry from before a Clear, with another result
}

// A mutation makes a hostile entry. It may change what it gets.
type mutation struct {
	name string
	// sealedOnly marks what nothing but a seal protects from: whoever can write to the store and computes the
	// checksum anew can say anything there; see docs/internals/format.md.
	sealedOnly bool
	// harmless marks mutations after which an unsealed entry may be of use: its result is untouched.
	harmless bool
	make     func(r *rand.Rand, v victim) []byte
}

var mutations = []mutation{
	{name: "one bit flipped", make: func(r *rand.Rand, v victim) []byte { return flip(r, v.entry, 1) }},
	{name: "several bytes changed", make: func(r *rand.Rand, v victim) []byte {
		for range 2 + r.IntN(20) {
			v.entry[r.IntN(len(v.entry))] ^= byte(1 + r.IntN(255))
		}
		return v.entry
	}},
	{name: "truncated", make: func(r *rand.Rand, v victim) []byte { return v.entry[:r.IntN(len(v.entry))] }},
	{name: "beginning cut off", make: func(r *rand.Rand, v victim) []byte { return v.entry[1+r.IntN(len(v.entry)-1):] }},
	{name: "bytes appended", make: func(r *rand.Rand, v victim) []byte { return append(v.entry, noise(r, 1+r.IntN(64))...) }},
	{name: "twice in a row", make: func(_ *rand.Rand, v victim) []byte { return append(v.entry, v.entry...) }},
	{name: "swapped with another key's", make: func(_ *rand.Rand, v victim) []byte { return v.other }},
	{name: "another function's", make: func(_ *rand.Rand, v victim) []byte { return v.function }},
	{name: "replayed from before a Clear", make: func(_ *rand.Rand, v victim) []byte { return v.cleared }},
	{name: "replayed, with the current generation", sealedOnly: true, make: func(_ *rand.Rand, v victim) []byte {
		copy(v.cleared[offGeneration:], v.entry[offGeneration:offGeneration+8])
		return checked(v.cleared)
	}},
	{name: "payload of another key", sealedOnly: true, make: func(_ *rand.Rand, v victim) []byte {
		forged := append(bytes.Clone(v.entry[:headerSize]), v.other[headerSize:]...)
		copy(forged[offRawSize:], v.other[offRawSize:offRawSize+8])
		copy(forged[offStoredSize:], v.other[offStoredSize:offStoredSize+8])
		forged[offFlags] = v.other[offFlags]
		return checked(forged)
	}},
	{name: "header changed, checksum right", harmless: true, make: func(r *rand.Rand, v victim) []byte {
		v.entry[r.IntN(headerSize)] ^= byte(1 + r.IntN(255))
		return checked(v.entry)
	}},
	{name: "times at their extremes, checksum right", harmless: true, make: func(r *rand.Rand, v victim) []byte {
		for i := range 3 {
			binary.BigEndian.PutUint64(v.entry[offCreated+12*i:], extreme(r))
			binary.BigEndian.PutUint32(v.entry[offCreated+12*i+8:], uint32(r.IntN(1e9)))
		}
		return checked(v.entry)
	}},
	{name: "run time at its extremes, checksum right", harmless: true, make: func(r *rand.Rand, v victim) []byte {
		binary.BigEndian.PutUint64(v.entry[offRunTime:], extreme(r))
		return checked(v.entry)
	}},
	{name: "10 GB claimed", make: func(r *rand.Rand, v victim) []byte {
		at := []int{offRawSize, offStoredSize}[r.IntN(2)]
		binary.BigEndian.PutUint64(v.entry[at:], []uint64{10 << 30, 1 << 62, math.MaxUint64, 500 << 20}[r.IntN(4)])
		return checked(v.entry)
	}},
	{name: "500 MB claimed in a few compressed bytes", make: func(r *rand.Rand, v victim) []byte {
		return payload(v.entry, 1, 500<<20, append(binary.AppendUvarint(nil, 500<<20), noise(r, 40)...))
	}},
	{name: "endless strings, lists and maps claimed", make: func(r *rand.Rand, v victim) []byte {
		heads := [][]byte{
			{0x9b, 0, 0, 0, 0, 0x20, 0, 0, 0}, {0xbb, 0, 0, 0, 0, 0x20, 0, 0, 0}, {0x7b, 0, 0, 0, 2, 0x80, 0, 0, 0},
			{0x9f}, {0xbf}, {0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, bytes.Repeat([]byte{0x81}, 10_000),
		}
		p := append(bytes.Clone(heads[r.IntN(len(heads))]), noise(r, r.IntN(20))...)
		return payload(v.entry, 0, uint64(len(p)), p)
	}},
	{name: "noise", make: func(r *rand.Rand, _ victim) []byte { return noise(r, r.IntN(4096)) }},
	{name: "noise behind a right header", make: func(r *rand.Rand, v victim) []byte {
		return append(v.entry[:headerSize], noise(r, r.IntN(2048))...)
	}},
	{name: "empty", make: func(*rand.Rand, victim) []byte { return nil }},
	{name: "larger than the backend takes", make: func(r *rand.Rand, v victim) []byte {
		if r.IntN(20) > 0 { // writing them takes long
			return flip(r, v.entry, 1)
		}
		return append(v.entry, make([]byte, 3<<20)...)
	}},
}

// payload replaces an entry's payload, with sizes, flags and checksum to match.
func payload(entry []byte, flags byte, raw uint64, p []byte) []byte {
	keyID := int(entry[7])
	e := append(bytes.Clone(entry[:headerSize+keyID]), p...)
	e[offFlags] = e[offFlags]&^1 | flags
	binary.BigEndian.PutUint64(e[offRawSize:], raw)
	binary.BigEndian.PutUint64(e[offStoredSize:], uint64(len(p)))
	return checked(append(e, 0, 0, 0, 0))
}

// checked gives an entry the checksum that its bytes have.
func checked(entry []byte) []byte {
	end := len(entry) - checksumSize
	binary.BigEndian.PutUint32(entry[end:], crc32.Checksum(entry[:end], crc32.MakeTable(crc32.Castagnoli)))
	return entry
}

func flip(r *rand.Rand, b []byte, bits int) []byte {
	for range bits {
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
	}
	return b
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func extreme(r *rand.Rand) uint64 {
	return []uint64{0, 1, math.MaxInt64, 1 << 63, math.MaxUint64, 1 << 40, 1 << 55, r.Uint64()}[r.IntN(8)]
}
