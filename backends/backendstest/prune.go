package backendstest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var pruneTests = []subtest{
	{"prune removes what a clear left behind and keeps what is current", func(e *env) {
		p := e.pruner()
		s, other := e.store(), e.storeOf(e.pm, named("elsewhere", "other"))
		for i := range 5 {
			e.putStamped(s, fmt.Sprint("old", i), time.Time{})
			e.putStamped(other, fmt.Sprint("k", i), time.Time{})
		}
		e.clear(s)
		left := 0
		for i := range 5 {
			if _, _, err := e.get(s, fmt.Sprint("old", i)); err == nil {
				left++
			}
		}
		e.putStamped(s, "new", e.h.Now().Add(time.Hour))
		if removed := e.prune(p); removed < left {
			e.Errorf("Prune reports %d removed, %d were left behind", removed, left)
		}
		for i := range 5 {
			e.wantNone(s, fmt.Sprint("old", i))
			e.wantStamped(other, fmt.Sprint("k", i))
		}
		e.wantStamped(s, "new")
		if removed := e.prune(p); removed != 0 {
			e.Errorf("a second Prune removed %d", removed)
		}
	}},
	{"prune removes what has expired", func(e *env) {
		p := e.pruner()
		s := e.store()
		e.putStamped(s, "k", e.h.Now().Add(e.h.MinTTL))
		e.putStamped(s, "stays", e.h.Now().Add(time.Hour))
		e.eventually("the entry expires", e.h.MinTTL+time.Millisecond, func() bool {
			_, _, err := e.get(s, "k")
			return errors.Is(err, ErrNone)
		})
		e.prune(p)
		if _, ok := s.(backends.Lister); ok {
			if got := e.list(s); len(got) != 1 {
				e.Errorf("%d entries are left, want 1", len(got))
			}
		}
		e.wantStamped(s, "stays")
	}},
	{"prune removes the late entry of a run that began before a clear", func(e *env) {
		p := e.pruner()
		s := e.store()
		before := binary.BigEndian.AppendUint64(nil, e.generation(s))
		e.clear(s)
		e.put(s, "late", string(before)+"late")
		e.putStamped(s, "stays", time.Time{})
		e.prune(p)
		e.wantNone(s, "late")
		e.wantStamped(s, "stays")
	}},
	{"prune removes bytes that are no entry", func(e *env) {
		p := e.pruner()
		s := e.store()
		e.put(s, "junk", "x")
		e.putStamped(s, "stays", time.Time{})
		e.prune(p)
		e.wantNone(s, "junk")
		e.wantStamped(s, "stays")
	}},
	{"prune keeps generations and leases that are held", func(e *env) {
		p := e.pruner()
		s := e.store()
		g := e.generation(s)
		l, leases := s.(backends.Leaser)
		if leases {
			e.lease(l, "k", 5*time.Minute)
		}
		e.prune(p)
		if got := e.generation(s); got != g {
			e.Errorf("Prune changed the generation from %x to %x", g, got)
		}
		if leases {
			e.wantLeased(l, "k")
		}
	}},
	{"prune removes everything after clear all", func(e *env) {
		p := e.pruner()
		s := e.store()
		e.putStamped(s, "k", time.Time{})
		if err := e.pm.ClearAll(e.ctx); err != nil {
			e.Fatal(err)
		}
		e.prune(p)
		e.wantNone(s, "k")
	}},
}

func (e *env) pruner() backends.Pruner {
	e.Helper()
	p, ok := e.pm.(backends.Pruner)
	if !ok {
		e.Skipf("%s is no Pruner", e.h.Name)
	}
	return p
}

func (e *env) prune(p backends.Pruner) int {
	e.Helper()
	n, err := p.Prune(e.ctx, generationOf)
	if err != nil {
		e.Fatalf("Prune: %v", err)
	}
	return n
}

// putStamped puts an entry that begins with the current generation, as the library's entries carry theirs.
func (e *env) putStamped(s backends.Store, key string, expires time.Time) {
	e.Helper()
	b := binary.BigEndian.AppendUint64(nil, e.generation(s))
	e.putUntil(s, key, string(b)+key, expires)
}

func (e *env) wantStamped(s backends.Store, key string) {
	e.Helper()
	got, _, err := e.get(s, key)
	if err != nil || len(got) < 8 || string(got[8:]) != key {
		e.Fatalf("Get(%s) = %s, %v", show(key), show(string(got)), err)
	}
}

func generationOf(entry []byte) (uint64, bool) {
	if len(entry) < 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(entry), true
}
