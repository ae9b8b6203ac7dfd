package clone

import (
	"math/big"
	"net/netip"
	"reflect"
	"regexp"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/serialize"
)

// knownTypes are types of the standard library that hide their fields, and for which there is a way to what the codec
// restores that is shorter than through bytes.
var knownTypes = map[reflect.Type]func(n *node){
	reflect.TypeFor[time.Time]():      timeOps,
	reflect.TypeFor[netip.Addr]():     shared,
	reflect.TypeFor[netip.AddrPort](): shared,
	reflect.TypeFor[netip.Prefix]():   shared,
	reflect.TypeFor[big.Int]():        known(copyInt, intSize),
	reflect.TypeFor[big.Rat]():        known(copyRat, ratSize),
	reflect.TypeFor[big.Float]():      known(copyFloat, floatSize),
	reflect.TypeFor[regexp.Regexp]():  known(copyRegexp, regexpSize),
}

// shared is for types that assignment copies although they hold pointers: what those point to never changes.
func shared(*node) {}

// timeOps: times share their zone, which never changes.
func timeOps(n *node) {
	n.copy = func(_ walk, dst, src ptr) error {
		t := *at[time.Time](src)
		if t == t.Round(0).UTC() { //nolint:staticcheck // the same in every word, not only the same instant: canonical as it is
			return nil
		}
		*at[time.Time](dst) = serialize.CanonicalTime(t)
		return nil
	}
}

// known makes the functions of a type from typed ones. What size returns is without the value's own bytes.
func known[T any](clone func(dst, src *T) error, size func(*T) int64) func(n *node) {
	return func(n *node) {
		n.copy = func(_ walk, dst, src ptr) error { return clone(at[T](dst), at[T](src)) }
		n.size = func(_ walk, src ptr) int64 { return size(at[T](src)) }
	}
}

// The numbers of math/big write into the digits that they have, so a copy lets go of the source's first.

func copyInt(dst, src *big.Int) error {
	*dst = big.Int{}
	dst.Set(src)
	return nil
}

func copyRat(dst, src *big.Rat) error {
	*dst = big.Rat{}
	dst.Set(src)
	return nil
}

func copyFloat(dst, src *big.Float) error {
	*dst = big.Float{}
	dst.Copy(src)
	return nil
}

func digits(bits int) int64 { return int64(bits+63) / 64 * 8 }

func intSize(v *big.Int) int64     { return digits(v.BitLen()) }
func ratSize(v *big.Rat) int64     { return digits(v.Num().BitLen()) + digits(v.Denom().BitLen()) }
func floatSize(v *big.Float) int64 { return digits(int(v.MinPrec())) }

// copyRegexp gives every caller a Regexp of its own around the shared, immutable program: Longest would change one that
// is shared. What Longest did to the source is not in its text, so the codec forgets it, and so must the copy.
func copyRegexp(dst, src *regexp.Regexp) error {
	if src.String() != "" && isLeftmostFirst(src) {
		*dst = *src
		return nil
	}
	fresh, err := regexp.Compile(src.String())
	if err == nil {
		*dst = *fresh
	}
	return err
}

// longestField is the index of the flag in regexp.Regexp that Longest sets, if this version of Go has it.
var longestField = sync.OnceValue(func() []int {
	f, ok := reflect.TypeFor[regexp.Regexp]().FieldByName("longest")
	if !ok || f.Type.Kind() != reflect.Bool {
		return nil
	}
	return f.Index
})

// isLeftmostFirst reports whether re is certain to match as regexp.Compile would have it.
func isLeftmostFirst(re *regexp.Regexp) bool {
	field := longestField()
	return field != nil && !reflect.ValueOf(re).Elem().FieldByIndex(field).Bool()
}

// regexpSize is a guess from the length of the text: the compiled program is out of sight.
func regexpSize(v *regexp.Regexp) int64 { return 64 * int64(len(v.String())) }
