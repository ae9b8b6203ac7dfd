package key

import (
	"bytes"
	"math"
	"strconv"
)

// A decimal is a number by its digits: 0.digits times ten to the power of point. It has no leading or trailing zeros, so
// two decimals are equal where the numbers are.
type decimal struct {
	negative bool
	digits   []byte
	point    int
}

// maxExponentDigits keeps exponents within an int. Nothing measured or counted needs more.
const maxExponentDigits = 9

// number reads a number and writes it as ECMAScript does. Where the double that this stands for is not the number in the
// source (9007199254740993, 1e400, -0) the exact one follows after "#", which is part of no JSON.
func (s *scanner) number(dst []byte) ([]byte, bool) {
	begin := s.pos
	d, ok := s.decimal()
	if !ok {
		return dst, false
	}
	if len(d.digits) == 0 {
		if d.negative {
			dst = append(dst, '-')
		}
		return append(dst, '0'), true
	}
	f, _ := strconv.ParseFloat(text(s.src[begin:s.pos]), 64)
	if !math.IsInf(f, 0) && f != 0 {
		dst = appendES6(dst, f)
		if near := shortest(f); near.point == d.point && bytes.Equal(near.digits, d.digits) {
			return dst, true
		}
	}
	dst = append(dst, '#')
	if d.negative {
		dst = append(dst, '-')
	}
	dst = append(dst, d.digits...)
	return strconv.AppendInt(append(dst, 'e'), int64(d.point), 10), true
}

func (s *scanner) decimal() (d decimal, ok bool) {
	d.negative = s.take('-')
	whole := s.digits()
	if len(whole) == 0 || len(whole) > 1 && whole[0] == '0' {
		return d, false
	}
	var fraction []byte
	if s.take('.') {
		if fraction = s.digits(); len(fraction) == 0 {
			return d, false
		}
	}
	exponent, ok := s.exponent()
	if !ok {
		return d, false
	}
	digits := append(append(make([]byte, 0, len(whole)+len(fraction)), whole...), fraction...)
	significant := bytes.TrimLeft(digits, "0")
	d.point = len(whole) - (len(digits) - len(significant)) + exponent
	d.digits = bytes.TrimRight(significant, "0")
	return d, true
}

func (s *scanner) digits() []byte {
	begin := s.pos
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.src[begin:s.pos]
}

func (s *scanner) exponent() (int, bool) {
	if !s.take('e') && !s.take('E') {
		return 0, true
	}
	negative := s.take('-')
	if !negative {
		s.take('+')
	}
	digits := s.digits()
	if len(digits) == 0 {
		return 0, false
	}
	digits = bytes.TrimLeft(digits, "0")
	if len(digits) > maxExponentDigits {
		return 0, false
	}
	n := 0
	for _, c := range digits {
		n = n*10 + int(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// shortest returns the shortest decimal that reads as f.
func shortest(f float64) decimal {
	var buf [32]byte
	b := strconv.AppendFloat(buf[:0], math.Abs(f), 'e', -1, 64) // d.ddde+dd
	mantissa, exponent, _ := bytes.Cut(b, []byte("e"))
	digits := append(mantissa[:1:1], bytes.TrimPrefix(mantissa[1:], []byte("."))...)
	n, _ := strconv.Atoi(string(exponent))
	return decimal{digits: bytes.TrimRight(digits, "0"), point: n + 1}
}

// appendES6 writes f as ECMAScript's Number.prototype.toString does.
func appendES6(dst []byte, f float64) []byte {
	if abs := math.Abs(f); abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go writes an exponent of at least two digits, ECMAScript does not.
	if e := bytes.LastIndexByte(dst[start:], 'e') + start; len(dst) == e+4 && dst[e+2] == '0' {
		dst[e+2] = dst[e+3]
		dst = dst[:e+3]
	}
	return dst
}
