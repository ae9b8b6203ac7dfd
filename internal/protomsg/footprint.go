package protomsg

import (
	"encoding/binary"
	"reflect"
	"sync"
)

// Footprint returns about how many bytes decoding data into a message of type t, a type that [Is] accepts, allocates at most. In
// the wire format two bytes can stand for a message of hundreds; which bytes are messages the wire does not tell, so whatever
// can be one counts as the largest of those that t can contain.
func Footprint(t reflect.Type, data []byte) int64 {
	s := shapeOf(t)
	return s.largest + s.fields(data, 0)
}

// A shape is what the messages within a type take.
type shape struct {
	largest int64 // the largest struct
	perByte int64 // what a byte of packed numbers or of text can become
}

var shapes sync.Map // reflect.Type -> shape

func shapeOf(t reflect.Type) shape {
	if s, ok := shapes.Load(t); ok {
		return s.(shape)
	}
	s := shape{largest: 64, perByte: 1}
	s.add(t, map[reflect.Type]bool{})
	shapes.Store(t, s)
	return s
}

func (s *shape) add(t reflect.Type, seen map[reflect.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer:
		s.add(t.Elem(), seen)
	case reflect.Slice:
		if k := t.Elem().Kind(); k >= reflect.Bool && k <= reflect.Float64 && k != reflect.Uint8 {
			s.perByte = max(s.perByte, int64(t.Elem().Size()))
		}
		s.add(t.Elem(), seen)
	case reflect.Map:
		s.largest = max(s.largest, 2*int64(t.Key().Size()+t.Elem().Size())+64)
		s.add(t.Elem(), seen)
	case reflect.Struct:
		s.largest = max(s.largest, int64(t.Size()))
		for i := range t.NumField() {
			s.add(t.Field(i).Type, seen)
		}
	case reflect.Interface: // a oneof: what its wrappers hold is not seen here
		s.largest = max(s.largest, 512) // a oneof: what its wrappers hold is not seen here
	}
}

const (
	perField    = 16  // a scalar that is a field of its own
	perContent  = 48  // the header of what has a length, and its place in a list
	deepestLook = 100 // how deeply contents are looked into
)

// fields returns what the fields in data take, if it can be a message.
func (s shape) fields(data []byte, depth int) (total int64) {
	for len(data) > 0 {
		tag, n := binary.Uvarint(data)
		if n <= 0 {
			return total
		}
		data = data[n:]
		switch total += perField; tag & 7 {
		case 0:
			_, n = binary.Uvarint(data)
		case 1:
			n = 8
		case 5:
			n = 4
		case 2:
			length, head := binary.Uvarint(data)
			if head <= 0 || length > uint64(len(data)-head) {
				return total
			}
			n = head + int(length)
			total += s.content(data[head:n], depth+1)
		case 3, 4: // groups: what is within stands in line
			continue
		default:
			return total
		}
		if n <= 0 || n > len(data) {
			return total
		}
		data = data[n:]
	}
	return total
}

func (s shape) content(data []byte, depth int) int64 {
	flat := s.perByte*int64(len(data)) + s.largest + perContent
	if depth > deepestLook {
		return flat + s.largest*int64(len(data)/2)
	}
	return flat + s.fields(data, depth)
}
