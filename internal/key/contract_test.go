package key

import (
	"container/list"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/zone/tzif"
)

// This file holds the contract's lines on keys against types whose methods lie. Each subtest carries the id of its line.

// Types that show everything, with forms that do not.
type (
	secret  string
	card    []byte
	price   float64
	labels  map[string]string
	login   struct{ User, Password string }
	wrapped struct{ Inner login }
	flags   [3]bool
	linked  struct {
		Name string
		Next *linked
	}
	anything  struct{ Value any }
	embedding struct {
		login
		Zone string
	}
	scalar           interface{ int64 | string }
	pairOf[A scalar] struct {
		Left, Right A
	}
)

func (secret) MarshalText() ([]byte, error)          { return []byte("[REDACTED]"), nil }
func (card) MarshalText() ([]byte, error)            { return []byte("****"), nil }
func (p price) MarshalText() ([]byte, error)         { return fmt.Appendf(nil, "%.0f", float64(p)), nil }
func (labels) MarshalBinary() ([]byte, error)        { return nil, nil }
func (l login) MarshalText() ([]byte, error)         { return []byte(l.User), nil }
func (*wrapped) AppendText(b []byte) ([]byte, error) { return append(b, "wrapped"...), nil }
func (flags) AppendBinary(b []byte) ([]byte, error)  { return b, nil }
func (linked) MarshalText() ([]byte, error)          { return []byte("linked"), nil }
func (anything) MarshalText() ([]byte, error)        { return []byte("anything"), nil }
func (pairOf[A]) MarshalText() ([]byte, error)       { return []byte("pair"), nil }

// Types that hide something, with forms that do not say it.
type (
	token      struct{ value string }
	money      struct{ units, nanos int64 }
	nested     struct{ inner hidden }
	hidden     struct{ deep *hiddenLeaf }
	hiddenLeaf struct{ text []string }
	boxed      struct{ v any }
	guarded    struct {
		mu    sync.Mutex
		value string
		cache map[string]int
	}
	guardedRW struct {
		mu    sync.RWMutex
		items []string
	}
	counted struct {
		n    atomic.Int64
		name string
	}
	caller struct {
		name string
		call func()
	}
	connected struct {
		name string
		conn net.Conn
	}
	listed  struct{ l *list.List }
	located struct{ loc *time.Location }
	selfish struct {
		name string
		self *selfish
	}
	promotedSecret struct {
		token
		other string
	}
	exportedToken struct {
		Token token
		Name  string
	}
)

func (token) MarshalText() ([]byte, error)       { return []byte("[REDACTED]"), nil }
func (m money) MarshalText() ([]byte, error)     { return fmt.Append(nil, m.units), nil }
func (nested) MarshalText() ([]byte, error)      { return []byte("nested"), nil }
func (boxed) MarshalText() ([]byte, error)       { return []byte("boxed"), nil }
func (*guarded) MarshalText() ([]byte, error)    { return []byte("guarded"), nil }
func (*guardedRW) MarshalText() ([]byte, error)  { return []byte("guarded"), nil }
func (*counted) MarshalText() ([]byte, error)    { return []byte("counted"), nil }
func (c caller) MarshalText() ([]byte, error)    { return []byte("caller"), nil }
func (c connected) MarshalText() ([]byte, error) { return []byte("connected"), nil }
func (listed) MarshalText() ([]byte, error)      { return []byte("listed"), nil }
func (located) MarshalText() ([]byte, error)     { return []byte("located"), nil }
func (*selfish) MarshalText() ([]byte, error)    { return []byte("selfish"), nil }

