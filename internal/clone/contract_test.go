package clone

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/zone"
	"github.com/stillwarm/stillwarm/serialize"
)

// This file holds the contract's lines on results against types whose methods lie. Each subtest carries the id of its line.

// Types with pairs of methods that lose something.
type (
	redacted  struct{ value string }
	rounded   struct{ value float64 }
	forgetful struct{ kept, lost string }
	unsigned  struct{ value float64 } // loses the sign of zero and the bits of NaN
	drifting  struct{ n int }         // restores the first time, and less each time after
	zoned     struct{ at time.Time }  // writes the instant only
	nilled    struct{ list []int }    // makes an empty list of a nil one
	unshared  struct{ a, b *int }
	capped    struct{ list []int } // restores with more room
	monotonic struct{ at time.Time }
	honest    struct{ a, b string }
	table     struct{ entry *tableEntry }
	cached    struct {
		text  string
		once  sync.Once
		upper string
	}
	fails   struct{ n int }
	panicky struct{ n int }
)

type tableEntry struct{ name string }

var entries = map[string]*tableEntry{"a": {"a"}, "b": {"b"}}

func (redacted) MarshalText() ([]byte, error)    { return []byte("[REDACTED]"), nil }
func (r *redacted) UnmarshalText(b []byte) error { r.value = string(b); return nil }
func (r rounded) MarshalText() ([]byte, error)   { return fmt.Appendf(nil, "%.2f", r.value), nil }
func (r *rounded) UnmarshalText(b []byte) (err error) {
	r.value, err = strconv.ParseFloat(string(b), 64)
	return err
}
func (f forgetful) MarshalBinary() ([]byte, error) { return []byte(f.kept + "\x00" + f.lost), nil }
func (f *forgetful) UnmarshalBinary(b []byte) error {
	f.kept, _, _ = strings.Cut(string(b), "\x00")
	return nil
}
func (u unsigned) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, u.value+0, 'g', -1, 64), nil
}
func (u *unsigned) UnmarshalText(b []byte) (err error) {
	u.value, err = strconv.ParseFloat(string(b), 64)
	return err
}

var drifts int

func (d drifting) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(d.n), 10), nil }
func (d *drifting) UnmarshalText(b []byte) (err error) {
	d.n, err = strconv.Atoi(string(b))
	d.n += drifts
	drifts++
	return err
}
func (z zoned) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, z.at.Unix(), 10), nil }
func (z *zoned) UnmarshalText(b []byte) error {
	sec, err := strconv.ParseInt(string(b), 10, 64)
	z.at = time.Unix(sec, 0).UTC()
	return err
}
func (n nilled) MarshalJSON() ([]byte, error)   { return json.Marshal(append([]int{}, n.list...)) }
func (n *nilled) UnmarshalJSON(b []byte) error  { return json.Unmarshal(b, &n.list) }
func (u unshared) MarshalText() ([]byte, error) { return fmt.Append(nil, *u.a, ",", *u.b), nil }
func (u *unshared) UnmarshalText(b []byte) error {
	u.a, u.b = new(int), new(int)
	_, err := fmt.Sscanf(string(b), "%d,%d", u.a, u.b)
	return err
}
func (c capped) MarshalBinary() ([]byte, error) {
	return binary.LittleEndian.AppendUint64(nil, uint64(c.list[0])), nil
}
func (c *capped) UnmarshalBinary(b []byte) error {
	c.list = append(make([]int, 0, 64), int(binary.LittleEndian.Uint64(b)))
	return nil
}
func (m monotonic) MarshalText() ([]byte, error)  { return m.at.MarshalText() }
func (m *monotonic) UnmarshalText(b []byte) error { return m.at.UnmarshalText(b) }
func (h honest) MarshalText() ([]byte, error)     { return []byte(h.a + "\x00" + h.b), nil }
func (h *honest) UnmarshalText(b []byte) error {
	h.a, h.b, _ = strings.Cut(string(b), "\x00")
	return nil
}
func (e table) MarshalText() ([]byte, error)   { return []byte(e.entry.name), nil }
func (e *table) UnmarshalText(b []byte) error  { e.entry = entries[string(b)]; return nil }
func (c *cached) MarshalText() ([]byte, error) { return []byte(c.text), nil }
func (c *cached) UnmarshalText(b []byte) error { c.text = string(b); return nil }
func (c *cached) Upper() string {
	c.once.Do(func() { c.upper = strings.ToUpper(c.text) })
	return c.upper
}
func (fails) MarshalText() ([]byte, error)   { return nil, errFailing }
func (*fails) UnmarshalText([]byte) error    { return nil }
func (panicky) MarshalText() ([]byte, error) { panic("out of order") }
func (*panicky) UnmarshalText([]byte) error  { panic("out of order") }

// Types that show everything, with pairs that lose it.
type (
	secretText string
	openLogin  struct{ User, Password string }
)

