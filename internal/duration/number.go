package duration

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"
	"time"
)

// A number is a decimal as it was written, without sign and exponent.
type number struct {
	text     string
	whole    string
	fraction string
}

var errTooLong = errors.New("it is longer than the longest duration, which is about 292 years")

// readNumber reads a number at the beginning of s.
func readNumber(s string) (n number, rest string, err error) {
	whole := leadingDigits(s)
	rest = s[len(whole):]
	fraction := ""
	if strings.HasPrefix(rest, ".") {
		fraction = leadingDigits(rest[1:])
		rest = rest[1+len(fraction):]
	}
	if whole == "" && fraction == "" {
		return n, s, fmt.Errorf("a number is expected at `%s`", shown(s))
	}
	return number{text: shown(s[:len(s)-len(rest)]), whole: whole, fraction: fraction}, rest, nil
}

func leadingDigits(s string) string {
	end := 0
	for end < len(s) && '0' <= s[end] && s[end] <= '9' {
		end++
	}
	return s[:end]
}

// times returns n units, cut off to a whole number, and false where that is more than an int64 holds. It calculates with
// integers: 0.1 has no float64, and 2^53 nanoseconds are only a hundred days.
func (n number) times(unit int64) (int64, bool) {
	var total uint64
	for i := range len(n.whole) {
		if total > math.MaxInt64/10 {
			return 0, false
		}
		total = total*10 + uint64(n.whole[i]-'0')
	}
	high, total := bits.Mul64(total, uint64(unit))
	if high != 0 || total > math.MaxInt64 {
		return 0, false
	}
	total += n.part(unit)
	return int64(total), total <= math.MaxInt64
}

// part returns the fraction's share of unit, by long multiplication from the last digit on.
func (n number) part(unit int64) uint64 {
	// Each step keeps the exact quotient of what is to the right, cut off below one: (digit*unit + carry) / 10. Cutting
	// off at every step equals cutting off once, for floor(floor(x)/10) is floor(x/10).
	var carry uint64
	for i := len(n.fraction) - 1; i >= 0; i-- {
		high, low := bits.Mul64(uint64(n.fraction[i]-'0'), uint64(unit))
		low, over := bits.Add64(low, carry, 0)
		carry, _ = bits.Div64(high+over, low, 10)
	}
	return carry
}

// add returns total plus n units.
func add(total time.Duration, n number, unit time.Duration) (time.Duration, error) {
	d, ok := n.times(int64(unit))
	if !ok || d > math.MaxInt64-int64(total) {
		return 0, errTooLong
	}
	return total + time.Duration(d), nil
}
