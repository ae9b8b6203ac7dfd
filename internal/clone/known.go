package clone

import (
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"time"

	"github.com/stillwarm/stillwarm/serialize"
)

// knownTypes are types of the standard library that marshal themselves or hide their fields, and for which there is a
// way to the codec's result that is shorter than through bytes.
var knownTypes = map[reflect.Type]func(n *node){
	reflect.TypeFor[time.Time]():      known(copyTime, nil),
	reflect.TypeFor[netip.Addr]():     shared,
	reflect.TypeFor[netip.AddrPort](): shared,
	reflect.TypeFor[netip.Prefix]():   shared,
	reflect.TypeFor[big.Int]():        known(copyInt, intSize),
	reflect.TypeFor[url.URL]():        known(copyURL, urlSize),
	reflect.TypeFor[regexp.Regexp]():  known(copyRegexp, regexpSize),
}

// shared is for types that assignment copies, although they hold pointers: what those point to never changes.
func shared(n *node) {}

// known makes the functions of a type from typed ones. What size returns is without the value's own bytes.
func known[T any](clone func(dst, src *T) error, size func(*T) int64) func(n *node) {
	return func(n *node) {
		n.copy = func(_ walk, dst, src ptr) error { return clone(at[T](dst), at[T](src)) }
		if size != nil {
			n.size = func(_ walk, src ptr) int64 { return size(at[T](src)) }
		}
	}
}

// copyTime shares the zone, which is immutable.
func copyTime(dst, src *time.Time) error {
	*dst = serialize.CanonicalTime(*src)
	return nil
}

func copyInt(dst, src *big.Int) error {
	*dst = big.Int{} // let go of the source's digits, which Set would write to
	dst.Set(src)
	return nil
}

func intSize(v *big.Int) int64 { return int64(v.BitLen()+63) / 64 * 8 }

func copyURL(dst, src *url.URL) error {
	*dst = *src // the Userinfo is immutable
	return nil
}

func urlSize(v *url.URL) int64 {
	return int64(len(v.Scheme) + len(v.Opaque) + len(v.Host) + len(v.Path) + len(v.RawPath) + len(v.RawQuery) +
		len(v.Fragment) + len(v.RawFragment))
}

func copyRegexp(dst, src *regexp.Regexp) error {
	*dst = *src
	return nil
}

func regexpSize(v *regexp.Regexp) int64 { return 16 * int64(len(v.String())) }
