package serialize

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

type inner struct {
	Name  string
	Count int
}

type Exported struct {
	ID    int
	Title string
}

type tagged struct {
	Hidden  string `json:"-" cbor:"-"`
	Omitted int    `json:",omitempty"`
	Renamed string `json:"title"`
	Clash   string `json:"-"`
}

type embedding struct {
	Exported
	inner
	ID   string // shadows Exported.ID in the usual mappings
	When time.Time
}

type list struct {
	Value int
	Next  *list
}

type tree struct {
	Left, Right *tree
	Children    []tree
	ByName      map[string]*tree
}

type everything struct {
	B    bool
	I    int
	I8   int8
	I16  int16
	I32  int32
	I64  int64
	U    uint
	U8   uint8
	U16  uint16
	U32  uint32
	U64  uint64
	F32  float32
	F64  float64
	C64  complex64
	C128 complex128
	S    string
	Y    []byte
	A    [3]int16
	AB   [4]byte
	L    []string
	M    map[string]int
	P    *int
	PP   **string
	PS   *[]int
	N    struct{}
	Any  any
	T    time.Time
	D    time.Duration
	F    []float32
	G    []float64
	LL   [][]string
	MM   map[int]map[string][]bool
	_    [0]func()
}

type level int8

func (l level) MarshalText() ([]byte, error) {
	if l > 1 {
		return nil, errors.New("unknown level")
	}
	return []byte("level"), nil
}
func (l *level) UnmarshalText([]byte) error { return errors.New("unknown level") }

// roundTrip encodes the value, checks that the bytes are CBOR where they say so, and decodes them into a new value.
func roundTrip[T any](t *testing.T, in T) T {
	t.Helper()
	codec, err := CodecFor(reflect.TypeFor[T]())
	if err != nil {
		t.Fatalf("CodecFor: %v", err)
	}
	data, err := codec.Append([]byte("before"), &in)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	data, ok := bytes.CutPrefix(data, []byte("before"))
	if !ok {
		t.Fatal("Append did not append")
	}
	if codec.ID() == EncodingCBOR {
		if err := cbor.Wellformed(data); err != nil {
			t.Fatalf("another CBOR library finds % x malformed: %v", data, err)
		}
	}
	kept := bytes.Clone(data)
	var out T
	if err := codec.Decode(data, &out); err != nil {
		t.Fatalf("Decode % x: %v", data, err)
	}
	for i := range data {
		data[i] = 0xff
	}
	var again T
	if err := codec.Decode(kept, &again); err != nil {
		t.Fatal(err)
	}
	second, err := codec.Append(nil, &out)
	if err != nil {
		t.Fatalf("Append of what was decoded: %v", err)
	}
	if len(second) != len(kept) {
		t.Errorf("what was decoded encodes to %d bytes, the original to %d", len(second), len(kept))
	}
	return out
}

