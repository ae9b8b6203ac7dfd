package key

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"
)

type (
	celsius float64
	code    string
	pair    struct{ A, B string }
	tagged  struct {
		Query string
		Trace string        `cache:"-"`
		conn  *bytes.Buffer `cache:"-"`
	}
	blank struct {
		A int8
		_ [3]byte
		B int32
	}
	inner    struct{ X, Y int }
	embedder struct {
		inner
		Z int
	}
	node struct {
		Value int
		Next  *node
	}
	tree  struct{ Children []tree }
	graph map[string]graph
	loose struct{ Next any }
)

func TestNumbersAndText(t *testing.T) {
	t.Run("K5 bools by value", func(t *testing.T) { differ(t, false, true) })
	t.Run("K5 integers by value", func(t *testing.T) {
		differ(t, 0, 1, -1, math.MaxInt, math.MinInt)
		differ[int8](t, 0, 1, -1, 127, -128)
		differ[uint64](t, 0, 1, math.MaxUint64)
		differ[uintptr](t, 0, 1)
	})
	t.Run("K5 integers by type", func(t *testing.T) {
		differ[any](t, 1, int8(1), int16(1), int32(1), int64(1), uint(1), uint8(1), uint16(1), uint32(1), uint64(1), uintptr(1), 1.0, float32(1), true, "1")
	})
	t.Run("K5 a named type differs from its base type", func(t *testing.T) {
		differ[any](t, 1.0, celsius(1), "x", code("x"), []byte("x"))
	})
	t.Run("K5 floats by bits", func(t *testing.T) {
		differ(t, 0, math.Copysign(0, -1), math.Inf(1), math.NaN(), math.Float64frombits(math.Float64bits(math.NaN())^2))
		same(t, math.NaN(), math.NaN())
		differ[float32](t, 0, 1, float32(math.Copysign(0, -1)))
	})
	t.Run("K5 complex numbers by bits", func(t *testing.T) {
		differ(t, complex(1, 2), complex(2, 1), complex(1, math.Copysign(0, -1)), complex(1, 0))
		differ[complex64](t, complex(1, 2), complex(2, 1))
	})
	t.Run("K5 strings and bytes by content, framed", func(t *testing.T) {
		differ(t, pair{"a b", "c"}, pair{"a", "b c"}, pair{"a b c", ""}, pair{"", "a b c"})
		differ(t, []byte{}, []byte{0}, []byte{0, 0})
		differ(t, nil, []byte{}, []byte{0})
		differ(t, strings.Repeat("x", 127), strings.Repeat("x", 128), strings.Repeat("x", 1<<14))
	})
}

func TestListsAndMaps(t *testing.T) {
	t.Run("K6 arrays and slices by elements in order", func(t *testing.T) {
		differ(t, [2]int{1, 2}, [2]int{2, 1})
		differ(t, []string{"ab"}, []string{"a", "b"}, []string{"a", "b", ""}, nil)
		differ(t, [][]int{{1}, {2}}, [][]int{{1, 2}}, [][]int{{1, 2}, {}}, [][]int{{}, {1, 2}})
	})
	t.Run("K6 nil and empty differ", func(t *testing.T) {
		differ(t, nil, []int{}, []int{0})
		differ(t, nil, map[string]int{}, map[string]int{"": 0})
		differ(t, nil, []any{}, []any{nil})
		differ(t, nil, graph{}, graph{"": nil}, graph{"": {}})
		differ(t, nil, []struct{}{}, []struct{}{{}})
		differ(t, nil, []string{}, []string{""})
	})
	t.Run("a list of one is not its element", func(t *testing.T) {
		differ[any](t, "a", []string{"a"}, [1]string{"a"}, [][]string{{"a"}}, []any{"a"})
	})
	t.Run("slices of nothing by length", func(t *testing.T) {
		differ(t, make([]struct{}, 1), make([]struct{}, 2), make([]struct{}, math.MaxInt))
		differ[any](t, make([]struct{}, 1), make([]struct{}, 2))
	})
	t.Run("maps by entries, whatever the order of iteration", func(t *testing.T) {
		p := compile[map[int]string](t)
		m := map[int]string{}
		for i := range 100 {
			m[i] = strings.Repeat("v", i)
		}
		want := encode(t, p, m)
		for range 20 {
			if encode(t, p, m) != want {
				t.Fatal("the order of iteration shows")
			}
		}
		differ(t, map[string]string{"a": "b"}, map[string]string{"b": "a"}, map[string]string{"ab": ""}, map[string]string{"": "ab"})
		differ(t, map[pair]bool{{"a", "b"}: true}, map[pair]bool{{"a", "b"}: false})
	})
	t.Run("keys that are NaN are entries like others", func(t *testing.T) {
		nan := func(values ...int) map[float64]int {
			m := map[float64]int{}
			for _, v := range values {
				m[math.NaN()] = v
			}
			return m
		}
		differ(t, nil, nan(), nan(1), nan(2), nan(1, 1), nan(1, 2))
		same(t, nan(1, 2, 3), nan(3, 2, 1), nan(2, 3, 1))
	})
	t.Run("maps within maps", func(t *testing.T) {
		type mm = map[string]map[string]int
		differ(t, mm{"a": {"b": 1}}, mm{"a": {}}, mm{"a": {}, "b": {}}, mm{"b": {"a": 1}})
	})
}