func (secretText) MarshalText() ([]byte, error)    { return []byte("[REDACTED]"), nil }
func (s *secretText) UnmarshalText(b []byte) error { *s = secretText(b); return nil }
func (l openLogin) MarshalJSON() ([]byte, error)   { return json.Marshal(l.User) }
func (l *openLogin) UnmarshalJSON(b []byte) error  { return json.Unmarshal(b, &l.User) }

// refusedAsLoss checks that the value is not kept because a type's own methods lose something.
func refusedAsLoss[T any](t *testing.T, v T) {
	t.Helper()
	if kept, err := keepOf(t, v); !isLoss(err) || kept != nil {
		t.Errorf("%+v is kept: %v", v, err)
	}
}

// exact checks that the value is kept, and that what is kept, its copy, and what is decoded from its bytes are it.
func exact[T any](t *testing.T, v T, same func(a, b T) bool) {
	t.Helper()
	kept, err := keepOf(t, v)
	if err != nil {
		t.Errorf("%+v is refused: %v", v, err)
		return
	}
	codec, err := serialize.CodecFor(reflect.TypeFor[T]())
	if err != nil {
		t.Fatal(err)
	}
	data, err := codec.Append(nil, &kept.Value)
	if err != nil {
		t.Fatal(err)
	}
	decoded := new(Kept[T])
	if err := codec.Decode(data, &decoded.Value); err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*Kept[T]{"kept": kept, "decoded": decoded} {
		for range 2 { // the second copy knows the shape
			var out T
			if err := Copy(compileFor[T](t), &out, k); err != nil || !same(v, out) {
				t.Errorf("%s: %+v became %+v, %v", name, v, out, err)
			}
		}
		if !same(v, k.Value) {
			t.Errorf("%s: %+v became %+v", name, v, k.Value)
		}
	}
}

func equals[T comparable](a, b T) bool { return a == b }
func deeply[T any](a, b T) bool        { return reflect.DeepEqual(a, b) }

