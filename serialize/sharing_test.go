package serialize

import (
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

type mesh struct {
	Name  string
	Next  *mesh
	Kids  []*mesh
	Names map[string]*mesh
	Any   any
}

func TestWhatIsSharedStaysShared(t *testing.T) {
	t.Run("I2 pointers", func(t *testing.T) {
		n, m := 7, 7
		out := roundTripQuiet(t, []*int{&n, &m, &n})
		if out[0] != out[2] || out[0] == out[1] || *out[2] != 7 {
			t.Errorf("%v", out)
		}
	})
	t.Run("I2 pointers of two fields, two types and two depths", func(t *testing.T) {
		type in struct {
			A, B *mesh
			C    **mesh
			D    map[string]**mesh
		}
		a := &mesh{Name: "a"}
		v := in{A: a, B: &mesh{Next: a}, C: &a}
		v.D = map[string]**mesh{"x": v.C, "y": &a}
		out := roundTripQuiet(t, v)
		if out.B.Next != out.A || *out.C != out.A || out.D["x"] != out.C || out.D["y"] != out.C || *out.D["y"] != out.A {
			t.Error("not shared")
		}
	})
	t.Run("I2 maps, empty ones too", func(t *testing.T) {
		m, empty := map[string]int{"a": 1}, map[string]int{}
		out := roundTripQuiet(t, []map[string]int{m, empty, m, empty, {}, nil})
		out[0]["b"], out[1]["c"] = 2, 3
		if out[2]["b"] != 2 || out[3]["c"] != 3 || len(out[4]) != 0 || out[5] != nil {
			t.Errorf("%v", out)
		}
	})
	t.Run("I2 slices of every form", func(t *testing.T) {
		type in struct {
			Bytes   [2][]byte
			Floats  [2][]float64
			Singles [2][]float32
			Texts   [2][]string
			Any     [2]any
			Mixed   any
		}
		bytes, floats, singles, texts, anys := []byte("ab"), []float64{1}, []float32{2}, []string{"x"}, []any{1.5}
		out := roundTripQuiet(t, in{
			[2][]byte{bytes, bytes}, [2][]float64{floats, floats}, [2][]float32{singles, singles}, [2][]string{texts, texts},
			[2]any{anys, anys}, []any{bytes, anys, texts},
		})
		mixed := out.Mixed.([]any)
		for name, pair := range map[string][2]any{
			"bytes": {out.Bytes[0], out.Bytes[1]}, "floats": {out.Floats[0], out.Floats[1]}, "singles": {out.Singles[0], out.Singles[1]},
			"texts": {out.Texts[0], out.Texts[1]}, "any": {out.Any[0], out.Any[1]}, "bytes in an interface": {out.Bytes[0], mixed[0]},
			"a list in an interface": {out.Any[0], mixed[1]}, "texts in an interface": {out.Texts[0], mixed[2]},
		} {
			if a, b := reflect.ValueOf(pair[0]), reflect.ValueOf(pair[1]); a.Pointer() != b.Pointer() || a.Len() != b.Len() {
				t.Errorf("%s: not shared", name)
			}
		}
	})
	t.Run("I2 what is not shared stays apart", func(t *testing.T) {
		out := roundTripQuiet(t, [][]byte{[]byte("a"), []byte("a"), {}, {}, nil})
		out[0][0] = 'b'
		if string(out[1]) != "a" {
			t.Error("shared")
		}
	})
	t.Run("I2 what has no size has no identity", func(t *testing.T) {
		out := roundTripQuiet(t, []*struct{}{{}, {}, nil})
		if out[0] == nil || out[2] != nil {
			t.Error(out)
		}
		roundTripQuiet(t, [][]struct{}{make([]struct{}, 3), make([]struct{}, 3)})
	})
	t.Run("I2 a value that contains itself", func(t *testing.T) {
		ring := &mesh{Name: "a"}
		ring.Next = &mesh{Name: "b", Next: ring}
		if out := roundTripQuiet(t, ring); out.Next.Next != out || out.Next.Name != "b" {
			t.Error("a ring of pointers")
		}
		list := []any{nil, 1.5}
		list[0] = list
		out := roundTripQuiet[any](t, list).([]any)
		if inner := out[0].([]any); &inner[0] != &out[0] {
			t.Error("a list in itself")
		}
		m := map[string]any{}
		m["m"] = m
		again := roundTripQuiet[any](t, m).(map[string]any)
		again["x"] = 1.5
		if again["m"].(map[string]any)["x"] != 1.5 {
			t.Error("a map in itself")
		}
		tr := tree{Children: make([]tree, 1)}
		tr.Children[0].Children = tr.Children
		if got := roundTripQuiet(t, tr); &got.Children[0] != &got.Children[0].Children[0] {
			t.Error("a slice in itself")
		}
	})
	t.Run("I2 a graph that would unfold without end", func(t *testing.T) {
		m := &mesh{Name: "leaf"}
		for range 1000 {
			m = &mesh{Next: m, Kids: []*mesh{m, m, m}}
		}
		out, depth := roundTripQuiet(t, m), 0
		for ; out.Next != nil; out = out.Next {
			if depth++; out.Kids[0] != out.Next || out.Kids[2] != out.Next {
				t.Fatal("not shared")
			}
		}
		if depth != 1000 || out.Name != "leaf" {
			t.Error(depth)
		}
	})
	t.Run("the tags are those of value sharing, and only where something is shared", func(t *testing.T) {
		codec, _ := CodecFor(reflect.TypeFor[[]*int]())
		n, m := 7, 7
		for _, tt := range []struct {
			in   []*int
			want string
		}{{[]*int{&n, &m}, "\x82\x07\x07"}, {[]*int{&n, &n}, "\x82\xd8\x1c\x07\xd8\x1d\x00"}} {
			if got, err := codec.Append(nil, &tt.in); err != nil || string(got) != tt.want {
				t.Errorf("% x, %v", got, err)
			}
		}
	})
}

func TestReferencesThatAreNoneAreErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		t    reflect.Type
		data string
	}{
		"to nothing":          {reflect.TypeFor[[]*int](), "\x81\xd8\x1d\x00"},
		"to what comes later": {reflect.TypeFor[[]*int](), "\x82\xd8\x1d\x00\xd8\x1c\x07"},
		"to another type": {reflect.TypeFor[struct {
			A, B []*int
			C, D []*string
		}](), "\x84\x81\xd8\x1c\x07\xf6\x81\xd8\x1d\x00\xf6"},
		"in an interface":       {reflect.TypeFor[[]any](), "\x82\xd9\xea\x70\xd8\x1c\x41a\xd8\x1d\x00"},
		"marks without a value": {reflect.TypeFor[[]*int](), "\x81\xd8\x1c\xd8\x1c\x07"},
		"a mark of a scalar":    {reflect.TypeFor[[]any](), "\x81\xd8\x1c\xfb\x00\x00\x00\x00\x00\x00\x00\x00"},
		"where none can be":     {reflect.TypeFor[*int](), "\xd8\x1c\x07"},
		"a negative one":        {reflect.TypeFor[[]*int](), "\x82\xd8\x1c\x07\xd8\x1d\x20"},
		"cut off":               {reflect.TypeFor[[]*int](), "\x82\xd8\x1c\x07\xd8\x1d"},
	} {
		t.Run(name, func(t *testing.T) {
			codec, err := CodecFor(tt.t)
			if err != nil {
				t.Fatal(err)
			}
			if err := codec.Decode([]byte(tt.data), reflect.New(tt.t).Interface()); !errors.Is(err, ErrMalformed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// allocatedBy returns how many bytes f allocates.
func allocatedBy(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

func TestDecodingIsBoundedByABudget(t *testing.T) {
	const budget = 1 << 17
	empties := func(n int, item string) []byte {
		return append([]byte{0x9a, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, strings.Repeat(item, n)...)
	}
	for name, tt := range map[string]struct {
		t    reflect.Type
		data []byte
	}{
		"W5 empty maps in an interface":    {reflect.TypeFor[any](), empties(100_000, "\xa0")},
		"W5 lists in an interface":         {reflect.TypeFor[any](), empties(100_000, "\x80")},
		"W5 numbers in an interface":       {reflect.TypeFor[any](), empties(10_000, "\xfb12345678")},
		"W5 tagged values in an interface": {reflect.TypeFor[any](), empties(50_000, "\xd9\xea\x63\x01")},
		"W5 empty texts in an interface":   {reflect.TypeFor[any](), empties(50_000, "\x60")},
		"W5 nil slices":                    {reflect.TypeFor[[][]string](), empties(100_000, "\xf6")},
		"W5 wide structs":                  {reflect.TypeFor[[]struct{ A, B, C, D []string }](), empties(20_000, "\x84\xf6\xf6\xf6\xf6")},
		"W5 pointers to arrays":            {reflect.TypeFor[[]*[1][]string](), empties(50_000, "\x81\xf6")},
		"W5 typed maps":                    {reflect.TypeFor[[]map[string]int](), empties(50_000, "\xa0")},
		"W5 maps with an entry":            {reflect.TypeFor[[]map[uint8]int64](), empties(20_000, "\xa1\x01\x01")},
		"W5 bytes":                         {reflect.TypeFor[struct{ B []byte }](), append([]byte{0x81, 0x5a, 0, 4, 0, 0}, make([]byte, 2*budget)...)},
		"W5 bytes alone":                   {reflect.TypeFor[[]byte](), append([]byte{1}, make([]byte, 2*budget)...)},
		"W5 a string alone":                {reflect.TypeFor[string](), make([]byte, 2*budget)},
		"W5 floats":                        {reflect.TypeFor[[]float64](), append([]byte{0xd8, 86, 0x5a, 0, 4, 0, 0}, make([]byte, 2*budget)...)},
		"W5 short strings":                 {reflect.TypeFor[[]string](), empties(30_000, "\x61a")},
		"W5 long strings":                  {reflect.TypeFor[[]string](), empties(2_000, "\x78\x64"+strings.Repeat("a", 100))},
		"W5 types that store themselves":   {reflect.TypeFor[[]jsonOnly](), empties(30_000, "\x417")},
		"W5 JSON of commas":                {reflect.TypeFor[jsonList](), []byte("[" + strings.Repeat("{},", 10_000) + "{}]")},
		"W5 times in zones":                {reflect.TypeFor[[]time.Time](), empties(500, "\x83\x00\x00\x83\x01\x60\x01")},
	} {
		t.Run(name, func(t *testing.T) {
			codec, err := CodecFor(tt.t)
			if err != nil {
				t.Fatal(err)
			}
			var decodeErr error
			allocated := allocatedBy(func() { decodeErr = codec.DecodeWithin(tt.data, reflect.New(tt.t).Interface(), budget) })
			if !errors.Is(decodeErr, ErrTooLarge) {
				t.Errorf("got %v", decodeErr)
			}
			if own := tt.t == reflect.TypeFor[[]jsonOnly](); allocated > 2*budget && !own { // what methods throw away is not held
				t.Errorf("%d bytes allocated within %d", allocated, budget)
			}
			if err := codec.DecodeWithin(tt.data, reflect.New(tt.t).Interface(), 1<<32); err != nil {
				t.Errorf("with enough memory: %v", err)
			}
		})
	}
	t.Run("W5 an entry of 183 KB that would become 269 MB", func(t *testing.T) {
		s := newSealer(t, Options{})
		codec, _ := CodecFor(reflect.TypeFor[any]())
		entry, err := s.Seal(nil, testAddress, testHeader(), empties(4_000_000, "\xa0"))
		if err != nil || len(entry) > 190_000 {
			t.Fatal(len(entry), err)
		}
		_, payload, err := s.Open(testAddress, entry)
		if err != nil {
			t.Fatal(err)
		}
		var decodeErr error
		allocated := allocatedBy(func() { decodeErr = codec.DecodeWithin(payload, new(any), 64<<20) })
		if !errors.Is(decodeErr, ErrTooLarge) || allocated > 70<<20 {
			t.Errorf("%d bytes, %v", allocated, decodeErr)
		}
		if _, _, err := newSealer(t, Options{MaxSize: 1 << 20}).Open(testAddress, entry); !errors.Is(err, ErrBadEntry) {
			t.Errorf("a payload of more than memory allows is unpacked: %v", err)
		}
	})
	t.Run("W5 what an honest value takes is enough for it", func(t *testing.T) {
		in := fullValue()
		codec, _ := CodecFor(reflect.TypeFor[everything]())
		data, err := codec.Append(nil, &in)
		if err != nil {
			t.Fatal(err)
		}
		allocated := allocatedBy(func() { err = codec.Decode(data, new(everything)) })
		if err2 := codec.DecodeWithin(data, new(everything), 2*allocated); err != nil || err2 != nil {
			t.Errorf("%v, %v", err, err2)
		}
	})
	t.Run("I4 a part of a large buffer is copied", func(t *testing.T) {
		codec, _ := CodecFor(reflect.TypeFor[string]())
		large := append(make([]byte, 0, 1<<20), "short"...)
		var out string
		if err := codec.DecodeOwned(large, &out, budget); err != nil {
			t.Fatal(err)
		}
		if large[0] = 'S'; out != "short" {
			t.Error("the value holds the buffer")
		}
	})
}

// jsonList hides its list, so only its methods can store it.
type jsonList struct{ l []any }

func (l jsonList) MarshalJSON() ([]byte, error) { return []byte("[]"), nil }
func (l *jsonList) UnmarshalJSON(b []byte) error {
	l.l = make([]any, len(b)/3)
	for i := range l.l {
		l.l[i] = map[string]any{}
	}
	return nil
}