func TestPointersAndInterfaces(t *testing.T) {
	t.Run("pointers by what they point to, nil differs from zero", func(t *testing.T) {
		zero, one, uno := 0, 1, 1
		differ(t, nil, &zero, &one)
		same(t, &one, &uno)
		differ[any](t, one, &one, nil)
		p, q := &one, &uno
		same(t, &p, &q)
		var none *int
		differ(t, nil, &none, &p)
	})
	t.Run("interfaces add the dynamic type, nil differs from zero", func(t *testing.T) {
		differ[any](t, nil, 0, "", false, (*int)(nil), []int(nil), struct{}{}, [0]int{}, map[string]int{})
		differ[error](t, nil, textError(""), textError("x"))
	})
	t.Run("values that interfaces hold directly", func(t *testing.T) {
		type boxed struct{ P *int }
		one, two := 1, 2
		differ[any](t, boxed{nil}, boxed{&one}, boxed{&two}, [1]*int{&one}, &one, map[string]int{"a": 1})
	})
	t.Run("cycles end, and the same cycle gives the same key", func(t *testing.T) {
		ring := func(values ...int) *node {
			first := &node{Value: values[0]}
			last := first
			for _, v := range values[1:] {
				last.Next = &node{Value: v}
				last = last.Next
			}
			last.Next = first
			return first
		}
		same(t, ring(1, 2, 3), ring(1, 2, 3))
		differ(t, ring(1, 2), ring(2, 1), ring(1), &node{Value: 1}, nil)
		long := make([]int, 200)
		same(t, ring(long...), ring(long...))
	})
	t.Run("maps, slices and interfaces that contain themselves end", func(t *testing.T) {
		loopMap := func() graph { g := graph{}; g["self"] = g; return g }
		same(t, loopMap(), loopMap())
		differ(t, loopMap(), graph{"self": nil}, graph{"self": {"self": nil}})
		loopSlice := func() []any { s := []any{1, nil}; s[1] = s; return s }
		same(t, loopSlice(), loopSlice())
		loopAny := func() *loose { l := &loose{}; l.Next = l; return l }
		same(t, loopAny(), loopAny())
		twice := func() any { l := &loose{}; l.Next = []any{l, l, map[string]any{"l": l}}; return l }
		same(t, twice(), twice())
	})
	t.Run("what is shared is not a cycle", func(t *testing.T) {
		shared := &node{Value: 1}
		same(t, []*node{shared, shared}, []*node{{Value: 1}, {Value: 1}})
	})
	t.Run("K16 very deep values have no key, deep ones do", func(t *testing.T) {
		chain := func(n int) *node {
			var top *node
			for range n {
				top = &node{Next: top}
			}
			return top
		}
		encode(t, compile[*node](t), chain(maxDepth-1))
		v := chain(1_000_000)
		_, err := Append(compile[*node](t), nil, &v)
		if e, ok := errors.AsType[*UncachedError](err); !ok || len(e.Path) > 300 {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("K16 a graph that unfolds without end in sight has no key", func(t *testing.T) {
		v := tree{}
		for range 60 {
			v = tree{Children: []tree{v, v}}
		}
		_, err := Append(compile[tree](t), nil, &v)
		if _, ok := errors.AsType[*UncachedError](err); !ok {
			t.Fatalf("got %v", err)
		}
	})
}

type textError string

func (e textError) Error() string { return string(e) }

func TestStructs(t *testing.T) {
	t.Run("K8 field by field", func(t *testing.T) {
		differ(t, inner{1, 2}, inner{2, 1}, inner{})
	})
	t.Run("K8 a tagged field is left out, exported or not", func(t *testing.T) {
		same(t, tagged{Query: "q", Trace: "1"}, tagged{Query: "q", Trace: "2", conn: new(bytes.Buffer)})
		differ(t, tagged{Query: "q"}, tagged{Query: "r"})
	})
	t.Run("K8 another cache tag leaves nothing out", func(t *testing.T) {
		type odd struct {
			A string `cache:"ignore"`
		}
		differ(t, odd{"a"}, odd{"b"})
	})
	t.Run("K8 padding and blank fields do not show", func(t *testing.T) {
		p := compile[blank](t)
		one, two := blank{A: 1, B: 2}, blank{A: 1, B: 2}
		*(*[3]byte)(unsafe.Add(unsafe.Pointer(&two), 1)) = [3]byte{7, 7, 7}
		if encode(t, p, one) != encode(t, p, two) {
			t.Error("unnamed bytes are part of the key")
		}
		if n := len(encode(t, p, one)); n != 5 {
			t.Errorf("the encoding has %d bytes", n)
		}
	})
	t.Run("embedded structs bring their exported fields", func(t *testing.T) {
		differ(t, embedder{inner{1, 2}, 3}, embedder{inner{2, 1}, 3}, embedder{inner{1, 2}, 4})
	})
	t.Run("an empty struct has one key", func(t *testing.T) { same(t, struct{}{}, struct{}{}) })
	t.Run("unexported fields without a canonical form are refused", func(t *testing.T) {
		type session struct {
			ID   string
			conn int
		}
		e := refuses[struct{ Session session }](t, "in.Session.conn")
		if e.Type != reflect.TypeFor[session]() || e.Argument != "Session" {
			t.Errorf("type %v, argument %s", e.Type, e.Argument)
		}
		if e := refuses[session](t, "in.conn"); e.Argument != "in" {
			t.Errorf("argument %s", e.Argument)
		}
		refuses[struct{ M sync.Mutex }](t, "in.M...")
	})
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 7, 1, 12, 0, 0, 1, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	paris, _ := time.LoadLocation("Europe/Paris")
	t.Run("the instant", func(t *testing.T) { differ(t, at, at.Add(1), at.Add(time.Hour), time.Time{}, time.Unix(0, 0).UTC()) })
	t.Run("the zone", func(t *testing.T) {
		differ(t, at, at.In(berlin), at.In(paris), at.In(time.FixedZone("CEST", 7200)), at.In(time.FixedZone("", 7200)), at.In(time.FixedZone("UTC", 0)), at.In(time.FixedZone("Local", 0)), at.Local())
	})
	t.Run("no monotonic reading", func(t *testing.T) {
		now := time.Now()
		same(t, now, now.Round(0))
	})
	t.Run("equal times read elsewhere have the same key", func(t *testing.T) {
		again, _ := time.LoadLocation("Europe/Berlin")
		same(t, at.In(berlin), at.In(again))
		parsed, _ := time.Parse(time.RFC3339Nano, at.Format(time.RFC3339Nano))
		same(t, at, parsed)
		same(t, at.In(time.FixedZone("X", 60)), at.In(time.FixedZone("X", 60)))
	})
	t.Run("the local zone by its rules", func(t *testing.T) {
		defer func(l *time.Location) { time.Local = l }(time.Local)
		p := compile[time.Time](t)
		seen := map[string]bool{}
		for _, l := range []*time.Location{berlin, paris, time.FixedZone("CEST", 7200)} {
			time.Local = l
			seen[encode(t, p, at.Local())] = true
		}
		if len(seen) != 3 {
			t.Error("zones that agree on one instant share a key")
		}
	})
	t.Run("a struct that embeds a time keeps its other fields", func(t *testing.T) {
		type event struct {
			time.Time
			Name string
		}
		differ(t, event{at, "a"}, event{at, "b"}, event{at.Add(1), "a"})
	})
}
