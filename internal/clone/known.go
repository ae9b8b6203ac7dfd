package clone

import (
	"math/big"
	"net/netip"
	"reflect"
	"regexp"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/internal/heapsize"
	"github.com/stillwarm/stillwarm/internal/zone"
	"github.com/stillwarm/stillwarm/serialize"
)

// knownTypes are types of the standard library that hide their fields, and of which this package knows what an exact copy is.
var knownTypes = map[reflect.Type]func(n *node, m mode){
	reflect.TypeFor[time.Time]():      timeOps,
	reflect.TypeFor[netip.Addr]():     shared,
	reflect.TypeFor[netip.AddrPort](): shared,
	reflect.TypeFor[netip.Prefix]():   shared,
	reflect.TypeFor[big.Int]():        known(copyInt, intSize),
	reflect.TypeFor[big.Rat]():        known(copyRat, ratSize),
	reflect.TypeFor[big.Float]():      known(copyFloat, floatSize),
	reflect.TypeFor[regexp.Regexp]():  regexpOps,
}

// shared is for types that assignment copies although they hold pointers: what those point to never changes.
func shared(*node, mode) {}

// timeOps: times share their zone, which never changes. What is kept loses its monotonic reading, as it does in a backend, and
// must be in a zone that can be loaded again there.
func timeOps(n *node, m mode) {
	if m != forKeeping {
		return
	}
	n.copy = func(_ walk, dst, src ptr) error {
		t := *at[time.Time](src)
		if loc := t.Location(); loc != time.UTC && !zone.Restorable(loc) {
			return serialize.ErrZone
		}
		*at[time.Time](dst) = t.Round(0)
		return nil
	}
}

// known makes the functions of a type from typed ones. What size returns is without the value's own bytes.
func known[T any](clone func(dst, src *T) error, size func(*T) int64) func(n *node, m mode) {
	return func(n *node, _ mode) {
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

func digits(bits int) int64 { return heapsize.Alloc(int64(bits+63) / 64 * 8) }

func intSize(v *big.Int) int64     { return digits(v.BitLen()) }
func ratSize(v *big.Rat) int64     { return digits(v.Num().BitLen()) + digits(v.Denom().BitLen()) }
func floatSize(v *big.Float) int64 { return digits(int(v.MinPrec())) }

// regexpOps gives every caller a Regexp of its own around the shared, immutable program: Longest would change one that is
// shared. What Longest did to a Regexp is not in its text, so such a one cannot be kept.
func regexpOps(n *node, m mode) {
	n.size = func(_ walk, src ptr) int64 { return regexpSize(at[regexp.Regexp](src)) }
	if m == forKeeping {
		n.copy = func(_ walk, dst, src ptr) error {
			re := at[regexp.Regexp](src)
			if re.String() != "" && isLeftmostFirst(re) {
				return nil
			}
			fresh, err := regexp.Compile(re.String())
			if err == nil && !isLeftmostFirst(re) {
				err = &LossError{Type: n.typ}
			}
			if err == nil {
				*at[regexp.Regexp](dst) = *fresh
			}
			return err
		}
	}
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