func check[T any](name string, in T) func(*testing.T) {
	return func(t *testing.T) {
		t.Run(name, func(t *testing.T) {
			if out := roundTrip(t, in); !reflect.DeepEqual(in, out) {
				t.Errorf("\n in %#v\nout %#v", in, out)
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

func fullValue() everything {
	return everything{
		B: true, I: -1, I8: math.MinInt8, I16: math.MaxInt16, I32: math.MinInt32, I64: math.MinInt64,
		U: math.MaxUint, U8: 255, U16: 1 << 15, U32: math.MaxUint32, U64: math.MaxUint64,
		F32: math.SmallestNonzeroFloat32, F64: math.Inf(-1), C64: complex(1, -2), C128: complex(math.MaxFloat64, 0.1),
		S: "héllo\x00", Y: []byte{0, 1, 2}, A: [3]int16{-1, 0, 1}, AB: [4]byte{1, 2, 3, 4}, L: []string{"", "a\xff\xfe"},
		M: map[string]int{"": 0, "b": -7}, P: ptr(3), PP: ptr(ptr("deep")), PS: ptr([]int{1}),
		Any: map[string]any{"list": []any{nil, true, 1.5, "s", []any{}, int64(7)}},
		T:   time.Date(2024, 2, 29, 1, 2, 3, 999999999, time.UTC), D: time.Hour,
		F: []float32{1.5, -0}, G: []float64{math.Pi}, LL: [][]string{nil, {}, {"x"}},
		MM: map[int]map[string][]bool{1: nil, 2: {}, 3: {"k": {true, false}, "n": nil}},
	}
}

func TestCodecReturnsWhatItWasGiven(t *testing.T) {
	for _, run := range []func(*testing.T){
		check("bool", true),
		check("smallest int64", int64(math.MinInt64)),
		check("largest uint64", uint64(math.MaxUint64)),
		check("string", "hello"),
		check("string that is not UTF-8", "\xff\x00\xfe"),
		check("named string", http.CanonicalHeaderKey("x-a")),
		check("empty bytes", []byte{}),
		check("nil bytes", []byte(nil)),
		check("bytes", []byte("abc")),
		check("raw JSON", json.RawMessage(`{"a": 1 }`)),
		check("every kind, zero", everything{}),
		check("every kind, full", fullValue()),
		check("pointer to every kind", ptr(fullValue())),
		check("slice of structs", []inner{{"a", 1}, {"b", 2}}),
		check("tags leave nothing out", tagged{"h", 1, "r", "c"}),
		check("embedded fields keep apart", embedding{Exported{1, "t"}, inner{"n", 2}, "id", time.Unix(0, 0).UTC()}),
		check("nil pointer", (*inner)(nil)),
		check("pointer to a nil pointer", ptr((*int)(nil))),
		check("nil pointer to a pointer", (**int)(nil)),
		check("pointer to a nil slice", ptr([]int(nil))),
		check("pointer to a nil interface", ptr(any(nil))),
		check("nil slice", []int(nil)), check("empty slice", []int{}),
		check("nil map", map[string]int(nil)), check("empty map", map[string]int{}),
		check("nil floats", []float64(nil)), check("empty floats", []float32{}),
		check("map with struct keys", map[inner]string{{"a", 1}: "x", {"a", 2}: "y"}),
		check("map with array keys", map[[2]int8]bool{{1, 2}: true}),
		check("map with interface keys", map[any]int{"a": 1, 2.5: 2, int8(3): 3}),
		check("map with address keys", map[netip.Addr]int{netip.MustParseAddr("::1%eth0"): 1}),
		check("array of empty structs", [3]struct{}{}),
		check("slice of empty structs", make([]struct{}, 5)),
		check("linked list", &list{1, &list{2, &list{3, nil}}}),
		check("tree", tree{Children: []tree{{}, {Left: &tree{}}}, ByName: map[string]*tree{"x": {Right: &tree{}}, "": nil}}),
		check("headers", http.Header{"Accept": {"a", "b"}, "Empty": nil}),
		check("4-byte IP", net.IP{1, 2, 3, 4}), check("16-byte IP", net.IPv4(1, 2, 3, 4)),
		check("address", netip.MustParseAddr("10.0.0.1")), check("zero address", netip.Addr{}),
		check("prefixes", []netip.Prefix{netip.MustParsePrefix("fe80::/10"), {}}),
		check("URL", mustURL("https://u:p@h:1/a%2Fb?q=1#f")),
		check("URL in a struct", struct{ U *url.URL }{mustURL("http://h/")}),
		check("big integer", big.NewInt(-123456789)), check("nil big integer", (*big.Int)(nil)),
		check("big rational", big.NewRat(-7, 3)),
		check("big float of 200 bits", new(big.Float).SetPrec(200).SetMode(big.ToZero).SetInt64(3)),
		check("regular expression", regexp.MustCompile(`^a+(b|c)$`)),
		check("a named integer is its number whatever its text says", level(7)),
		check("converted time", time.UnixMicro(-1).UTC()),
	} {
		run(t)
	}
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

func TestCodecKeepsFloatBits(t *testing.T) {
	type floats struct {
		A  float64
		B  float32
		L  []float64
		M  []float32
		C  complex128
		KV map[float64]int
	}
	nan64, nan32 := math.Float64frombits(0x7ff0000000000123), math.Float32frombits(0x7f800123)
	in := floats{nan64, nan32, []float64{nan64, math.Copysign(0, -1)}, []float32{nan32}, complex(nan64, math.Copysign(0, -1)), map[float64]int{math.NaN(): 1}}
	out := roundTrip(t, in)
	if math.Float64bits(out.A) != math.Float64bits(in.A) || math.Float32bits(out.B) != math.Float32bits(in.B) ||
		math.Float64bits(out.L[0]) != math.Float64bits(in.L[0]) || math.Float32bits(out.M[0]) != math.Float32bits(in.M[0]) ||
		math.Float64bits(real(out.C)) != math.Float64bits(real(in.C)) || !math.Signbit(out.L[1]) || len(out.KV) != 1 {
		t.Errorf("in %#v, out %#v", in, out)
	}
}

func TestCodecIDs(t *testing.T) {
	for _, c := range []struct {
		t    reflect.Type
		want byte
	}{
		{reflect.TypeFor[inner](), EncodingCBOR}, {reflect.TypeFor[[]byte](), EncodingBytes},
		{reflect.TypeFor[string](), EncodingString}, {reflect.TypeFor[netip.Addr](), EncodingBinary},
		{reflect.TypeFor[big.Int](), EncodingText}, {reflect.TypeFor[big.Float](), EncodingGob}, {reflect.TypeFor[big.Rat](), EncodingGob},
		{reflect.TypeFor[jsonOnly](), EncodingJSON}, {reflect.TypeFor[time.Time](), EncodingCBOR},
		{reflect.TypeFor[*big.Int](), EncodingCBOR},
	} {
		t.Run(c.t.String(), func(t *testing.T) {
			codec, err := CodecFor(c.t)
			if err != nil || codec.ID() != c.want {
				t.Errorf("got %v, %v, want %d", codec, err, c.want)
			}
		})
	}
}

func TestCodecIsSharedByType(t *testing.T) {
	a, _ := CodecFor(reflect.TypeFor[everything]())
	b, _ := CodecFor(reflect.TypeFor[everything]())
	if a != b {
		t.Error("two codecs for one type")
	}
}

func TestCodecRefusesAnotherTypesPointer(t *testing.T) {
	codec, err := CodecFor(reflect.TypeFor[inner]())
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]any{"value": inner{}, "other type": new(int), "nil": nil, "nil pointer": (*inner)(nil)} {
		t.Run(name, func(t *testing.T) {
			if out, err := codec.Append([]byte("x"), bad); err == nil || string(out) != "x" {
				t.Errorf("Append: %q, %v", out, err)
			}
			if err := codec.Decode([]byte{0x82, 0x60, 0}, bad); err == nil {
				t.Error("Decode took it")
			}
		})
	}
	if _, err := CodecFor(nil); err == nil {
		t.Error("a codec of the nil type")
	}
}

func TestDecodedValuesShareNothingWithTheInput(t *testing.T) {
	in := fullValue()
	codec, _ := CodecFor(reflect.TypeFor[everything]())
	data, err := codec.Append(nil, &in)
	if err != nil {
		t.Fatal(err)
	}
	var out everything
	if err := codec.Decode(data, &out); err != nil {
		t.Fatal(err)
	}
	clear(data)
	if !reflect.DeepEqual(in, out) {
		t.Errorf("overwriting the input changed the value:\n in %#v\nout %#v", in, out)
	}
	var other everything
	data, _ = codec.Append(nil, &in)
	if err := codec.Decode(data, &other); err != nil {
		t.Fatal(err)
	}
	other.Y[0], other.L[0], *other.P, other.G[0], other.M["b"] = 9, "changed", 9, 9, 9
	other.Any.(map[string]any)["list"].([]any)[0] = "changed"
	if !reflect.DeepEqual(in, out) {
		t.Error("two decoded values share memory")
	}
}

func TestShortStringsSurviveTogether(t *testing.T) {
	var in []string
	for i := range 500 {
		in = append(in, strings.Repeat(string(rune('a'+i%26)), i%130))
	}
	if out := roundTrip(t, in); !reflect.DeepEqual(in, out) {
		t.Error("strings differ")
	}
}
