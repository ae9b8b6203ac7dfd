package memory

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
)

// fakeClock starts far from today, so that a use of the real clock shows.
type fakeClock struct{ ns atomic.Int64 }

func newFakeClock() *fakeClock {
	c := &fakeClock{}
	c.ns.Store(time.Date(2040, 2, 29, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *fakeClock) now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *fakeClock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func open(t *testing.T, o Options) *Manager {
	t.Helper()
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var places atomic.Int64

func TestConformance(t *testing.T) {
	clock := newFakeClock()
	var name string
	backendstest.Run(t, backendstest.Harness{
		Name: "memory, shared by name, driven clock",
		Open: func(t *testing.T) backends.PersistenceManager {
			name = fmt.Sprint("conformance-", places.Add(1))
			return open(t, Options{Name: name, Clock: clock.now})
		},
		Reopen:   func(t *testing.T) backends.PersistenceManager { return open(t, Options{Name: name}) },
		Now:      clock.now,
		Advance:  clock.advance,
		Requests: func() int64 { return touched(name) },
	})
}

// touched counts what a named place has looked at or changed.
func touched(name string) int64 {
	named.Lock()
	p := named.places[name]
	named.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.touched
}

func TestConformanceByURL(t *testing.T) {
	backendstest.Run(t, backendstest.Harness{
		Name: "memory, private, opened by URL, real clock",
		Open: func(t *testing.T) backends.PersistenceManager {
			pm, err := backends.Open(t.Context(), "memory:?max=1MiB")
			if err != nil {
				t.Fatal(err)
			}
			return pm
		},
		MaxEntry: 1<<20 - overhead - int64(len("big")),
		MinTTL:   50 * time.Millisecond,
	})
}

func storeOf(t *testing.T, m *Manager, name string) *store {
	t.Helper()
	s, err := m.Store(t.Context(), backends.Function{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*store)
}

func TestBound(t *testing.T) {
	t.Run("the bound holds however many entries are put", func(t *testing.T) {
		m := open(t, Options{Max: 10_000})
		s := storeOf(t, m, "f")
		for i := range 2000 {
			if err := backendstest.Put(t.Context(), s, fmt.Sprint("x", i), make([]byte, i), time.Time{}); err != nil {
				t.Fatal(err)
			}
			if m.place.size > m.place.max {
				t.Fatalf("%d bytes held, bound %d", m.place.size, m.place.max)
			}
		}
	})
	t.Run("what was used least recently goes first", func(t *testing.T) {
		m := open(t, Options{Max: 3 * (1000 + overhead + 1)})
		s := storeOf(t, m, "f")
		for _, k := range []string{"a", "b", "c"} {
			_ = backendstest.Put(t.Context(), s, k, make([]byte, 1000), time.Time{})
		}
		_, _, _ = backendstest.Get(t.Context(), s, "a")
		_ = backendstest.Put(t.Context(), s, "d", make([]byte, 1000), time.Time{})
		for k, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
			_, _, err := backendstest.Get(t.Context(), s, k)
			if got := err == nil; got != want {
				t.Errorf("%s is there: %v, want %v", k, got, want)
			}
		}
	})
}

func TestDeadEntriesGoBeforeTheBoundIsReached(t *testing.T) {
	clock := newFakeClock()
	m := open(t, Options{Clock: clock.now})
	s := storeOf(t, m, "f")
	for i := range 100 {
		_ = backendstest.Put(t.Context(), s, fmt.Sprint("old", i), []byte("v"), clock.now().Add(time.Minute))
	}
	clock.advance(time.Hour)
	for i := range 40 {
		_ = backendstest.Put(t.Context(), s, fmt.Sprint("new", i), []byte("v"), time.Time{})
	}
	if n := len(m.place.entries); n != 40 {
		t.Fatalf("%d entries are held, want the 40 living ones", n)
	}
}

func TestLeasesThatAreOverDoNotPileUp(t *testing.T) {
	clock := newFakeClock()
	m := open(t, Options{Clock: clock.now})
	s := storeOf(t, m, "f")
	for i := range 10_000 {
		if _, err := backendstest.Lease(t.Context(), s, fmt.Sprint("k", i), time.Second); err != nil {
			t.Fatal(err)
		}
		clock.advance(time.Second)
	}
	if n := len(m.place.leases); n > 64 {
		t.Fatalf("%d leases are held", n)
	}
}

func TestPlaces(t *testing.T) {
	t.Run("managers without a name share nothing", func(t *testing.T) {
		a, b := storeOf(t, open(t, Options{}), "f"), storeOf(t, open(t, Options{}), "f")
		_ = backendstest.Put(t.Context(), a, "k", []byte("v"), time.Time{})
		if _, _, err := backendstest.Get(t.Context(), b, "k"); !errors.Is(err, backendstest.ErrNone) {
			t.Fatalf("Get: %v, want ErrNotFound", err)
		}
	})
	t.Run("another bound for an open place is an error", func(t *testing.T) {
		open(t, Options{Name: "bounded", Max: 1000})
		_, err := New(Options{Name: "bounded", Max: 2000})
		if err == nil || !strings.Contains(err.Error(), "bounded") {
			t.Fatalf("error %v, want one that names the place", err)
		}
	})
	t.Run("a negative bound is an error", func(t *testing.T) {
		if _, err := New(Options{Max: -1}); err == nil {
			t.Fatal("no error")
		}
	})
	for _, bad := range []string{"memory:?maximum=1", "memory:///path", "memory://user:secret@name", "memory:?max=lots"} {
		t.Run("the URL "+bad+" is refused", func(t *testing.T) {
			_, err := backends.Open(t.Context(), bad)
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Fatalf("error %v", err)
			}
		})
	}
}

func TestCopy(t *testing.T) {
	t.Run("C1 C10 a copy goes its own way from here, with the same generation, versions and leases", func(t *testing.T) {
		m := open(t, Options{})
		open := func(m *Manager) backends.Store {
			s, err := m.Store(t.Context(), backends.Function{Name: "f"})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		read := func(s backends.Store) backends.Reading {
			r, err := s.Read(t.Context(), "k", backends.ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		s := open(m)
		if _, err := s.Put(t.Context(), "k", []byte("v"), time.Time{}, backends.Absent); err != nil {
			t.Fatal(err)
		}
		lease := backends.LeaseRequest{Token: "a/1", TTL: time.Minute}
		if _, _, err := s.(backends.Leaser).Lease(t.Context(), "k", lease, backends.ReadOptions{}); err != nil {
			t.Fatal(err)
		}
		older := open(m.Copy())
		if a, b := read(s), read(older); string(b.Entry) != "v" || a.Generation != b.Generation || a.Version != b.Version {
			t.Error(a, b)
		}
		if _, err := s.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a, b := read(s), read(older); a.Entry != nil || string(b.Entry) != "v" || a.Generation == b.Generation {
			t.Error(a, b)
		}
		lease.Token = "b/1"
		if _, _, err := older.(backends.Leaser).Lease(t.Context(), "k", lease, backends.ReadOptions{}); !errors.Is(err, backends.ErrLeased) {
			t.Error(err)
		}
	})
}