func TestStructureComesFirst(t *testing.T) {
	t.Run("K4 a named string that redacts itself", func(t *testing.T) {
		differ[secret](t, "alice", "bob", "")
		differ(t, card("1"), card("2"))
		differ[any](t, secret("alice"), secret("bob"), "alice")
	})
	t.Run("K4 a number that rounds, a map and an array that say nothing", func(t *testing.T) {
		differ[price](t, 1.2, 1.4)
		differ(t, nil, labels{}, labels{"a": "b"}, labels{"a": "c"})
		differ(t, flags{}, flags{2: true})
	})
	t.Run("K4 exported structs, also nested, generic, embedded and by pointer", func(t *testing.T) {
		differ(t, login{"admin", "WRONG"}, login{"admin", "right"})
		differ(t, &wrapped{login{"a", "b"}}, &wrapped{login{"a", "c"}}, nil)
		differ(t, pairOf[int64]{1, 2}, pairOf[int64]{2, 1})
		differ(t, embedding{login{"a", "b"}, "z"}, embedding{login{"a", "c"}, "z"})
		differ(t, &linked{"a", &linked{"b", nil}}, &linked{"a", &linked{"c", nil}}, &linked{"a", nil})
	})
	t.Run("K4 as map keys, map values, elements and in interfaces", func(t *testing.T) {
		differ(t, map[secret]secret{"a": "b"}, map[secret]secret{"a": "c"}, map[secret]secret{"b": "b"})
		differ(t, []any{login{"a", "b"}, secret("x")}, []any{login{"a", "c"}, secret("x")}, []any{login{"a", "b"}, secret("y")})
	})
	t.Run("K4 an interface decides by what it holds", func(t *testing.T) {
		differ(t, anything{1}, anything{2}, anything{nil}, anything{token{"a"}}, anything{token{"b"}}, anything{caller{"a", nil}})
		f := func() {}
		differ(t, anything{caller{"a", f}}, anything{caller{"b", f}}, anything{f}, anything{[]any{f}}, anything{[]any{f, f}})
		same(t, anything{f}, anything{func() {}}) // its form speaks for what cannot be compared
	})
}

func TestFormsAndHiddenFields(t *testing.T) {
	t.Run("K10 hidden fields are part of the key beside the form", func(t *testing.T) {
		differ(t, token{"alice"}, token{"bob"})
		differ(t, &token{"alice"}, &token{"bob"}, nil)
		differ(t, money{1, 2}, money{1, 3})
		differ(t, exportedToken{token{"a"}, "n"}, exportedToken{token{"b"}, "n"})
		differ(t, boxed{1}, boxed{2}, boxed{"1"}, boxed{nil}, boxed{token{"a"}}, boxed{token{"b"}})
	})
	t.Run("K10 pointers are followed", func(t *testing.T) {
		of := func(s ...string) nested { return nested{hidden{&hiddenLeaf{s}}} }
		differ(t, of("a"), of("b"), of(), nested{}, nested{hidden{&hiddenLeaf{[]string{}}}})
		same(t, of("a", "b"), of("a", "b"))
		elements := func(v ...any) listed {
			l := list.New()
			for _, e := range v {
				l.PushBack(e)
			}
			return listed{l}
		}
		differ(t, elements(), elements(1), elements(2), elements(1, 2), listed{})
		same(t, elements(1, "a"), elements(1, "a"))
		berlin, _ := time.LoadLocation("Europe/Berlin")
		differ(t, located{}, located{time.UTC}, located{berlin}, located{time.FixedZone("Europe/Berlin", 3600)})
		loop := func(name string) *selfish { s := &selfish{name: name}; s.self = s; return s }
		same(t, loop("a"), loop("a"))
		differ(t, loop("a"), loop("b"), &selfish{name: "a"})
	})
	t.Run("K10 locks are no part of it, what they guard is", func(t *testing.T) {
		differ(t, &guarded{value: "a"}, &guarded{value: "b"}, &guarded{value: "a", cache: map[string]int{"x": 1}})
		differ(t, &guardedRW{items: []string{"a"}}, &guardedRW{items: []string{"b"}}, &guardedRW{})
		used := &guarded{value: "a"}
		used.mu.Lock()
		used.mu.Unlock() //nolint:staticcheck // a lock that was used looks otherwise inside
		same(t, &guarded{value: "a"}, used)
		reading := &guardedRW{items: []string{"a"}}
		reading.mu.RLock()
		defer reading.mu.RUnlock()
		same(t, &guardedRW{items: []string{"a"}}, reading)
	})
	t.Run("K16 fields under a lock that is held have no key", func(t *testing.T) {
		g := &guarded{value: "a"}
		g.mu.Lock()
		defer g.mu.Unlock()
		uncached(t, "in", g)
		uncached(t, "in[1].v", []boxed{{1}, {g}})
	})
	t.Run("K10 fields under a lock are read under it", func(t *testing.T) {
		g, p := &guarded{value: "a", cache: map[string]int{}}, compile[*guarded](t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 2000 {
				g.mu.Lock()
				g.cache[fmt.Sprint(i%50)] = i
				g.value = fmt.Sprint(i)
				g.mu.Unlock()
			}
		}()
		for range 2000 {
			if _, err := Append(p, nil, &g); err != nil && !isUncached(err) {
				t.Error(err)
			}
		}
		<-done
	})
	t.Run("K10 atomics, functions and connections are left to the form", func(t *testing.T) {
		a, b := &counted{name: "a"}, &counted{name: "a"}
		b.n.Store(7)
		same(t, a, b)
		differ(t, a, &counted{name: "b"})
		f := func() {}
		same(t, caller{"a", f}, caller{"a", func() {}})
		differ(t, caller{"a", nil}, caller{"a", f}, caller{"b", f})
		one, two := net.Pipe()
		defer one.Close()
		defer two.Close()
		differ(t, connected{"a", nil}, connected{"b", nil}, connected{"a", one}, connected{"b", one})
	})
	t.Run("K14 a promoted form does not speak for the fields beside it", func(t *testing.T) {
		refuses[promotedSecret](t, "in.other")
		_ = promotedSecret{}.other
	})
}

