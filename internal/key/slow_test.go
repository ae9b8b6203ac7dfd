package key

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// slow is the encoding as the package's documentation describes it, value by value and without any cleverness. It knows
// the kinds only: the generated types have no marshalers and no cycles.
func slow(v reflect.Value) []byte {
	length := func(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }
	le := binary.LittleEndian
	switch k := v.Kind(); k {
	case reflect.Bool:
		if v.Bool() {
			return []byte{1}
		}
		return []byte{0}
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		return le.AppendUint64(nil, uint64(v.Int()))[:slowWidth(v)]
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint, reflect.Uintptr:
		return le.AppendUint64(nil, v.Uint())[:slowWidth(v)]
	case reflect.Float32:
		return le.AppendUint32(nil, math.Float32bits(float32(v.Float())))
	case reflect.Float64:
		return le.AppendUint64(nil, math.Float64bits(v.Float()))
	case reflect.Complex128:
		return le.AppendUint64(le.AppendUint64(nil, math.Float64bits(real(v.Complex()))), math.Float64bits(imag(v.Complex())))
	case reflect.String:
		return append(length(v.Len()), v.String()...)
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return []byte{0}
		}
		header := []byte{1}
		if k == reflect.Interface {
			header = append(header, slowHeader(v.Elem().Type())...)
		}
		return append(header, slow(v.Elem())...)
	case reflect.Array, reflect.Slice:
		var b []byte
		if k == reflect.Slice {
			b = append(slowLoop(v.Type()), slowCount(v)...)
		}
		for i := range v.Len() {
			b = append(b, slow(v.Index(i))...)
		}
		return b
	case reflect.Map:
		var entries [][]byte
		for key, value := range v.Seq2() {
			entries = append(entries, append(slow(key), slow(value)...))
		}
		slices.SortFunc(entries, bytes.Compare)
		return append(append(slowLoop(v.Type()), slowCount(v)...), bytes.Join(entries, nil)...)
	case reflect.Struct:
		var b []byte
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("cache") != "-" && v.Type().Field(i).Name != "_" {
				b = append(b, slow(v.Field(i))...)
			}
		}
		return b
	}
	panic(v.Kind())
}

// slowCount returns the number of elements plus one, 0 for nil.
func slowCount(v reflect.Value) []byte {
	if v.IsNil() {
		return []byte{0}
	}
	return binary.AppendUvarint(nil, uint64(v.Len())+1)
}

// slowWidth returns how many bytes an integer has: as many as its type says, and 8 where the type leaves it to the machine.
func slowWidth(v reflect.Value) uintptr {
	switch v.Kind() {
	case reflect.Int, reflect.Uint, reflect.Uintptr:
		return 8
	}
	return v.Type().Size()
}

func slowHeader(t reflect.Type) []byte {
	b := append(binary.AppendUvarint(nil, uint64(len(fullName(t)))), fullName(t)...)
	if t.Name() == "" {
		sum := Fingerprint(t)
		b = append(b, sum[:]...)
	}
	return b
}

// slowLoop returns what stands before a slice or map that may contain itself through an interface.
func slowLoop(t reflect.Type) []byte {
	var holds func(reflect.Type) bool
	holds = func(t reflect.Type) bool {
		switch t.Kind() {
		case reflect.Interface:
			return true
		case reflect.Pointer, reflect.Slice, reflect.Array:
			return holds(t.Elem())
		case reflect.Map:
			return holds(t.Key()) || holds(t.Elem())
		case reflect.Struct:
			for i := range t.NumField() {
				if holds(t.Field(i).Type) {
					return true
				}
			}
		}
		return false
	}
	if t.Kind() == reflect.Slice && holds(t.Elem()) || t.Kind() == reflect.Map && (holds(t.Key()) || holds(t.Elem())) {
		return []byte{1}
	}
	return nil
}

// A maker makes types and values at random.
type maker struct{ *rand.Rand }

