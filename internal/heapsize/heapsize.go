// Package heapsize knows how much memory the runtime takes for what a program asks for. The figures are those of the current
// release of Go; they may be a little off in another one, and nothing but the charge for cached values depends on them.
package heapsize

import (
	"math/bits"
	"sort"
)

// Alloc returns how many bytes an allocation of n bytes takes: the runtime has sizes of its own.
func Alloc(n int64) int64 {
	switch {
	case n <= 0:
		return 0
	case n <= 1024:
		return int64(classes[(n+7)/8])
	case n <= 32<<10:
		i := sort.Search(len(large), func(i int) bool { return int64(large[i]) >= n })
		return int64(large[i])
	}
	const page = 8 << 10
	return (n + page - 1) / page * page
}

// classes are the runtime's sizes up to 1 KiB, by the number of words.
var classes = func() (c [129]uint16) {
	sizes := [...]uint16{
		0, 8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384, 416, 448, 480,
		512, 576, 640, 704, 768, 896, 1024,
	}
	at := 0
	for i := range c {
		if uint16(8*i) > sizes[at] {
			at++
		}
		c[i] = sizes[at]
	}
	return c
}()

// large are the others.
var large = [...]uint16{
	1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200, 3456, 4096, 4864, 5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728,
	10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768,
}

const (
	mapHeader   = 48
	tableHeader = 32
	groupSlots  = 8
	groupLoad   = 7 // of groupSlots, on average
	tableSlots  = 1024
	inline      = 128 // larger keys and elements are allocated on their own
)

// Map returns how many bytes a map takes that was made with room for n entries with keys and elements of the given sizes.
func Map(n int, key, elem uintptr) int64 {
	if n == 0 {
		return mapHeader
	}
	slot, apart := int64(0), int64(0)
	for _, size := range [...]uintptr{key, elem} {
		if size > inline {
			apart += Alloc(int64(size))
			size = 8
		}
		slot += max(int64(size), 1) // one byte in the place of an element without size
	}
	if slot > 4 {
		slot = (slot + 7) / 8 * 8
	}
	group := groupSlots * (slot + 1) // a control byte for each
	entries := int64(n) * apart
	if n <= groupSlots {
		return mapHeader + Alloc(group) + entries
	}
	target := (uint64(n)*groupSlots + groupLoad - 1) / groupLoad
	tables := powerOfTwo((target + tableSlots - 1) / tableSlots)
	slots := max(powerOfTwo((target+tables-1)/tables), groupSlots)
	total := int64(tables) * (tableHeader + Alloc(int64(slots)/groupSlots*group) + 8)
	if tables > 1 && target*10 > tables*slots*9 { // entries do not spread evenly: some tables grow
		total += total / 4
	}
	return mapHeader + total + entries
}

func powerOfTwo(n uint64) uint64 {
	if n <= 1 {
		return 1
	}
	return 1 << bits.Len64(n-1)
}
