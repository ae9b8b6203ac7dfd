package serialize

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Major types of CBOR, RFC 8949 section 3.1.
const (
	majorUint  byte = 0
	majorNeg   byte = 1
	majorBytes byte = 2
	majorText  byte = 3
	majorArray byte = 4
	majorMap   byte = 5
	majorTag   byte = 6
)

// Whole initial bytes of simple values and floats.
const (
	byteFalse   = 0xf4
	byteTrue    = 0xf5
	byteNull    = 0xf6
	byteFloat32 = 0xfa
	byteFloat64 = 0xfb
)

// appendHead appends the head of a data item: its major type and its argument, in the shortest form.
func appendHead(b []byte, major byte, n uint64) []byte {
	m := major << 5
	switch {
	case n < 24:
		return append(b, m|byte(n))
	case n <= math.MaxUint8:
		return append(b, m|24, byte(n))
	case n <= math.MaxUint16:
		return append(b, m|25, byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, m|26), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(b, m|27), n)
	}
}

func appendInt(b []byte, n int64) []byte {
	if n >= 0 {
		return appendHead(b, majorUint, uint64(n))
	}
	return appendHead(b, majorNeg, uint64(^n)) // CBOR stores -1-n
}

// sealBytes turns what was appended since mark, one byte of which was kept free for a head, into a byte string. Most
// byte strings from marshalers are short, so that the free byte is enough and nothing moves.
func sealBytes(b []byte, mark int) []byte {
	n := len(b) - mark - 1
	if n < 24 {
		b[mark] = majorBytes<<5 | byte(n)
		return b
	}
	var room [9]byte
	head := appendHead(room[:0], majorBytes, uint64(n))
	b = append(b, room[:len(head)-1]...)
	copy(b[mark+len(head):], b[mark+1:mark+1+n])
	copy(b[mark:], head)
	return b
}

// decoder reads data items one after the other. It trusts nothing: every length is compared with what is left before
// anything is allocated for it.
type decoder struct {
	data   []byte
	off    int
	depth  int
	budget int64 // how many bytes the value may still take
	zones  []*time.Location
	// shared are the values that were marked, in the order of their marks.
	shared []sharedValue
	// arena holds the bytes of short strings, many to one allocation. It is small, so that one string that outlives
	// its value keeps little else alive.
	arena []byte
}

func (d *decoder) malformed(format string, args ...any) error {
	return fmt.Errorf("%w: at byte %d: %s", ErrMalformed, d.off, fmt.Sprintf(format, args...))
}

// left returns how many bytes have not been read.
func (d *decoder) left() int { return len(d.data) - d.off }

// spend takes n bytes from the budget.
func (d *decoder) spend(n int64) error {
	if d.budget -= n; d.budget < 0 {
		return fmt.Errorf("%w: at byte %d the value takes more memory than it may", ErrTooLarge, d.off)
	}
	return nil
}

// head reads the head of the next data item.
func (d *decoder) head() (major byte, n uint64, err error) {
	if d.off >= len(d.data) {
		return 0, 0, d.malformed("the bytes end here")
	}
	b := d.data[d.off]
	if info := b & 31; info < 24 {
		d.off++
		return b >> 5, uint64(info), nil
	}
	return d.longHead(b)
}

func (d *decoder) longHead(b byte) (major byte, n uint64, err error) {
	info := b & 31
	if info > 27 {
		return 0, 0, d.malformed("initial byte %#02x", b)
	}
	size := 1 << (info - 24)
	if d.left() < 1+size {
		return 0, 0, d.malformed("the bytes end within a head")
	}
	arg := d.data[d.off+1:]
	switch size {
	case 1:
		n = uint64(arg[0])
	case 2:
		n = uint64(binary.BigEndian.Uint16(arg))
	case 4:
		n = uint64(binary.BigEndian.Uint32(arg))
	default:
		n = binary.BigEndian.Uint64(arg)
	}
	d.off += 1 + size
	return b >> 5, n, nil
}

// expect reads a head of the given major type and returns its argument.
func (d *decoder) expect(major byte) (uint64, error) {
	start := d.off
	got, n, err := d.head()
	if err != nil {
		return 0, err
	}
	if got != major {
		d.off = start
		return 0, d.malformed("major type %d where %d is expected", got, major)
	}
	return n, nil
}

// null reads a null if one is next, and reports whether it did.
func (d *decoder) null() bool {
	if d.off < len(d.data) && d.data[d.off] == byteNull {
		d.off++
		return true
	}
	return false
}

func (d *decoder) int64() (int64, error) {
	major, n, err := d.head()
	if err != nil {
		return 0, err
	}
	if major > majorNeg || n > math.MaxInt64 {
		return 0, d.malformed("no signed 64-bit integer")
	}
	if major == majorNeg {
		return ^int64(n), nil
	}
	return int64(n), nil
}

// count reads the head of an array or a map whose elements take at least least bytes each, and returns how many there
// are. A claim that the remaining bytes cannot hold is refused.
func (d *decoder) count(major byte, least int) (int, error) {
	n, err := d.expect(major)
	if err != nil {
		return 0, err
	}
	if n > uint64(d.left()/max(least, 1)) {
		return 0, d.malformed("%d elements are claimed, %d bytes are left", n, d.left())
	}
	return int(n), nil
}

// take returns the next n bytes, which belong to the input.
func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(d.left()) {
		return nil, d.malformed("%d bytes are claimed, %d are left", n, d.left())
	}
	b := d.data[d.off : d.off+int(n)]
	d.off += int(n)
	return b, nil
}

// bytes reads a byte string, which belongs to the input.
func (d *decoder) bytes() ([]byte, error) {
	n, err := d.expect(majorBytes)
	if err != nil {
		return nil, err
	}
	return d.take(n)
}

// tag reads a tag that must have the given number.
func (d *decoder) tag(number uint64) error {
	n, err := d.expect(majorTag)
	if err != nil {
		return err
	}
	if n != number {
		return d.malformed("tag %d where %d is expected", n, number)
	}
	return nil
}

// enter notes that the decoder goes into a pointer, slice, map or interface. Each enter needs a leave.
func (d *decoder) enter() error {
	if d.depth++; d.depth > maxDepth {
		return fmt.Errorf("%w: %w", ErrMalformed, ErrTooDeep)
	}
	return nil
}

func (d *decoder) leave() { d.depth-- }
