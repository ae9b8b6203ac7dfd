package clone

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"regexp"
	"time"

	"github.com/stillwarm/stillwarm/serialize"
)

// leaves are the types that the reference and the checkers below take as a whole.
var leaves = map[reflect.Type]bool{
	reflect.TypeFor[time.Time]():     true,
	reflect.TypeFor[netip.Addr]():    true,
	reflect.TypeFor[regexp.Regexp](): true,
	reflect.TypeFor[big.Int]():       true,
}

// slowCopy is the obvious copy by reflection that the plans are held against. Leaves go through the codec.
func slowCopy(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	if leaves[v.Type()] {
		return roundTrip(v)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(slowCopy(v.Elem()))
		}
	case reflect.Interface:
		if !v.IsNil() {
			out.Set(slowCopy(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			out.Index(i).Set(slowCopy(v.Index(i)))
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMap(v.Type()))
		}
		for iter := v.MapRange(); iter.Next(); {
			out.SetMapIndex(slowCopy(iter.Key()), slowCopy(iter.Value()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			out.Field(i).Set(slowCopy(v.Field(i)))
		}
	default:
		out.Set(v)
	}
	return out
}

// roundTrip encodes and decodes v.
func roundTrip(v reflect.Value) reflect.Value {
	codec, err := serialize.CodecFor(v.Type())
	if err != nil {
		panic(err)
	}
	in, out := reflect.New(v.Type()), reflect.New(v.Type())
	in.Elem().Set(v)
	data, err := codec.Append(nil, in.Interface())
	if err == nil {
		err = codec.Decode(data, out.Interface())
	}
	if err != nil {
		panic(err)
	}
	return out.Elem()
}

// span is a range of memory that somebody may write to.
type span struct {
	from, to uintptr
	what     string
}

// spans lists the memory that v refers to and that can be changed through it.
func spans(v reflect.Value, path string, out []span) []span {
	if v.Type() == reflect.TypeFor[big.Int]() {
		n := v.Interface().(big.Int)
		return appendSpan(out, reflect.ValueOf(n.Bits()), path)
	}
	if leaves[v.Type()] {
		return out
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			size := v.Type().Elem().Size()
			if size > 0 {
				out = append(out, span{v.Pointer(), v.Pointer() + size, path})
			}
			out = spans(v.Elem(), "*"+path, out)
		}
	case reflect.Interface:
		if !v.IsNil() {
			out = spans(v.Elem(), path, out)
		}
	case reflect.Slice:
		out = appendSpan(out, v, path)
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			out = spans(v.Index(i), fmt.Sprint(path, "[", i, "]"), out)
		}
	case reflect.Map:
		if !v.IsNil() {
			out = append(out, span{v.Pointer(), v.Pointer() + 8, path})
		}
		for iter := v.MapRange(); iter.Next(); {
			out = spans(iter.Value(), path+"[...]", out)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			out = spans(v.Field(i), path+"."+v.Type().Field(i).Name, out)
		}
	}
	return out
}

func appendSpan(out []span, slice reflect.Value, path string) []span {
	if size := uintptr(slice.Cap()) * slice.Type().Elem().Size(); size > 0 {
		out = append(out, span{slice.Pointer(), slice.Pointer() + size, path})
	}
	return out
}

// sharedMemory names a place where a and b can change each other, or returns "".
func sharedMemory(a, b reflect.Value) string {
	of := spans(a, "a", nil)
	for _, y := range spans(b, "b", nil) {
		for _, x := range of {
			if x.from < y.to && y.from < x.to {
				return x.what + " and " + y.what
			}
		}
	}
	return ""
}

// scribble changes everything that can be changed through v, which must be addressable, and returns how much that was.
func scribble(v reflect.Value) (changed int) {
	if leaves[v.Type()] {
		if n, ok := v.Addr().Interface().(*big.Int); ok {
			for i := range n.Bits() {
				n.Bits()[i]++
				changed++
			}
		}
		return changed
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			changed = scribble(v.Elem())
		}
	case reflect.Interface:
		if !v.IsNil() {
			inner := reflect.New(v.Elem().Type()).Elem()
			inner.Set(v.Elem())
			changed = scribble(inner)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			changed += scribble(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			inner := reflect.New(v.Type().Elem()).Elem()
			inner.Set(v.MapIndex(key))
			changed += scribble(inner) + 1
			v.SetMapIndex(key, reflect.Value{})
		}
	case reflect.Struct:
		for i := range v.NumField() {
			changed += scribble(v.Field(i))
		}
	case reflect.String:
		v.SetString(v.String() + "!")
		changed++
	case reflect.Bool:
		v.SetBool(!v.Bool())
		changed++
	case reflect.Complex64, reflect.Complex128:
		v.SetComplex(7)
		changed++
	default:
		v.Set(reflect.ValueOf(7).Convert(v.Type()))
		changed++
	}
	return changed
}