func isUncached(err error) bool { _, ok := errors.AsType[*UncachedError](err); return ok }

// Types whose forms fail, for some values or for all.
type (
	failsWhole  struct{ ID string }
	failsHidden struct{ id string }
	failsPart   struct {
		id string
		f  func()
	}
	panics  struct{ id string }
	exits   struct{ c chan int }
	failsIn struct {
		Name string
		Part failsPart
	}
)

func (failsWhole) MarshalText() ([]byte, error)     { return nil, errBroken }
func (failsHidden) MarshalText() ([]byte, error)    { return nil, errBroken }
func (failsPart) MarshalBinary() ([]byte, error)    { return nil, errBroken }
func (*panics) AppendText([]byte) ([]byte, error)   { panic("out of order") }
func (exits) AppendBinary(b []byte) ([]byte, error) { return b[:3], nil } // a slice beyond what it was given panics
func (failsIn) MarshalText() ([]byte, error)        { return []byte("in"), nil }

func TestFormsThatFail(t *testing.T) {
	t.Run("K16 structure says everything", func(t *testing.T) {
		differ(t, failsWhole{"a"}, failsWhole{"b"})
		differ(t, failsHidden{"a"}, failsHidden{"b"})
		differ(t, &panics{"a"}, &panics{"b"}, nil)
		same(t, failsHidden{"a"}, failsHidden{"a"})
		differ(t, failsPart{"a", nil}, failsPart{"b", nil})
	})
	t.Run("K16 structure does not say everything: no key, and an error of its own kind", func(t *testing.T) {
		e := uncached(t, "in[1].B", []struct {
			A int
			B *failsPart
		}{{}, {1, &failsPart{f: func() {}}}})
		if !errors.Is(e, errBroken) || e.Type != reflect.TypeFor[failsPart]() || e.Function != "f" {
			t.Errorf("got %+v", e)
		}
		if _, ok := errors.AsType[*UserHashError](error(e)); ok {
			t.Error("it is taken for a hash function's error")
		}
		uncached(t, "in", exits{make(chan int)})
	})
	t.Run("K16 a form around it speaks for it", func(t *testing.T) {
		differ(t, failsIn{"a", failsPart{"x", func() {}}}, failsIn{"b", failsPart{"x", func() {}}}, failsIn{"a", failsPart{"x", nil}})
	})
	t.Run("K16 a form that fails for one value of two", func(t *testing.T) {
		differ(t, sometimes{1}, sometimes{2}, sometimes{3}, sometimes{4})
	})
}

