package serialize

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// generator makes values of any type the codec has, from a seed.
type generator struct{ *rand.Rand }

var dynamicSamples = []any{nil, true, 1.5, "s", int64(-1), []any{"x", nil}, map[string]any{"k": 2.5}, []byte("b"), "\xff"}

func (g generator) fill(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(g.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(g.Uint64() >> g.IntN(64)))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(g.Uint64() >> g.IntN(64))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(g.NormFloat64())
	case reflect.Complex64, reflect.Complex128:
		v.SetComplex(complex(g.NormFloat64(), g.NormFloat64()))
	case reflect.String:
		b := make([]byte, g.IntN(100))
		for i := range b {
			b[i] = byte(g.Uint32())
		}
		v.SetString(string(b))
	case reflect.Interface:
		if sample := dynamicSamples[g.IntN(len(dynamicSamples))]; sample != nil {
			v.Set(reflect.ValueOf(sample))
		}
	case reflect.Struct:
		g.fillStruct(v, depth)
	case reflect.Array:
		for i := range v.Len() {
			g.fill(v.Index(i), depth+1)
		}
	default:
		g.fillReference(v, depth)
	}
}

func (g generator) fillStruct(v reflect.Value, depth int) {
	if v.Type() == timeType {
		v.Set(reflect.ValueOf(time.Unix(g.Int64()>>g.IntN(30), g.Int64N(1e9)).UTC()))
		return
	}
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			g.fill(v.Field(i), depth+1)
		}
	}
}

func (g generator) fillReference(v reflect.Value, depth int) {
	if g.IntN(4) == 0 || depth > 8 {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		g.fill(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), g.IntN(4), 4))
		for i := range v.Len() {
			g.fill(v.Index(i), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range g.IntN(4) {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			g.fill(key, depth+1)
			g.fill(elem, depth+1)
			v.SetMapIndex(key, elem)
		}
	}
}

var propertyTypes = []reflect.Type{
	reflect.TypeFor[everything](), reflect.TypeFor[*everything](), reflect.TypeFor[tree](), reflect.TypeFor[*list](),
	reflect.TypeFor[[]embedding](), reflect.TypeFor[map[string]tagged](), reflect.TypeFor[[][]map[int]*string](),
	reflect.TypeFor[[2][3]complex64](), reflect.TypeFor[***int](), reflect.TypeFor[*[]*map[bool]*[]string](),
	reflect.TypeFor[map[[2]string][]float64](), reflect.TypeFor[map[int8]struct{ A, B any }](), reflect.TypeFor[benchOrder](),
	reflect.TypeFor[any](), reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[time.Time](),
}

func TestGeneratedValuesComeBackEqual(t *testing.T) {
	for _, typ := range propertyTypes {
		t.Run(typ.String(), func(t *testing.T) {
			codec, err := CodecFor(typ)
			if err != nil {
				t.Fatal(err)
			}
			for seed := range uint64(100) {
				in, out := reflect.New(typ), reflect.New(typ)
				generator{rand.New(rand.NewPCG(seed, 1))}.fill(in.Elem(), 0)
				data, err := codec.Append(nil, in.Interface())
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if err := codec.Decode(data, out.Interface()); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				clear(data)
				if !reflect.DeepEqual(in.Interface(), out.Interface()) {
					t.Fatalf("seed %d:\n in %#v\nout %#v", seed, in.Elem(), out.Elem())
				}
			}
		})
	}
}

// TestDamagedEncodingsNeverPanic changes bytes of valid encodings. What still decodes must encode again: it is a value
// of the type like any other.
func TestDamagedEncodingsNeverPanic(t *testing.T) {
	for _, typ := range propertyTypes {
		t.Run(typ.String(), func(t *testing.T) {
			codec, err := CodecFor(typ)
			if err != nil {
				t.Fatal(err)
			}
			for seed := range uint64(50) {
				r := rand.New(rand.NewPCG(seed, 2))
				in := reflect.New(typ)
				generator{r}.fill(in.Elem(), 0)
				data, err := codec.Append(nil, in.Interface())
				if err != nil {
					t.Fatal(err)
				}
				for i := 0; i < 20 && len(data) > 0; i++ {
					data[r.IntN(len(data))] = byte(r.Uint32())
					out := reflect.New(typ)
					if codec.Decode(data, out.Interface()) != nil {
						continue
					}
					if _, err := codec.Append(nil, out.Interface()); err != nil {
						t.Fatalf("seed %d: decoded but does not encode: %v", seed, err)
					}
				}
			}
		})
	}
}