// generator makes random types and values of them.
type generator struct{ *rand.Rand }

var scalars = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int8](), reflect.TypeFor[uint16](), reflect.TypeFor[int32](),
	reflect.TypeFor[int64](), reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[string](),
	reflect.TypeFor[[3]uint8](), reflect.TypeFor[struct{}](), reflect.TypeFor[netip.Addr](),
}

var others = []reflect.Type{
	reflect.TypeFor[any](), reflect.TypeFor[time.Time](), reflect.TypeFor[*big.Int](), reflect.TypeFor[big.Int](),
	reflect.TypeFor[*regexp.Regexp](), reflect.TypeFor[[]byte](), reflect.TypeFor[map[string]any](),
}

func (g generator) oneOf(types []reflect.Type) reflect.Type { return types[g.IntN(len(types))] }

func (g generator) typ(depth int) reflect.Type {
	if depth == 0 {
		return g.oneOf(scalars)
	}
	switch g.IntN(9) {
	case 0:
		return g.oneOf(others)
	case 1:
		return reflect.PointerTo(g.typ(depth - 1))
	case 2, 3:
		return reflect.SliceOf(g.typ(depth - 1))
	case 4:
		return reflect.ArrayOf(g.IntN(4), g.typ(depth-1))
	case 5:
		return reflect.MapOf(g.oneOf(scalars), g.typ(depth-1))
	default:
		var fields []reflect.StructField
		for i := range g.IntN(6) {
			fields = append(fields, reflect.StructField{Name: string(rune('A' + i)), Type: g.typ(depth - 1)})
		}
		return reflect.StructOf(fields)
	}
}

func (g generator) value(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch t {
	case reflect.TypeFor[time.Time]():
		zones := []*time.Location{time.UTC, time.Local, time.FixedZone("X", 3*3600), time.FixedZone("", -90)}
		return reflect.ValueOf(time.Now().Add(time.Duration(g.Int64N(1e15))).In(zones[g.IntN(len(zones))]))
	case reflect.TypeFor[netip.Addr]():
		return reflect.ValueOf(netip.AddrFrom4([4]byte{1, 2, 3, byte(g.IntN(256))}))
	case reflect.TypeFor[big.Int]():
		return reflect.ValueOf(*new(big.Int).Lsh(big.NewInt(1+g.Int64N(1e9)), uint(g.IntN(200))))
	case reflect.TypeFor[regexp.Regexp]():
		return reflect.ValueOf(*regexp.MustCompile("a+|b{1,3}"))
	}
	switch t.Kind() {
	case reflect.Bool:
		v.SetBool(g.IntN(2) == 0)
	case reflect.String:
		v.SetString(fmt.Sprint("s", g.IntN(1000)))
	case reflect.Pointer:
		if g.IntN(4) > 0 {
			v.Set(reflect.New(t.Elem()))
			v.Elem().Set(g.value(t.Elem()))
		}
	case reflect.Slice:
		if g.IntN(4) > 0 {
			n := g.IntN(4)
			v.Set(reflect.MakeSlice(t, n, n+g.IntN(3)))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).Set(g.value(t.Elem()))
		}
	case reflect.Map:
		if g.IntN(4) > 0 {
			v.Set(reflect.MakeMap(t))
			for range g.IntN(12) {
				v.SetMapIndex(g.value(t.Key()), g.value(t.Elem()))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			v.Field(i).Set(g.value(t.Field(i).Type))
		}
	case reflect.Interface:
		if dynamic := g.dynamic(3); dynamic != nil {
			v.Set(reflect.ValueOf(dynamic))
		}
	default:
		v.Set(reflect.ValueOf(g.IntN(100)).Convert(t))
	}
	return v
}

// dynamic returns something that an interface may hold.
func (g generator) dynamic(depth int) any {
	scalar := []any{nil, true, "text", 1.5, 7, uint8(3), time.Second, time.Unix(9, 9), []byte{1, 2}, []string{"a"},
		[]float64{1}, []int{4, 5}, map[string]string{"k": "v"}, []any(nil), map[string]any{}, complex(1, 2)}
	if depth == 0 || g.IntN(2) == 0 {
		t := scalar[g.IntN(len(scalar))]
		if t == nil {
			return nil
		}
		return slowCopy(reflect.ValueOf(t)).Interface() // so that two values do not share the table's
	}
	switch g.IntN(3) {
	case 0:
		return []any{g.dynamic(depth - 1), g.dynamic(depth - 1)}
	case 1:
		return []map[string]any{{"x": g.dynamic(depth - 1)}, nil}
	default:
		return map[string]any{"a": g.dynamic(depth - 1), "b": g.dynamic(depth - 1)}
	}
}
