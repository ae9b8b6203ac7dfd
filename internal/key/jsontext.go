package key

import (
	"encoding/binary"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// How a json.RawMessage is written.
const (
	jsonNil       = 0
	jsonCanonical = 1 // by its canonical form
	jsonRaw       = 2 // not JSON: by its bytes
)

// maxJSONDepth is how deeply arrays and objects may be nested; encoding/json has the same limit.
const maxJSONDepth = 10_000

// appendJSON encodes JSON by its canonical form (RFC 8785): members in the order of their names, numbers as ECMAScript
// writes them, no space. Where that form would merge numbers that only differ beyond a float64's precision, the exact
// digits follow. Text that is not JSON, or has an object with the same name twice, which readers understand differently,
// counts by its bytes.
func appendJSON(dst, raw []byte) []byte {
	if raw == nil {
		return append(dst, jsonNil)
	}
	start := len(dst)
	dst = append(dst, jsonCanonical, 0, 0, 0, 0, 0, 0, 0, 0)
	body := len(dst)
	s := scanner{src: raw}
	dst, ok := s.value(dst, 0)
	s.space()
	if !ok || s.pos != len(raw) {
		dst = append(dst[:start], jsonRaw)
		return append(appendLength(dst, len(raw)), raw...)
	}
	binary.LittleEndian.PutUint64(dst[start+1:], uint64(len(dst)-body))
	return dst
}

// A scanner reads JSON and writes its canonical form. Its methods report false where the source is not JSON.
type scanner struct {
	src []byte
	pos int
}

func (s *scanner) space() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, or 0 at the end: no JSON token begins with it.
func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) value(dst []byte, depth int) ([]byte, bool) {
	s.space()
	switch c := s.peek(); {
	case c == '{' && depth < maxJSONDepth:
		return s.object(dst, depth)
	case c == '[' && depth < maxJSONDepth:
		return s.array(dst, depth)
	case c == '"':
		name, ok := s.quoted(nil)
		return appendQuoted(dst, name), ok
	case c == 't':
		return s.word(dst, "true")
	case c == 'f':
		return s.word(dst, "false")
	case c == 'n':
		return s.word(dst, "null")
	case c == '-' || '0' <= c && c <= '9':
		return s.number(dst)
	}
	return dst, false
}

func (s *scanner) word(dst []byte, word string) ([]byte, bool) {
	end := s.pos + len(word)
	if end > len(s.src) || string(s.src[s.pos:end]) != word {
		return dst, false
	}
	s.pos = end
	return append(dst, word...), true
}

func (s *scanner) array(dst []byte, depth int) ([]byte, bool) {
	s.pos++
	dst = append(dst, '[')
	s.space()
	if s.take(']') {
		return append(dst, ']'), true
	}
	for {
		var ok bool
		if dst, ok = s.value(dst, depth+1); !ok {
			return dst, false
		}
		s.space()
		switch {
		case s.take(','):
			dst = append(dst, ',')
		case s.take(']'):
			return append(dst, ']'), true
		default:
			return dst, false
		}
	}
}

// A member is one member of an object: its name, and where its canonical form stands.
type member struct {
	name       []byte
	start, end int
}

func (s *scanner) object(dst []byte, depth int) ([]byte, bool) {
	s.pos++
	dst = append(dst, '{')
	body := len(dst)
	var members []member
	s.space()
	if s.take('}') {
		return append(dst, '}'), true
	}
	for {
		m := member{start: len(dst)}
		s.space()
		if s.peek() != '"' {
			return dst, false
		}
		var ok bool
		if m.name, ok = s.quoted(nil); !ok {
			return dst, false
		}
		dst = appendQuoted(dst, m.name)
		s.space()
		if !s.take(':') {
			return dst, false
		}
		if dst, ok = s.value(append(dst, ':'), depth+1); !ok {
			return dst, false
		}
		m.end = len(dst)
		members = append(members, m)
		s.space()
		if s.take('}') {
			break
		}
		if !s.take(',') {
			return dst, false
		}
	}
	return arrange(dst, body, members)
}

// arrange puts the members, which stand in dst from body on in the order of the source, in the order of their names.
func arrange(dst []byte, body int, members []member) ([]byte, bool) {
	slices.SortFunc(members, func(a, b member) int { return compareUTF16(a.name, b.name) })
	for i := 1; i < len(members); i++ {
		if string(members[i-1].name) == string(members[i].name) {
			return dst, false
		}
	}
	unsorted := slices.Clone(dst[body:])
	dst = dst[:body]
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, unsorted[m.start-body:m.end-body]...)
	}
	return append(dst, '}'), true
}

// compareUTF16 compares valid UTF-8 as the UTF-16 code units that it stands for. That is the order of code points but for
// those above U+FFFF, whose first unit lies below U+E000.
func compareUTF16(a, b []byte) int {
	for len(a) > 0 && len(b) > 0 {
		ra, na := utf8.DecodeRune(a)
		rb, nb := utf8.DecodeRune(b)
		if ra != rb {
			if ua, ub := firstUnit(ra), firstUnit(rb); ua != ub {
				return int(ua) - int(ub)
			}
			return int(ra) - int(rb)
		}
		a, b = a[na:], b[nb:]
	}
	return len(a) - len(b)
}

func firstUnit(r rune) rune {
	if r >= 0x10000 {
		high, _ := utf16.EncodeRune(r)
		return high
	}
	return r
}
