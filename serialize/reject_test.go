package serialize

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/fxamacker/cbor/v2"
)

type session struct {
	User string
	conn net.Conn
}

type result struct {
	Session session
	Items   []map[string]item
}

type item struct{ Done chan int }

func TestTypesThatWouldLoseSomethingHaveNoCodec(t *testing.T) {
	for _, c := range []struct {
		t       reflect.Type
		path    string
		culprit reflect.Type
	}{
		{reflect.TypeFor[result](), "out.Session.conn", reflect.TypeFor[net.Conn]()},
		{reflect.TypeFor[struct{ Items []map[string]item }](), "out.Items[][].Done", reflect.TypeFor[chan int]()},
		{reflect.TypeFor[func()](), "out", reflect.TypeFor[func()]()},
		{reflect.TypeFor[error](), "out", reflect.TypeFor[error]()},
		{reflect.TypeFor[struct{ S fmt.Stringer }](), "out.S", reflect.TypeFor[fmt.Stringer]()},
		{reflect.TypeFor[struct{ C context.Context }](), "out.C", reflect.TypeFor[context.Context]()},
		{reflect.TypeFor[[]unsafe.Pointer](), "out[]", reflect.TypeFor[unsafe.Pointer]()},
		{reflect.TypeFor[uintptr](), "out", reflect.TypeFor[uintptr]()},
		{reflect.TypeFor[struct{ Mu sync.Mutex }](), "out.Mu", reflect.TypeFor[sync.Mutex]()},
		{reflect.TypeFor[struct{ N atomic.Int64 }](), "out.N", reflect.TypeFor[atomic.Int64]()},
		{reflect.TypeFor[map[*int]int](), "out[key]", reflect.TypeFor[*int]()},
		{reflect.TypeFor[map[struct{ P *int }]int](), "out[key].P", reflect.TypeFor[struct{ P *int }]()},
		{reflect.TypeFor[io.Reader](), "out", reflect.TypeFor[io.Reader]()},
		{reflect.TypeFor[struct{ R *http.Request }](), "", nil},
		{reflect.TypeFor[*sql.DB](), "", nil},
		{reflect.TypeFor[*http.Client](), "", nil},
	} {
		t.Run(c.t.String(), func(t *testing.T) {
			_, err := CodecFor(c.t)
			var bad *UnserializableError
			if !errors.As(err, &bad) {
				t.Fatalf("got %v", err)
			}
			if bad.Type != c.t || bad.Reason == "" || !strings.HasPrefix(bad.Path, "out") {
				t.Errorf("got %+v", bad)
			}
			if c.path != "" && (bad.Path != c.path || bad.Culprit != c.culprit) {
				t.Errorf("got %s of %s, want %s of %s", bad.Path, bad.Culprit, c.path, c.culprit)
			}
			if !strings.Contains(err.Error(), bad.Path) || !strings.Contains(err.Error(), "CacheResource") {
				t.Errorf("the message says too little: %v", err)
			}
		})
	}
}

func encodeError[T any](t *testing.T, v T) error {
	t.Helper()
	codec, err := CodecFor(reflect.TypeFor[T]())
	if err != nil {
		t.Fatal(err)
	}
	out, err := codec.Append([]byte("x"), &v)
	if err != nil && string(out) != "x" {
		t.Errorf("with an error Append returned %d bytes more", len(out)-1)
	}
	return err
}

