package backendstest

import (
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var listTests = []subtest{
	{"an empty store lists nothing", func(e *env) {
		s := e.lister()
		e.generation(s)
		if got := e.list(s); len(got) != 0 {
			e.Fatalf("listed %d entries of an empty store", len(got))
		}
	}},
	{"exactly what is there is listed, hostile keys too", func(e *env) {
		s := e.lister()
		e.put(e.storeOf(e.pm, named("shop", "other")), "not mine", "v")
		keys := HostileKeys()
		for i, k := range keys {
			e.put(s, k, fmt.Sprintf("value %d", i))
		}
		e.put(s, "gone", "v")
		e.delete(s, "gone")
		if l, ok := s.(backends.Leaser); ok {
			e.lease(l, "leased only", time.Minute)
		}
		got := e.list(s)
		for _, k := range keys {
			if _, ok := got[k]; !ok {
				e.Errorf("%s is not listed", show(k))
			}
			delete(got, k)
		}
		for k := range got {
			e.Errorf("%s is listed and not there", show(k))
		}
	}},
	{"size and expiry are listed", func(e *env) {
		s := e.lister()
		expires := e.h.Now().Add(time.Hour)
		e.putUntil(s, "k", "12345", expires)
		e.put(s, "forever", "123")
		got := e.list(s)
		if d := got["k"].Expires.Sub(expires).Abs(); d > 5*time.Second {
			e.Errorf("expires %v, want %v", got["k"].Expires, expires)
		}
		if !got["forever"].Expires.IsZero() {
			e.Errorf("an entry that does not expire is listed with %v", got["forever"].Expires)
		}
		// A store may count what it adds to an entry.
		if got["k"].Size < 5 || got["forever"].Size < 3 {
			e.Errorf("sizes %d and %d, want at least 5 and 3", got["k"].Size, got["forever"].Size)
		}
	}},
	{"listing stops when yield returns false", func(e *env) {
		s := e.lister()
		for i := range 10 {
			e.put(s, fmt.Sprint("k", i), "v")
		}
		n := 0
		err := s.(backends.Lister).List(e.ctx, func(backends.Info) bool { n++; return n < 3 })
		if err != nil || n != 3 {
			e.Fatalf("yield was called %d times, %v; want 3", n, err)
		}
	}},
	{"yield may use the store", func(e *env) {
		s := e.lister()
		e.put(s, "a", "v")
		e.put(s, "b", "v")
		err := s.(backends.Lister).List(e.ctx, func(i backends.Info) bool {
			e.want(s, i.Key, "v")
			e.delete(s, i.Key)
			return true
		})
		if err != nil {
			e.Fatalf("List: %v", err)
		}
	}},
}

func (e *env) lister() backends.Store {
	e.Helper()
	s := e.store()
	if _, ok := s.(backends.Lister); !ok {
		e.Skipf("%s is no Lister", e.h.Name)
	}
	return s
}

func (e *env) list(s backends.Store) map[string]backends.Info {
	e.Helper()
	got := map[string]backends.Info{}
	err := s.(backends.Lister).List(e.ctx, func(i backends.Info) bool {
		if _, twice := got[i.Key]; twice {
			e.Errorf("%s is listed twice", show(i.Key))
		}
		got[i.Key] = i
		return true
	})
	if err != nil {
		e.Fatalf("List: %v", err)
	}
	return got
}
