package serialize

import (
	"unicode/utf8"
	"unsafe"
)

const (
	arenaSize   = 1024 // bytes of one allocation for short strings
	shortString = 64   // longer strings get an allocation of their own
)

// A string is written as text where it is valid UTF-8, as CBOR demands, and as a byte string otherwise. Both read back
// as the same string.
func appendString(b []byte, s string) []byte {
	major := majorText
	if !utf8.ValidString(s) {
		major = majorBytes
	}
	return append(appendHead(b, major, uint64(len(s))), s...)
}

func encodeString(e *encoder, p unsafe.Pointer) error {
	e.buf = appendString(e.buf, *(*string)(p))
	return nil
}

func decodeString(d *decoder, p unsafe.Pointer) error {
	s, err := d.string()
	*(*string)(p) = s
	return err
}

func (d *decoder) string() (string, error) {
	major, n, err := d.head()
	if err != nil {
		return "", err
	}
	if major != majorText && major != majorBytes {
		return "", d.malformed("major type %d where a string is expected", major)
	}
	b, err := d.take(n)
	if err != nil {
		return "", err
	}
	return d.keep(b)
}

// keep returns b as a string that does not share its memory.
func (d *decoder) keep(b []byte) (string, error) {
	if len(b) == 0 {
		return "", nil
	}
	if len(b) > shortString {
		if err := d.spend(int64(len(b))); err != nil {
			return "", err
		}
		return string(b), nil
	}
	if len(b) > cap(d.arena)-len(d.arena) {
		room := min(arenaSize, len(b)+d.left())
		if err := d.spend(int64(room)); err != nil {
			return "", err
		}
		d.arena = make([]byte, 0, room)
	}
	start := len(d.arena)
	d.arena = append(d.arena, b...)
	return unsafe.String(&d.arena[start], len(b)), nil
}