type sometimes struct{ n int }

func (s sometimes) MarshalText() ([]byte, error) {
	if s.n%2 == 0 {
		return nil, errBroken
	}
	return []byte("odd"), nil
}

type moment time.Time

func (moment) MarshalText() ([]byte, error) { return []byte("now"), nil }

func TestZones(t *testing.T) {
	at := time.Date(2026, 7, 1, 12, 0, 0, 1, time.UTC)
	load := func(name string, table tzif.Table) *time.Location {
		loc, err := time.LoadLocationFromTZData(name, table.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		return loc
	}
	cet, cest := tzif.Zone{Name: "CET", Offset: 3600}, tzif.Zone{Name: "CEST", Offset: 7200, DST: true}
	change := func(year int) tzif.Change {
		return tzif.Change{When: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), Zone: 1}
	}
	zones := []*time.Location{time.UTC, time.FixedZone("X", 3600), load("Y", tzif.Table{Zones: []tzif.Zone{cet}})}
	for _, year := range []int{1900, 2027, 2039, 2400, 5000} {
		zones = append(zones, load("X", tzif.Table{Zones: []tzif.Zone{cet, cest}, Changes: []tzif.Change{change(year)}}))
	}
	t.Run("K9 zones that ever disagree, whatever their names", func(t *testing.T) {
		var times []time.Time
		var moments []moment
		for _, z := range zones {
			times, moments = append(times, at.In(z)), append(moments, moment(at.In(z)))
		}
		differ(t, times...)
		differ(t, moments...)
	})
	t.Run("K9 zones that agree, read twice", func(t *testing.T) {
		again := load("X", tzif.Table{Zones: []tzif.Zone{cet, cest}, Changes: []tzif.Change{change(2039)}})
		same(t, at.In(zones[5]), at.In(again))
	})
	t.Run("K9 types made of a time, by instant", func(t *testing.T) {
		differ(t, moment(at), moment(at.Add(1)), moment{})
		differ[any](t, moment(at), at)
	})
}

func TestHashFunctionsSeeArguments(t *testing.T) {
	t.Run("K13 beats structure, form and hidden fields, and is called once", func(t *testing.T) {
		calls := 0
		h := []Hasher{by(func(tk token) any { calls++; return len(tk.value) })}
		sameWith(t, h, token{"a"}, token{"b"}, true)
		calls = 0
		p := compile[any](t, h...)
		encode[any](t, p, []any{boxed{token{"a"}}, anything{token{"b"}}, map[string]any{"x": &token{"c"}}})
		if calls != 3 {
			t.Errorf("%d calls for 3 values", calls)
		}
	})
	t.Run("K13 within hidden fields beside a form", func(t *testing.T) {
		h := []Hasher{by(func(s string) any { return strings.ToLower(s) })}
		sameWith(t, h, token{"A"}, token{"a"}, true)
		sameWith(t, h, token{"A"}, token{"b"}, false)
	})
	t.Run("K13 results are not arguments", func(t *testing.T) {
		h := []Hasher{by(func(s session) any { return s.ID }), by(func(string) any { t.Error("asked about a result"); return 1 })}
		sameWith(t, h, session{ID: "a"}, session{ID: "b"}, false)
	})
	t.Run("K13 one that fails beside a form is an error all the same", func(t *testing.T) {
		p := compile[boxed](t, by(func(session) any { panic("no") }))
		if _, err := Append(p, nil, &boxed{session{}}); !isUserHash(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("K16 a form that fails in a result: no key", func(t *testing.T) {
		uncached(t, "in", session{}, by(func(session) any { return failsPart{f: func() {}} }))
	})
}

func isUserHash(err error) bool { _, ok := errors.AsType[*UserHashError](err); return ok }

func lockedGuard() *guarded {
	g := &guarded{}
	g.mu.Lock()
	return g
}
