package clone_test

import (
	"context"
	"errors"
	"io"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/clone"
)

type vertex struct {
	Name string
	To   []*vertex
}

type graph struct {
	Nodes []*vertex
	Start *vertex
	Index map[*vertex]int
	Any   any
}

func take[T any](in T) (*T, clone.Custody) {
	return clone.TakeArgument(clone.ForArgument(reflect.TypeFor[T]()), &in)
}

// taken returns an exact copy, which there has to be.
func taken[T any](t *testing.T, in T) T {
	t.Helper()
	out, custody := take(in)
	if custody != clone.Copied {
		t.Fatalf("%T is %v", in, custody)
	}
	return *out
}

func TestExactCopiesOfArguments(t *testing.T) {
	t.Run("K18 shared pointers are shared, and not with the caller", func(t *testing.T) {
		a, b := &vertex{Name: "a"}, &vertex{Name: "b"}
		a.To = []*vertex{b, a}
		in := graph{Nodes: []*vertex{a, b}, Start: b}
		out := taken(t, in)
		if slices.Index(out.Nodes, out.Start) != 1 || out.Nodes[0].To[0] != out.Start || out.Nodes[0].To[1] != out.Nodes[0] {
			t.Error("what was shared is not")
		}
		if out.Start == b || &out.Nodes[0] == &in.Nodes[0] {
			t.Error("it is the caller's")
		}
	})
	t.Run("K18 keys of maps are found by the pointers of the argument", func(t *testing.T) {
		a := &vertex{Name: "a"}
		out := taken(t, graph{Start: a, Index: map[*vertex]int{a: 7, {Name: "b"}: 8}})
		if out.Index[out.Start] != 7 || len(out.Index) != 2 {
			t.Error("not found")
		}
	})
	t.Run("K18 interfaces, too", func(t *testing.T) {
		a := &vertex{Name: "a"}
		out := taken(t, graph{Start: a, Any: map[any]any{a: []any{a, 1.5, "x"}, "k": &a}})
		m := out.Any.(map[any]any)
		if list := m[out.Start].([]any); list[0] != any(out.Start) || list[1] != 1.5 || *m["k"].(**vertex) != out.Start || out.Start == a {
			t.Errorf("%v", m)
		}
	})
	t.Run("K18 shared slices and maps stay shared", func(t *testing.T) {
		list, index := []int{1, 2}, map[string]int{"a": 1}
		out := taken(t, struct {
			A, B []int
			C, D map[string]int
		}{list, list, index, index})
		out.A[0], out.C["b"] = 9, 2
		if out.B[0] != 9 || out.D["b"] != 2 || list[0] != 1 || len(index) != 1 {
			t.Errorf("%v", out)
		}
	})
	t.Run("K18 a slice and its beginning stay one array", func(t *testing.T) {
		list := []int{1, 2, 3}
		out := taken(t, [][]int{list, list[:2]})
		if out[1] = append(out[1], 9); out[0][2] != 9 || list[2] != 3 {
			t.Errorf("%v", out)
		}
	})
	t.Run("K18 slices keep their room and what is in it", func(t *testing.T) {
		room := []int{1, 2, 3, 4}
		out := taken(t, room[:2])
		if cap(out) != 4 || !slices.Equal(out[:4], room) {
			t.Errorf("%v of %d", out, cap(out))
		}
		if out = append(out, 9); room[2] != 3 {
			t.Error("the caller's array was written to")
		}
		_ = out
	})
	t.Run("K18 times keep zone and monotonic reading", func(t *testing.T) {
		now := time.Now().In(time.FixedZone("Nowhere", 3600))
		if out := taken(t, []time.Time{now}); out[0] != now {
			t.Error(out)
		}
	})
	t.Run("K18 a regular expression keeps its preference", func(t *testing.T) {
		re := regexp.MustCompile(`a|ab`)
		re.Longest()
		if out := taken(t, re); out == re || out.FindString("ab") != "ab" {
			t.Error("another")
		}
	})
	t.Run("K18 types of the standard library with hidden fields", func(t *testing.T) {
		u, _ := url.Parse("https://u:p@h/p?q#f")
		out := taken(t, struct {
			U *url.URL
			N *big.Int
			A netip.Addr
		}{u, big.NewInt(7), netip.MustParseAddr("fe80::1%eth0")})
		if out.U.String() != u.String() || out.N.Int64() != 7 || out.A.Zone() != "eth0" {
			t.Errorf("%+v", out)
		}
	})
	t.Run("K18 a value that contains itself", func(t *testing.T) {
		v := &vertex{Name: "a"}
		v.To = []*vertex{v}
		if out := taken(t, v); out == v || out.To[0] != out {
			t.Error("another")
		}
		loop := []any{nil}
		loop[0] = loop
		if out := taken[any](t, loop).([]any); &out[0] == &loop[0] || &out[0].([]any)[0] != &out[0] {
			t.Error("another list")
		}
	})
	t.Run("K18 what is left out of the key is shared", func(t *testing.T) {
		type conn struct{ f func() }
		c := &conn{}
		out := taken(t, struct {
			IDs  []int
			Conn *conn `cache:"-"`
		}{[]int{1}, c})
		if out.Conn != c {
			t.Error("copied")
		}
	})
}

type amount struct {
	units int64
	unit  string
	at    time.Time
	zone  *time.Location
}

type hiding struct{ list []int }

type locked struct {
	Name string
	mu   sync.Mutex
}