func TestResultsOfTypesThatLie(t *testing.T) {
	t.Run("I2 redacts", func(t *testing.T) {
		refusedAsLoss(t, redacted{"alice"})
		exact(t, redacted{"[REDACTED]"}, equals)
		refusedAsLoss(t, []*redacted{{"[REDACTED]"}, {"alice"}})
		refusedAsLoss(t, map[string]redacted{"a": {"alice"}})
		refusedAsLoss(t, map[redacted]int{{"alice"}: 1})
	})
	t.Run("I2 rounds", func(t *testing.T) {
		refusedAsLoss(t, rounded{1.234})
		exact(t, rounded{1.25}, equals)
	})
	t.Run("I2 forgets", func(t *testing.T) {
		refusedAsLoss(t, forgetful{"a", "b"})
		exact(t, forgetful{"a", ""}, equals)
	})
	t.Run("I2 floats by their bits", func(t *testing.T) {
		refusedAsLoss(t, unsigned{math.Copysign(0, -1)})
		refusedAsLoss(t, unsigned{math.Float64frombits(0x7ff8_0000_0000_1234)})
		exact(t, unsigned{1.5}, equals)
	})
	t.Run("I2 not the same twice", func(t *testing.T) {
		drifts = 0
		refusedAsLoss(t, drifting{7})
	})
	t.Run("I2 hidden times by zone, without the monotonic reading", func(t *testing.T) {
		refusedAsLoss(t, zoned{time.Unix(7, 0).In(time.FixedZone("X", 60))})
		exact(t, zoned{time.Unix(7, 0).UTC()}, deeply)
		exact(t, monotonic{time.Now().UTC()}, func(a, b monotonic) bool { return zone.Equal(a.at, b.at) })
	})
	t.Run("I2 hidden lists, nil and empty, and their room", func(t *testing.T) {
		refusedAsLoss(t, nilled{nil})
		exact(t, nilled{[]int{}}, deeply)
		exact(t, nilled{[]int{1}}, deeply)
		exact(t, capped{[]int{1}}, deeply)
	})
	t.Run("I2 hidden pointers: what was shared stays shared", func(t *testing.T) {
		one, two := 1, 1
		refusedAsLoss(t, unshared{&one, &one})
		exact(t, unshared{&one, &two}, deeply)
		refusedAsLoss(t, []unshared{{&one, &two}, {new(int), &two}})
		refusedAsLoss(t, struct {
			U unshared
			P *int
		}{unshared{&one, &two}, nil}.U.swap(&one))
	})
	t.Run("I2 hidden pointers into a table are no sharing of the value's own", func(t *testing.T) {
		exact(t, []table{{entries["a"]}, {entries["a"]}, {entries["b"]}}, deeply)
	})
	t.Run("I2 a hidden pointer that something visible shares", func(t *testing.T) {
		one, two := 1, 2
		type both struct {
			U unshared
			P *int
		}
		if _, err := keepOf(t, both{unshared{&one, &two}, &two}); !errors.Is(err, ErrOverlap) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("I2 hidden state that is filled later", func(t *testing.T) {
		fresh, used := &cached{text: "a"}, &cached{text: "a"}
		used.Upper()
		exact(t, fresh, func(a, b *cached) bool { return a.text == b.text && a.upper == b.upper })
		refusedAsLoss(t, used)
	})
	t.Run("I2 methods that fail or panic", func(t *testing.T) {
		if _, err := keepOf(t, fails{1}); !errors.Is(err, errFailing) {
			t.Errorf("got %v", err)
		}
		if _, err := keepOf(t, []panicky{{1}}); err == nil {
			t.Error("kept")
		}
	})
	t.Run("I2 the result itself is left alone", func(t *testing.T) {
		v := []*redacted{{"alice"}}
		refusedAsLoss(t, v)
		if v[0].value != "alice" {
			t.Error(v[0].value)
		}
	})
	t.Run("I2 structure speaks for itself, whatever the methods say", func(t *testing.T) {
		exact(t, secretText("alice"), equals)
		exact(t, []openLogin{{"a", "b"}}, deeply)
		exact(t, map[secretText]*openLogin{"x": {"a", "b"}}, deeply)
	})
	t.Run("I2 honest methods are believed", func(t *testing.T) {
		exact(t, honest{"a", "b"}, equals)
		exact(t, []map[string]*honest{{"x": {"a", "b"}, "y": nil}}, deeply)
	})
	t.Run("I2 a URL whose text is another one", func(t *testing.T) {
		u, _ := url.Parse("https://u:p@example.com/a%2Fb?q#f")
		exact(t, u, deeply)
		refusedAsLoss(t, &url.URL{Host: "h", Path: "relative"})
	})
}

func (u unshared) swap(*int) unshared { return unshared{u.a, u.a} }

func TestSharing(t *testing.T) {
	list := []int{1, 2, 3, 4}
	type element struct{ Name string }
	items := []element{{"a"}, {"b"}}
	first := struct{ Inner element }{element{"x"}}
	for name, v := range map[string]any{
		"a slice and its beginning": [][]int{list, list[:2]},
		"a slice and its end":       [][]int{list, list[2:]},
		"a pointer to an element": struct {
			L []element
			P *element
		}{items, &items[1]},
		"a pointer to a field": struct {
			A *struct{ Inner element }
			B *element
		}{&first, &first.Inner},
		"a pointer to a field's field": struct {
			A *struct{ Inner element }
			B *string
		}{&first, &first.Inner.Name},
		"bytes of one buffer":             struct{ A, B []byte }{[]byte("abcd")[:3], nil},
		"a slice in an interface, partly": []any{list, list[1:]},
	} {
		t.Run("I2 "+name, func(t *testing.T) {
			_, err := keepValue(t, reflect.ValueOf(v))
			if want := name != "bytes of one buffer"; errors.Is(err, ErrOverlap) != want {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("I2 slices side by side, as bytes.Split makes them", func(t *testing.T) {
		exact(t, [][]int{list[:2:2], list[2:]}, deeply)
	})
	t.Run("I2 in the copy and in what is decoded", func(t *testing.T) {
		one := 1
		m := map[string]int{"a": 1}
		type in struct {
			P, Q *int
			M, N map[string]int
			L, K []int
			A, B any
		}
		any1 := []any{1.5}
		exact(t, in{&one, &one, m, m, list, list, any1, any1}, func(a, b in) bool {
			return reflect.DeepEqual(a, b) && b.P == b.Q && reflect.ValueOf(b.M).Pointer() == reflect.ValueOf(b.N).Pointer() &&
				&b.L[0] == &b.K[0] && &b.A.([]any)[0] == &b.B.([]any)[0]
		})
		exact(t, in{P: &one, Q: new(int)}, func(a, b in) bool { return reflect.DeepEqual(a, b) && b.P != b.Q })
	})
}

// keepValue is Keep for a type that only reflection knows.
func keepValue(t *testing.T, v reflect.Value) (reflect.Value, error) {
	t.Helper()
	p, err := Compile(v.Type())
	if err != nil {
		t.Fatal(err)
	}
	src, kept := reflect.New(v.Type()), reflect.New(v.Type())
	src.Elem().Set(v)
	kept.Elem().Set(v)
	err = p.keeping().keep(&state{left: maxBytes}, pointerOf(kept), pointerOf(src))
	return kept.Elem(), err
}

// heapAfter returns how much the heap has grown when f's result is all that is left of it.
func heapAfter(f func() any) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	v := f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(v)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// sizeOfKept returns what the value is charged with: itself is an allocation, too.
func sizeOfKept(v any) int64 {
	switch k := v.(type) {
	case *Kept[[]string]:
		return sizeKept(k)
	case *Kept[map[string]int]:
		return sizeKept(k)
	case *Kept[map[string]string]:
		return sizeKept(k)
	case *Kept[[]*item]:
		return sizeKept(k)
	case *Kept[any]:
		return sizeKept(k)
	case *Kept[[]*capped]:
		return sizeKept(k)
	case *Kept[[]map[string]int]:
		return sizeKept(k)
	}
	panic(fmt.Sprintf("%T", v))
}

func sizeKept[T any](k *Kept[T]) int64 {
	p, err := Compile(reflect.TypeFor[T]())
	if err != nil {
		panic(err)
	}
	return Size(p, k)
}
