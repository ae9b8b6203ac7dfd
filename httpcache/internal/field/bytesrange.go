package field

import "strings"

// RangeKind says what a Range field asks for.
type RangeKind uint8

// What a Range field asks for.
const (
	WholeBody     RangeKind = iota // no range, an invalid one, another unit, or several ranges
	PartOfBody                     // one byte range
	Unsatisfiable                  // one valid byte range that has no byte of the body
)

// ParseRange parses a Range field for a body of size bytes. The part is [first, first+length).
func ParseRange(lines []string, size int64) (kind RangeKind, first, length int64) {
	if len(lines) != 1 {
		return WholeBody, 0, 0
	}
	unit, spec, ok := strings.Cut(lines[0], "=")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return WholeBody, 0, 0
	}
	from, to, ok := strings.Cut(trim(spec), "-")
	if !ok {
		return WholeBody, 0, 0
	}
	if from == "" {
		n, ok := parsePosition(to)
		switch {
		case !ok:
			return WholeBody, 0, 0
		case n == 0 || size == 0:
			return Unsatisfiable, 0, 0
		}
		n = min(n, size)
		return PartOfBody, size - n, n
	}
	first, ok = parsePosition(from)
	last, okLast := int64(maxPosition), true
	if to != "" {
		last, okLast = parsePosition(to)
	}
	switch {
	case !ok || !okLast || last < first:
		return WholeBody, 0, 0
	case first >= size:
		return Unsatisfiable, 0, 0
	}
	return PartOfBody, first, min(last, size-1) - first + 1
}

const maxPosition = 1 << 62

func parsePosition(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		if n = n*10 + int64(s[i]-'0'); n > maxPosition/16 {
			n = maxPosition / 16 // beyond every body
		}
	}
	return n, true
}
