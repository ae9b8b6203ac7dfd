package backendstest

import (
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var tombstoneTests = []subtest{
	{"C10 an invalidated slot has no entry and a new version", func(e *env) {
		s := e.store()
		seen := map[backends.Version]bool{backends.Absent: true}
		for _, before := range []string{"nothing", "an entry", "a tombstone"} {
			if before == "an entry" {
				e.put(s, "k", "v")
				seen[e.read(s, "k").Version] = true
			}
			e.invalidate(s, "k")
			r := e.read(s, "k")
			if r.Entry != nil || seen[r.Version] {
				e.Fatalf("after Invalidate of %s: %+v; want no entry and a version that never was before", before, r)
			}
			seen[r.Version] = true
		}
	}},
	{"C10 writers who saw what was there before are refused", func(e *env) {
		e.fenced()
		s := e.store()
		e.invalidate(s, "empty")
		e.wantConflict(s, "empty", backends.Absent)
		e.wantNone(s, "empty")
		e.put(s, "k", "v")
		v := e.read(s, "k").Version
		e.invalidate(s, "k")
		e.wantConflict(s, "k", v)
		e.wantConflict(s, "k", backends.Absent)
		e.wantNone(s, "k")
	}},
	{"C10 who saw the tombstone may write", func(e *env) {
		s := e.store()
		e.put(s, "k", "old")
		e.invalidate(s, "k")
		v := e.read(s, "k").Version
		if _, err := s.Put(e.ctx, "k", []byte("new"), time.Time{}, v); err != nil {
			e.Fatalf("Put over the tombstone: %v", err)
		}
		e.want(s, "k", "new")
		if !e.h.Unfenced {
			e.wantConflict(s, "k", v)
		}
	}},
	{"C10 other containers' late writers are refused, too", func(e *env) {
		e.fenced()
		a, b := e.store(), e.storeOf(e.reopen(), fn())
		e.put(a, "k", "v")
		v := e.read(b, "k").Version
		nothing := e.read(b, "other").Version
		e.invalidate(a, "k")
		e.invalidate(a, "other")
		e.wantConflict(b, "k", v)
		e.wantConflict(b, "other", nothing)
		e.wantNone(a, "k")
		e.wantNone(a, "other")
	}},
	{"C10 a tombstone stays for an hour", func(e *env) {
		e.fenced()
		s := e.store()
		e.put(s, "k", "v")
		v := e.read(s, "k").Version
		e.invalidate(s, "k")
		e.invalidate(s, "empty")
		if e.h.Advance == nil {
			e.Skipf("%s: time cannot be driven", e.h.Name)
		}
		e.h.Advance(backends.TombstoneTTL - time.Minute)
		e.read(s, "k")
		e.wantConflict(s, "k", v)
		e.wantConflict(s, "empty", backends.Absent)
	}},
	{"C10 a clear does not let late writers past a tombstone", func(e *env) {
		e.fenced()
		s := e.store()
		e.invalidate(s, "k")
		e.clear(s)
		e.wantConflict(s, "k", backends.Absent)
	}},
	{"C10 making room does not let late writers past a tombstone", func(e *env) {
		e.fenced()
		p := e.pruner()
		s := e.store()
		e.invalidate(s, "k")
		e.prune(p)
		e.wantConflict(s, "k", backends.Absent)
	}},
	{"a tombstone is not listed", func(e *env) {
		s := e.lister()
		e.put(s, "k", "v")
		e.put(s, "stays", "v")
		e.invalidate(s, "k")
		e.invalidate(s, "never there")
		if got := e.list(s); len(got) != 1 {
			e.Fatalf("listed %v, want one entry", got)
		}
	}},
	{"invalidate touches one key", func(e *env) {
		s := e.store()
		for _, k := range []string{"k", "K", "k/", "kk"} {
			e.put(s, k, "of "+k)
		}
		g := e.generation(s)
		e.invalidate(s, "k")
		for _, k := range []string{"K", "k/", "kk"} {
			e.want(s, k, "of "+k)
		}
		if got := e.generation(s); got != g {
			e.Fatalf("the generation went from %x to %x", g, got)
		}
	}},
	{"every hostile key can be invalidated", func(e *env) {
		s := e.store()
		keys := HostileKeys()
		for _, k := range keys {
			e.put(s, k, "v")
			e.invalidate(s, k)
		}
		for _, k := range keys {
			e.wantNone(s, k)
		}
	}},
}

var unfencedTests = []subtest{
	{"C10 a store without conditional writes says so once it has found out, and writes all the same", func(e *env) {
		if !e.h.Unfenced {
			e.Skipf("%s has conditional writes", e.h.Name)
		}
		s := e.store()
		u, ok := s.(backends.Unfenced)
		if !ok {
			e.Fatalf("%s does not implement Unfenced", e.h.Name)
		}
		for _, v := range []string{"first", "second"} {
			if _, err := s.Put(e.ctx, "k", []byte(v), time.Time{}, backends.Absent); err != nil {
				e.Fatalf("Put: %v", err)
			}
			e.want(s, "k", v)
		}
		if !u.Unfenced() {
			e.Fatal("a write that had to be refused was not, and the store does not say so")
		}
	}},
	{"C10 a store with conditional writes never says that it has none", func(e *env) {
		e.fenced()
		s := e.store()
		u, ok := s.(backends.Unfenced)
		if !ok {
			e.Skipf("%s always has conditional writes", e.h.Name)
		}
		e.put(s, "k", "v")
		e.wantConflict(s, "k", backends.Absent)
		if u.Unfenced() {
			e.Fatal("the store says that writes are unconditional, and they are not")
		}
	}},
}

func (e *env) invalidate(s backends.Store, key string) {
	e.Helper()
	if err := s.Invalidate(e.ctx, key); err != nil {
		e.Fatalf("Invalidate(%s): %v", show(key), err)
	}
}
