package buildid

import (
	"encoding/binary"
	"strings"
)

// What this package needs to know of ELF.
const (
	classAt, class64 = 4, 2
	orderAt, bigEnd  = 5, 2
	segmentNote      = 4 // p_type PT_NOTE
	noteGoBuildID    = 4 // n_type of notes whose name is "Go"
)

// An elf is the beginning of an ELF file. What lies beyond reads as zero.
type elf struct {
	b     []byte
	order binary.ByteOrder
	wide  bool
}

func (e elf) slice(off, n uint64) []byte {
	if off > uint64(len(e.b)) || n > uint64(len(e.b))-off {
		return make([]byte, min(n, 8))
	}
	return e.b[off : off+n]
}

func (e elf) half(off uint64) uint64 { return uint64(e.order.Uint16(e.slice(off, 2))) }
func (e elf) word(off uint64) uint64 { return uint64(e.order.Uint32(e.slice(off, 4))) }

// address reads what is 8 bytes wide in 64-bit files and 4 bytes in others.
func (e elf) address(off64, off32 uint64) uint64 {
	if e.wide {
		return e.order.Uint64(e.slice(off64, 8))
	}
	return e.word(off32)
}

func (e elf) pick(off64, off32 uint64) uint64 {
	if e.wide {
		return off64
	}
	return off32
}

// elfNote returns the build ID from the Go note, or "".
func elfNote(b []byte) string {
	if len(b) < 64 {
		return ""
	}
	e := elf{b: b, order: binary.LittleEndian, wide: b[classAt] == class64}
	if b[orderAt] == bigEnd {
		e.order = binary.BigEndian
	}
	table := e.address(32, 28)
	size, count := e.half(e.pick(54, 42)), e.half(e.pick(56, 44))
	for i := range count {
		header := table + i*size
		if header >= uint64(len(b)) {
			break
		}
		if e.word(header) != segmentNote {
			continue
		}
		if id := e.notes(e.address(header+8, header+4), e.address(header+32, header+16)); id != "" {
			return id
		}
	}
	return ""
}

// notes searches one segment of notes.
func (e elf) notes(off, size uint64) string {
	if off > uint64(len(e.b)) {
		return ""
	}
	end := off + min(size, uint64(len(e.b))-off)
	for off+12 <= end {
		nameSize, descSize, kind := e.word(off), e.word(off+4), e.word(off+8)
		name := off + 12
		desc := name + (nameSize+3)&^3
		next := desc + (descSize+3)&^3
		if next > end+3 || next <= off {
			return ""
		}
		if kind == noteGoBuildID && strings.TrimRight(string(e.slice(name, nameSize)), "\x00") == "Go" {
			return string(e.slice(desc, descSize))
		}
		off = next
	}
	return ""
}
