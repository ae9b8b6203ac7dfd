package protomsg

import (
	"encoding/binary"
	"math"
	"reflect"
	"testing"
)

// tree has the shape of a generated message: a message within itself, packed numbers, maps, a oneof.
type tree struct {
	state   [4]uintptr
	Left    *tree
	Numbers []int64
	Names   map[string]*tree
	OneOf   any
}

// nested returns depth messages within each other, each as field 1 of the one around it.
func nested(depth int) (b []byte) {
	for range depth {
		b = append(binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(b))), b...)
	}
	return b
}

// FuzzFootprint gives Footprint what a backend may hold: it must end, never panic or overflow, and never count less for more.
func FuzzFootprint(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(nested(3))
	f.Add(nested(300))
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Add([]byte{0x0b, 0x0b, 0x0b, 0x0c})
	f.Add([]byte{0x12, 3, 1, 2, 3, 0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x0d, 1, 2, 3, 4})
	types := []reflect.Type{reflect.TypeFor[tree](), reflect.TypeFor[*tree](), reflect.TypeFor[struct{ A []bool }](), reflect.TypeFor[struct{}]()}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, typ := range types {
			n := Footprint(typ, data)
			if n < 0 || n > math.MaxInt64/2 {
				t.Errorf("%v: %d bytes count as %d", typ, len(data), n)
			}
			if more := Footprint(typ, append(data[:len(data):len(data)], 0x0a, 0x00)); more < n {
				t.Errorf("%v: with a field more %d became %d", typ, n, more)
			}
		}
	})
}

func TestFootprint(t *testing.T) {
	t.Run("W5 each message within a message counts as a whole one", func(t *testing.T) {
		typ := reflect.TypeFor[tree]()
		one := Footprint(typ, nested(1)) - Footprint(typ, nil)
		if hundred := Footprint(typ, nested(100)) - Footprint(typ, nil); hundred < 100*int64(typ.Size()) || one < int64(typ.Size()) {
			t.Errorf("one message counts as %d, a hundred as %d; each is %d in memory", one, hundred, typ.Size())
		}
	})
	t.Run("W5 packed numbers count as what they become", func(t *testing.T) {
		numbers := append(binary.AppendUvarint([]byte{2<<3 | 2}, 1000), make([]byte, 1000)...)
		if n := Footprint(reflect.TypeFor[tree](), numbers); n < 8000 {
			t.Errorf("a thousand numbers of eight bytes count as %d", n)
		}
	})
}