func TestValuesThatCannotBeRestoredAreErrors(t *testing.T) {
	t.Run("a list of a million nodes", func(t *testing.T) {
		var l *list
		for range 1_000_000 {
			l = &list{Next: l}
		}
		if err := encodeError(t, l); !errors.Is(err, ErrTooDeep) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a list just within the bound is kept", func(t *testing.T) {
		var l *list
		for i := range maxDepth {
			l = &list{Value: i, Next: l}
		}
		if out := roundTripQuiet(t, l); !reflect.DeepEqual(l, out) {
			t.Error("it differs")
		}
	})
	for _, v := range []any{struct{}{}, inner{}, func() {}, ptr(1), errors.New("x"), []int8{1}, level(1), time.UTC} {
		t.Run(fmt.Sprintf("an interface that holds a %T", v), func(t *testing.T) {
			err := encodeError(t, []any{1.5, map[string]any{"k": v}})
			if !errors.Is(err, ErrDynamicType) || !strings.Contains(err.Error(), fmt.Sprintf("%T", v)) ||
				!strings.Contains(err.Error(), "out[1][string]") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// roundTripQuiet is roundTrip for values that are nested deeper than other CBOR libraries follow.
func roundTripQuiet[T any](t *testing.T, in T) (out T) {
	t.Helper()
	codec, err := CodecFor(reflect.TypeFor[T]())
	if err != nil {
		t.Fatal(err)
	}
	data, err := codec.Append(nil, &in)
	if err != nil {
		t.Fatal(err)
	}
	if err := codec.Decode(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBytesThatAreNoEncodingAreErrors(t *testing.T) {
	huge := []byte{0x9b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff}
	for _, c := range []struct {
		name string
		t    reflect.Type
		data []byte
	}{
		{"nothing", reflect.TypeFor[inner](), nil},
		{"an array of 2^39 elements", reflect.TypeFor[[]inner](), huge},
		{"a map of 2^39 pairs", reflect.TypeFor[map[string]int](), []byte{0xbb, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff}},
		{"a byte string of 2^63 bytes", reflect.TypeFor[*[]byte](), []byte{0x81, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
		{"an array of 2^39 in an interface", reflect.TypeFor[any](), huge},
		{"an indefinite length", reflect.TypeFor[[]int](), []byte{0x9f, 0x01, 0xff}},
		{"too few fields", reflect.TypeFor[inner](), []byte{0x81, 0x60}},
		{"too many fields", reflect.TypeFor[inner](), []byte{0x83, 0x60, 0, 0}},
		{"bytes left over", reflect.TypeFor[inner](), []byte{0x82, 0x60, 0, 0}},
		{"a number out of range", reflect.TypeFor[int8](), []byte{0x18, 0x80}},
		{"a negative unsigned number", reflect.TypeFor[uint](), []byte{0x20}},
		{"a boolean that is null", reflect.TypeFor[bool](), []byte{0xf6}},
		{"equal keys", reflect.TypeFor[map[string]int](), []byte{0xa2, 0x60, 0, 0x60, 0}},
		{"a key that cannot be compared", reflect.TypeFor[map[any]int](), []byte{0xa1, 0x80, 0}},
		{"an unknown tag in an interface", reflect.TypeFor[any](), []byte{0xd9, 0xff, 0xff, 0}},
		{"an array of the wrong length", reflect.TypeFor[[2]int](), []byte{0x81, 0}},
		{"a byte array of the wrong length", reflect.TypeFor[[2]byte](), []byte{0x41, 0}},
		{"floats that are cut", reflect.TypeFor[[]float64](), []byte{0xd8, 86, 0x41, 0}},
		{"a time with too many nanoseconds", reflect.TypeFor[time.Time](), []byte{0x82, 0, 0x1a, 0xff, 0xff, 0xff, 0xff}},
		{"bytes without the byte for present", reflect.TypeFor[[]byte](), []byte{9}},
	} {
		t.Run(c.name, func(t *testing.T) {
			codec, err := CodecFor(c.t)
			if err != nil {
				t.Fatal(err)
			}
			if err := codec.Decode(c.data, reflect.New(c.t).Interface()); !errors.Is(err, ErrMalformed) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("nesting without end", func(t *testing.T) {
		codec, _ := CodecFor(reflect.TypeFor[any]())
		data := make([]byte, 1_000_000)
		for i := range data {
			data[i] = 0x81
		}
		if err := codec.Decode(data, new(any)); !errors.Is(err, ErrTooDeep) || !errors.Is(err, ErrMalformed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestEveryTruncationIsAnError(t *testing.T) {
	in := fullValue()
	codec, _ := CodecFor(reflect.TypeFor[everything]())
	data, err := codec.Append(nil, &in)
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if err := codec.Decode(data[:n], new(everything)); err == nil {
			t.Fatalf("%d of %d bytes decoded", n, len(data))
		}
	}
}

func TestAllocationIsBoundedByTheInput(t *testing.T) {
	type wide struct{ A, B, C, D, E, F, G, H []string }
	codec, err := CodecFor(reflect.TypeFor[[]wide]())
	if err != nil {
		t.Fatal(err)
	}
	// The head claims as many elements as there are bytes; at 9 bytes each they cannot be there.
	data := append([]byte{0x9a, 0, 0x10, 0, 0}, make([]byte, 1<<20)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if codec.Decode(data, new([]wide)) == nil {
		t.Fatal("decoded")
	}
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	if allocated > 1<<16 {
		t.Errorf("%d bytes allocated for a claim that cannot hold", allocated)
	}
}

func TestAnotherLibraryReadsTheEncoding(t *testing.T) {
	in := struct {
		Name  string
		Count int
		List  []int
		Map   map[string]bool
		Ratio float64
		None  *int
	}{"n", -5, []int{1, 2}, map[string]bool{"k": true}, 0.5, nil}
	codec, err := CodecFor(reflect.TypeOf(in))
	if err != nil {
		t.Fatal(err)
	}
	data, err := codec.Append(nil, &in)
	if err != nil {
		t.Fatal(err)
	}
	var got []any
	if err := cbor.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := []any{"n", int64(-5), []any{uint64(1), uint64(2)}, map[any]any{"k": true}, 0.5, nil}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}