type exportedLock struct {
	Name string
	Mu   sync.Mutex
}

func TestCustody(t *testing.T) {
	list := []int{1, 2, 3, 4}
	one := 1
	f := func() {}
	type withFunc struct {
		Name string
		F    func()
	}
	type withAny struct{ V any }
	for name, tt := range map[string]struct {
		custody clone.Custody
		want    clone.Custody
	}{
		"a string": {custody("a"), clone.Immutable},
		"a struct of scalars": {custody(struct {
			A string
			B [2]int
			C time.Time
			D netip.Addr
		}{}), clone.Immutable},
		"hidden scalars":            {custody(amount{1, "EUR", time.Now(), time.UTC}), clone.Immutable},
		"a nil slice":               {custody([]int(nil)), clone.Immutable},
		"a nil pointer":             {custody((*int)(nil)), clone.Immutable},
		"an empty slice":            {custody([]int{}), clone.Immutable},
		"a nil map in a struct":     {custody(struct{ M map[string]int }{}), clone.Immutable},
		"an interface: nil":         {custody(withAny{}), clone.Immutable},
		"an interface: a string":    {custody(withAny{"a"}), clone.Immutable},
		"an interface: a struct":    {custody(withAny{amount{}}), clone.Immutable},
		"an error value":            {custody[error](context.Canceled), clone.Borrowed},
		"a pointer":                 {custody(&one), clone.Copied},
		"a slice":                   {custody(list), clone.Copied},
		"an empty map":              {custody(map[string]int{}), clone.Copied},
		"an interface: a slice":     {custody(withAny{list}), clone.Copied},
		"an interface: a pointer":   {custody(withAny{&one}), clone.Copied},
		"a nil function":            {custody(&withFunc{Name: "a"}), clone.Copied},
		"no function":               {custody(withFunc{Name: "a"}), clone.Immutable},
		"a function":                {custody(withFunc{"a", f}), clone.Borrowed},
		"an interface: a function":  {custody(withAny{f}), clone.Borrowed},
		"a channel":                 {custody(make(chan int)), clone.Borrowed},
		"a hidden slice":            {custody(hiding{[]int{1}}), clone.Borrowed},
		"a hidden slice: nil":       {custody(hiding{}), clone.Immutable},
		"a hidden lock":             {custody(&locked{}), clone.Borrowed},
		"a lock":                    {custody(&exportedLock{}), clone.Borrowed},
		"an interface: a lock":      {custody(withAny{&locked{}}), clone.Borrowed},
		"a slice and its beginning": {custody([][]int{list, list[:2]}), clone.Copied},
		"slices side by side":       {custody([][]int{list[:2:2], list[2:]}), clone.Copied},
		"slices that would meet":    {custody([][]int{list[:2], list[2:]}), clone.Borrowed},
		"a pointer to an element": {custody(struct {
			L []int
			P *int
		}{list, &list[1]}), clone.Borrowed},
		"a pointer to a field": {custody(func() any {
			v := &vertex{Name: "a"}
			return []any{v, &v.Name}
		}()), clone.Borrowed},
		"two pointers to one thing": {custody([]*int{&one, &one}), clone.Copied},
		"very deep":                 {custody(deepVertex(100_000)), clone.Borrowed},
	} {
		t.Run("K18 "+name, func(t *testing.T) {
			if tt.custody != tt.want {
				t.Errorf("it is %v", tt.custody)
			}
		})
	}
	t.Run("K18 by type", func(t *testing.T) {
		for _, tt := range []struct {
			t    reflect.Type
			want clone.Custody
		}{
			{reflect.TypeFor[string](), clone.Immutable}, {reflect.TypeFor[amount](), clone.Immutable}, {reflect.TypeFor[[]int](), clone.Copied},
			{reflect.TypeFor[any](), clone.Copied}, {reflect.TypeFor[*exportedLock](), clone.Borrowed}, {reflect.TypeFor[*locked](), clone.Copied}, {reflect.TypeFor[struct{}](), clone.Immutable},
		} {
			if got := clone.ForArgument(tt.t).ByType(); got != tt.want {
				t.Errorf("%v is %v", tt.t, got)
			}
		}
	})
	t.Run("K18 what is borrowed is the argument itself", func(t *testing.T) {
		in := [][]int{list, list[1:]}
		out, custody := clone.TakeArgument(clone.ForArgument(reflect.TypeFor[[][]int]()), &in)
		if out != &in || custody != clone.Borrowed {
			t.Error(custody)
		}
	})
	t.Run("K18 interfaces with methods", func(t *testing.T) {
		err := &pathError{Path: "p", Parts: []string{"x"}}
		out, custody := take(struct{ Err error }{err})
		if custody != clone.Copied || out.Err == error(err) || //nolint:errorlint // whether it is the same
			out.Err.Error() != "p" {
			t.Errorf("%v, %v", out, custody)
		}
		if out, custody := take(struct{ Err error }{io.EOF}); custody != clone.Borrowed || !errors.Is(out.Err, io.EOF) {
			t.Errorf("io.EOF is %v", custody)
		}
	})
}

type pathError struct {
	Path  string
	Parts []string
}

func (e *pathError) Error() string { return e.Path }

func custody[T any](in T) clone.Custody {
	_, c := take(in)
	return c
}

func deepVertex(n int) *vertex {
	v := &vertex{}
	for range n {
		v = &vertex{To: []*vertex{v}}
	}
	return v
}
