package key

import "encoding/binary"

// runSimple encodes by simple operations. It is the hot path: it must not let p escape, so nothing here may call
// through an interface or a function value.
func runSimple(dst []byte, ops []op, base ptr) []byte {
	for i := range ops {
		o := &ops[i]
		p := at(base, o.off)
		switch o.kind {
		case opMem:
			dst = append(dst, memory(p, o.n)...)
		case opMem8:
			dst = binary.LittleEndian.AppendUint64(dst, load64(p))
		case opString:
			b := loadText(p)
			dst = append(appendLength(dst, len(b)), b...)
		case opBytes:
			b := loadBytes(p)
			dst = append(appendCount(dst, bytesAt(b), len(b)), b...)
		case opMem1:
			dst = append(dst, load8(p))
		case opMem4:
			dst = binary.LittleEndian.AppendUint32(dst, load32(p))
		case opMem2:
			dst = binary.LittleEndian.AppendUint16(dst, load16(p))
		case opPtr:
			dst = runPtr(dst, o, p)
		case opSliceMem:
			first, n := loadSlice(p)
			dst = append(appendCount(dst, first, n), memory(first, uintptr(n)*o.n)...)
		default:
			dst = runRare(dst, o, p)
		}
	}
	return dst
}

func runPtr(dst []byte, o *op, p ptr) []byte {
	q := loadPtr(p)
	if q == nil {
		return append(dst, tagNil)
	}
	return runSimple(append(dst, tagValue), o.sub.ops, q)
}

func runRare(dst []byte, o *op, p ptr) []byte {
	switch o.kind {
	case opSlice:
		first, n := loadSlice(p)
		return runElements(appendCount(dst, first, n), o, first, n)
	case opArray:
		return runElements(dst, o, p, o.count)
	case opTime:
		return appendTime(dst, loadTime(p))
	case opJSON:
		return appendJSON(dst, loadBytes(p))
	case opInt:
		return binary.LittleEndian.AppendUint64(dst, uint64(loadInt(p)))
	case opUint:
		return binary.LittleEndian.AppendUint64(dst, uint64(loadUint(p)))
	case opReal16:
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(dst, load32(p)), load32(at(p, 4)))
	default: // opReal32
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, load64(p)), load64(at(p, 8)))
	}
}

func runElements(dst []byte, o *op, first ptr, n int) []byte {
	if len(o.sub.ops) == 0 { // elements without content: a slice may claim any number of them
		return dst
	}
	for i := range n {
		dst = runSimple(dst, o.sub.ops, at(first, uintptr(i)*o.n))
	}
	return dst
}

// What stands before a pointer's, an interface's or a cyclic value's content.
const (
	tagNil   = 0 // nil: no content
	tagValue = 1 // the content follows
	tagCycle = 2 // the content is that of the enclosing value with the number that follows
	tagSkip  = 3 // beside a form: there is a value, which only the form speaks for
)

// appendLength appends a length as a varint. Lengths below 128, nearly all, take the short way.
func appendLength(dst []byte, n int) []byte {
	if n < 0x80 {
		return append(dst, byte(n))
	}
	return binary.AppendUvarint(dst, uint64(n))
}

// appendCount appends how many elements a slice or a map has, whose content is at the given address: 0 for a nil one, one more
// than the number otherwise.
func appendCount(dst []byte, content ptr, n int) []byte {
	switch {
	case content == nil:
		return append(dst, 0)
	case n < 0x7f:
		return append(dst, byte(n)+1)
	}
	return binary.AppendUvarint(dst, uint64(n)+1)
}

func appendText(dst []byte, s string) []byte { return append(appendLength(dst, len(s)), s...) }