var leaves = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](),
	reflect.TypeFor[int64](), reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](),
	reflect.TypeFor[uint64](), reflect.TypeFor[uintptr](), reflect.TypeFor[float32](), reflect.TypeFor[float64](),
	reflect.TypeFor[complex128](), reflect.TypeFor[string](), reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[any](),
}

func (m maker) typ(depth int) reflect.Type {
	if depth == 0 {
		return leaves[m.IntN(len(leaves))]
	}
	switch m.IntN(8) {
	case 0:
		return reflect.PointerTo(m.typ(depth - 1))
	case 1:
		return reflect.SliceOf(m.typ(depth - 1))
	case 2:
		return reflect.ArrayOf(m.IntN(4), m.typ(depth-1))
	case 3:
		return reflect.MapOf(leaves[m.IntN(17)], m.typ(depth-1))
	case 4, 5:
		fields := make([]reflect.StructField, m.IntN(8))
		for i := range fields {
			fields[i] = reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: m.typ(m.IntN(depth))}
			if m.IntN(6) == 0 {
				fields[i].Tag = `cache:"-"`
			}
		}
		return reflect.StructOf(fields)
	}
	return m.typ(0)
}

func (m maker) fill(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(m.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(m.Int64() >> m.IntN(64))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(m.Uint64() >> m.IntN(64))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(m.NormFloat64())
	case reflect.Complex128:
		v.SetComplex(complex(m.NormFloat64(), m.NormFloat64()))
	case reflect.String:
		b := make([]byte, m.IntN(4)*m.IntN(60))
		for i := range b {
			b[i] = byte(m.IntN(256))
		}
		v.SetString(string(b))
	case reflect.Pointer:
		if m.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			m.fill(v.Elem(), depth)
		}
	case reflect.Interface:
		if depth > 0 && m.IntN(4) > 0 {
			held := reflect.New(m.typ(depth - 1)).Elem()
			m.fill(held, depth-1)
			v.Set(held)
		}
	case reflect.Slice:
		if n := m.IntN(6); n < 5 {
			v.Set(reflect.MakeSlice(v.Type(), n, 8))
		}
		m.fillElements(v, depth)
	case reflect.Array:
		m.fillElements(v, depth)
	case reflect.Map:
		n := m.IntN(6)
		if n == 5 {
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
		for range n {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			m.fill(key, 0)
			m.fill(value, depth)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			m.fill(v.Field(i), depth)
		}
	}
}

func (m maker) fillElements(v reflect.Value, depth int) {
	for i := range v.Len() {
		m.fill(v.Index(i), depth)
	}
}

// appendValue is Append for a type that is known only now.
func appendValue(p *Plan, v reflect.Value) ([]byte, error) {
	q := v.Addr().UnsafePointer()
	if p.prog.simple {
		return runSimple(nil, p.prog.ops, q), nil
	}
	return p.appendFull(nil, q, nil)
}

func checkAgainstSlow(t *testing.T, seed uint64) {
	m := maker{rand.New(rand.NewPCG(seed, 1))}
	typ := m.typ(4)
	p, err := Compile(typ, Options{})
	if err != nil {
		t.Fatalf("seed %d: %v: %v", seed, typ, err)
	}
	for range 3 {
		v := reflect.New(typ).Elem()
		m.fill(v, 2)
		got, err := appendValue(p, v)
		if err != nil {
			t.Fatalf("seed %d: %v: %v", seed, typ, err)
		}
		if want := slow(v); !bytes.Equal(got, want) {
			t.Fatalf("seed %d: %v: %#v\n got %x\nwant %x", seed, typ, v, got, want)
		}
	}
}

func TestPlansDoWhatTheDocumentationSays(t *testing.T) {
	for seed := range uint64(3000) {
		checkAgainstSlow(t, seed)
	}
}

func FuzzPlans(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(checkAgainstSlow)
}
