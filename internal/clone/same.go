package clone

import (
	"bytes"
	"hash/maphash"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/internal/protomsg"
	"github.com/stillwarm/stillwarm/internal/refs"
	"github.com/stillwarm/stillwarm/internal/zone"
)

// A comparison holds a value against the copy that methods of its own have made: field by field, hidden ones too, floats by their
// bits, times by instant and zone, and what references share must be shared alike. One comparison is used for all such parts of
// a value, so that what two of them share is seen.
type comparison struct {
	*state // told of the memory that hidden references refer to; may be nil
	there  map[refs.Ref]ptr
	back   map[refs.Ref]ptr
}

// equal compares the values of type t at a and b.
func (c *comparison) equal(t reflect.Type, a, b ptr, depth int) bool {
	if depth > maxDepth {
		return false
	}
	if same, known := knownEqual(t, a, b); known {
		return same && (t.Kind() != reflect.Struct || !isMessage(t) || c.apart(t, a, depth))
	}
	switch t.Kind() {
	case reflect.String:
		return *at[string](a) == *at[string](b)
	case reflect.Struct:
		return c.structs(t, a, b, depth)
	case reflect.Array:
		return c.elements(t.Elem(), a, b, t.Len(), depth)
	case reflect.Slice:
		return c.slices(t, a, b, depth)
	case reflect.Pointer:
		return c.pointers(t, a, b, depth)
	case reflect.Map:
		return c.maps(t, a, b, depth)
	case reflect.Interface:
		return c.interfaces(t, a, b, depth)
	}
	return bytes.Equal(bytesAt(a, t.Size()), bytesAt(b, t.Size())) // numbers by their bits, functions and channels by address
}

// knownEqual compares values of types that hide their fields and mean something else than those say.
func knownEqual(t reflect.Type, a, b ptr) (same, known bool) {
	switch t {
	case timeType:
		return zone.Equal(*at[time.Time](a), *at[time.Time](b)), true
	case reflect.TypeFor[big.Int]():
		return at[big.Int](a).Cmp(at[big.Int](b)) == 0, true
	case reflect.TypeFor[big.Rat]():
		return at[big.Rat](a).Cmp(at[big.Rat](b)) == 0, true
	case reflect.TypeFor[big.Float]():
		return sameFloat(at[big.Float](a), at[big.Float](b)), true
	case reflect.TypeFor[regexp.Regexp]():
		x, y := at[regexp.Regexp](a), at[regexp.Regexp](b)
		return x.String() == y.String() && isLeftmostFirst(x) == isLeftmostFirst(y), true
	case reflect.TypeFor[time.Location]():
		return zone.Same(at[time.Location](a), at[time.Location](b)), true
	case reflect.TypeFor[sync.Mutex](), reflect.TypeFor[sync.RWMutex](), reflect.TypeFor[sync.Once](), reflect.TypeFor[sync.WaitGroup]():
		return true, true
	}
	if t.Kind() != reflect.Struct {
		return false, false
	}
	if t.ConvertibleTo(timeType) {
		return zone.Equal(*at[time.Time](a), *at[time.Time](b)), true
	}
	if isMessage(t) {
		return sameMessage(t, a, b), true
	}
	return false, false
}

func isMessage(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return protomsg.Is(p) && protomsg.Generated(p)
}

func sameFloat(a, b *big.Float) bool {
	return a.Cmp(b) == 0 && a.Signbit() == b.Signbit() && a.Prec() == b.Prec() && a.Mode() == b.Mode() && a.Acc() == b.Acc()
}

// sameMessage compares protobuf messages by their wire format, which says what a message is.
func sameMessage(t reflect.Type, a, b ptr) bool {
	x, errX := protomsg.AppendDeterministic(nil, reflect.NewAt(t, a))
	y, errY := protomsg.AppendDeterministic(nil, reflect.NewAt(t, b))
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// apart reports whether nothing that the exported fields of a message refer to is referred to a second time: the wire format
// writes it twice, and two it becomes.
func (c *comparison) apart(t reflect.Type, p ptr, depth int) bool {
	if depth > maxDepth {
		return false
	}
	met := func(n int, bytes uintptr) bool {
		x := addrOf(p)
		_, again := c.there[refs.Ref{At: x, Len: n, Type: typeID(t)}]
		if !again {
			_, _ = c.refer(t, x, x, n, bytes)
		}
		return again
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && !c.apart(f.Type, add(p, f.Offset), depth+1) {
				return false
			}
		}
	case reflect.Pointer:
		if addrOf(p) != nil && sizedType(t.Elem()) > 0 {
			return !met(1, t.Elem().Size()) && c.apart(t.Elem(), addrOf(p), depth+1)
		}
	case reflect.Slice:
		n := sliceLen(p)
		if n == 0 {
			return true
		}
		if met(n, uintptr(n)*t.Elem().Size()) {
			return false
		}
		for i := range uintptr(n) {
			if !c.apart(t.Elem(), add(addrOf(p), i*t.Elem().Size()), depth+1) {
				return false
			}
		}
	case reflect.Map:
		if addrOf(p) == nil {
			return true
		}
		if met(1, 0) {
			return false
		}
		for iter := valueAt(t, p).MapRange(); iter.Next(); {
			if !c.apart(t.Elem(), held(iter.Value()), depth+1) {
				return false
			}
		}
	case reflect.Interface:
		if v := valueAt(t, p).Elem(); v.IsValid() {
			return c.apart(v.Type(), held(v), depth+1)
		}
	}
	return true
}

func (c *comparison) structs(t reflect.Type, a, b ptr, depth int) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name != "_" && !c.equal(f.Type, add(a, f.Offset), add(b, f.Offset), depth+1) {
			return false
		}
	}
	return true
}

func (c *comparison) elements(t reflect.Type, a, b ptr, n, depth int) bool {
	if t.Size() == 0 {
		return true
	}
	for i := range uintptr(n) {
		if !c.equal(t, add(a, i*t.Size()), add(b, i*t.Size()), depth+1) {
			return false
		}
	}
	return true
}

func (c *comparison) slices(t reflect.Type, a, b ptr, depth int) bool {
	x, y, n := addrOf(a), addrOf(b), sliceLen(a)
	if (x == nil) != (y == nil) || n != sliceLen(b) {
		return false
	}
	if n == 0 || t.Elem().Size() == 0 || x == y {
		return true
	}
	again, ok := c.refer(t, x, y, n, uintptr(n)*t.Elem().Size())
	return ok && (again || c.elements(t.Elem(), x, y, n, depth))
}

func (c *comparison) pointers(t reflect.Type, a, b ptr, depth int) bool {
	x, y := addrOf(a), addrOf(b)
	if x == y {
		return true // something that all values of the type share, such as an entry of a table
	}
	if x == nil || y == nil {
		return false
	}
	if t.Elem().Size() == 0 {
		return true
	}
	if t.Elem() == reflect.TypeFor[time.Location]() {
		return zone.Same(at[time.Location](x), at[time.Location](y))
	}
	again, ok := c.refer(t, x, y, 1, t.Elem().Size())
	return ok && (again || c.equal(t.Elem(), x, y, depth+1))
}

// refer notes that what is at x in the value is at y in the copy. It reports whether the two were compared already, and false
// where either stands for something else: then the copy shares something that the value does not, or the other way round.
func (c *comparison) refer(t reflect.Type, x, y ptr, n int, bytes uintptr) (again, ok bool) {
	from, to := refs.Ref{At: x, Len: n, Type: typeID(t)}, refs.Ref{At: y, Len: n, Type: typeID(t)}
	y0, seen := c.there[from]
	x0, seenBack := c.back[to]
	if seen || seenBack {
		return true, seen && seenBack && y0 == y && x0 == x
	}
	if c.there == nil {
		c.there, c.back = map[refs.Ref]ptr{}, map[refs.Ref]ptr{}
	}
	c.there[from], c.back[to] = y, x
	if c.state != nil && c.watched && bytes > 0 {
		c.regions = append(c.regions, refs.Region{At: x, Size: bytes})
	}
	return false, true
}

func (c *comparison) interfaces(t reflect.Type, a, b ptr, depth int) bool {
	x, y := valueAt(t, a).Elem(), valueAt(t, b).Elem()
	if !x.IsValid() || !y.IsValid() {
		return x.IsValid() == y.IsValid()
	}
	return x.Type() == y.Type() && c.equal(x.Type(), held(x), held(y), depth+1)
}

// held returns the address of a copy of what an interface holds.
func held(v reflect.Value) ptr {
	to := newValue(v.Type())
	valueAt(v.Type(), to).Set(v)
	return to
}

func (c *comparison) maps(t reflect.Type, a, b ptr, depth int) bool {
	x, y := addrOf(a), addrOf(b)
	if (x == nil) != (y == nil) || x == y {
		return x == y
	}
	if again, ok := c.refer(t, x, y, 1, 0); again || !ok {
		return ok
	}
	from, to := valueAt(t, a), valueAt(t, b)
	if from.Len() != to.Len() {
		return false
	}
	// Keys are found by what they say: a time's location has another address in the copy.
	buckets := map[uint64][]entryAt{}
	for iter := to.MapRange(); iter.Next(); {
		e := entryAt{held(iter.Key()), held(iter.Value())}
		h := hash(t.Key(), e.key)
		buckets[h] = append(buckets[h], e)
	}
	for iter := from.MapRange(); iter.Next(); {
		key, value := held(iter.Key()), held(iter.Value())
		if !c.take(t, buckets, key, value, depth) {
			return false
		}
	}
	return true
}

type entryAt struct{ key, value ptr }

// take finds an entry in the buckets that is equal to the given one, and takes it out.
func (c *comparison) take(t reflect.Type, buckets map[uint64][]entryAt, key, value ptr, depth int) bool {
	h := hash(t.Key(), key)
	for i, e := range buckets[h] {
		if c.equal(t.Key(), key, e.key, depth+1) && c.equal(t.Elem(), value, e.value, depth+1) {
			buckets[h] = append(buckets[h][:i:i], buckets[h][i+1:]...)
			return true
		}
	}
	return false
}

var seed = maphash.MakeSeed()

// hash returns a number that is the same for equal values.
func hash(t reflect.Type, p ptr) uint64 {
	switch t.Kind() {
	case reflect.String:
		return maphash.String(seed, *at[string](p))
	case reflect.Interface:
		if v := valueAt(t, p).Elem(); v.IsValid() {
			return hash(v.Type(), held(v))
		}
	case reflect.Array:
		var h uint64
		for i := range uintptr(t.Len()) {
			h = h*31 + hash(t.Elem(), add(p, i*t.Elem().Size()))
		}
		return h
	case reflect.Struct:
		if t.ConvertibleTo(timeType) {
			return uint64(at[time.Time](p).Unix())
		}
		var h uint64
		for i := range t.NumField() {
			if f := t.Field(i); f.Name != "_" {
				h = h*31 + hash(f.Type, add(p, f.Offset))
			}
		}
		return h
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Chan, reflect.Func, reflect.UnsafePointer:
	case reflect.Float64:
		return math.Float64bits(*at[float64](p))
	default:
		return maphash.Bytes(seed, bytesAt(p, t.Size()))
	}
	return 0
}
