package backendstest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var versionTests = []subtest{
	{"C10 an empty slot is absent, and its version changes with every write, also of the same bytes", func(e *env) {
		s := e.store()
		if v := e.read(s, "k").Version; v != backends.Absent {
			e.Fatalf("an empty slot has version %q", v)
		}
		seen := map[backends.Version]bool{backends.Absent: true}
		last := backends.Absent
		for range 5 {
			v, err := s.Put(e.ctx, "k", []byte("the same"), time.Time{}, last)
			if err != nil {
				e.Fatalf("Put over the version that was seen: %v", err)
			}
			if seen[v] || v == backends.AnyVersion {
				e.Fatalf("version %q came back, or is no version", v)
			}
			if got := e.read(s, "k").Version; got != v {
				e.Fatalf("Put returned version %q, Read %q", v, got)
			}
			seen[v], last = true, v
		}
	}},
	{"C10 a put that saw nothing only creates", func(e *env) {
		e.fenced()
		s := e.store()
		e.put(s, "k", "first")
		before := e.read(s, "k")
		e.wantConflict(s, "k", backends.Absent)
		e.wantSame(s, "k", before)
	}},
	{"C10 a put over another version is refused and changes nothing", func(e *env) {
		e.fenced()
		s := e.store()
		first, err := s.Put(e.ctx, "k", []byte("first"), time.Time{}, backends.Absent)
		if err != nil {
			e.Fatal(err)
		}
		if _, err := s.Put(e.ctx, "k", []byte("second"), e.h.Now().Add(time.Hour), first); err != nil {
			e.Fatal(err)
		}
		before := e.read(s, "k")
		e.wantConflict(s, "k", first)
		e.wantConflict(s, "k", backends.Version("no such version"))
		e.wantSame(s, "k", before)
	}},
	{"C10 a put over an entry that is gone is refused", func(e *env) {
		e.fenced()
		s := e.store()
		v, err := s.Put(e.ctx, "k", []byte("v"), time.Time{}, backends.Absent)
		if err != nil {
			e.Fatal(err)
		}
		e.delete(s, "k")
		e.wantConflict(s, "k", v)
		e.wantNone(s, "k")
	}},
	{"C10 versions are those of a slot, for every container", func(e *env) {
		e.fenced()
		a, b := e.store(), e.storeOf(e.reopen(), fn())
		v, err := a.Put(e.ctx, "k", []byte("v"), time.Time{}, backends.Absent)
		if err != nil {
			e.Fatal(err)
		}
		if got := e.read(b, "k").Version; got != v {
			e.Fatalf("one container has version %q, the other %q", v, got)
		}
		if _, err := b.Put(e.ctx, "k", []byte("w"), time.Time{}, v); err != nil {
			e.Fatal(err)
		}
		e.wantConflict(a, "k", v)
		e.want(a, "k", "w")
	}},
	{"C10 one of many writers who saw the same succeeds", func(e *env) {
		e.fenced()
		stores := []backends.Store{e.store()}
		if e.h.Reopen != nil {
			stores = append(stores, e.storeOf(e.reopen(), fn()))
		}
		seen := backends.Absent
		for round := range e.rounds(5) {
			var won atomic.Int32
			var wg sync.WaitGroup
			for i := range 12 {
				wg.Go(func() {
					_, err := stores[i%len(stores)].Put(e.ctx, "k", []byte(fmt.Sprint(round, i)), time.Time{}, seen)
					switch {
					case err == nil:
						won.Add(1)
					case !errors.Is(err, backends.ErrConflict):
						e.Errorf("Put: %v, want nil or ErrConflict", err)
					}
				})
			}
			wg.Wait()
			if n := won.Load(); n != 1 {
				e.Fatalf("round %d: %d writers succeeded, want 1", round, n)
			}
			seen = e.read(stores[0], "k").Version
		}
	}},
	{"C10 an expired entry has a version, over which a put succeeds also when the store has dropped it", func(e *env) {
		s := e.store()
		until := e.h.Now().Add(e.h.MinTTL)
		v, err := s.Put(e.ctx, "k", []byte("old"), until, backends.Absent)
		if err != nil {
			e.Fatal(err)
		}
		e.eventually("the entry expires", e.h.MinTTL+time.Millisecond, func() bool { return e.read(s, "k").Entry == nil })
		for range 3 { // a store may drop it at any of these reads
			e.read(s, "k")
		}
		if _, err := s.Put(e.ctx, "k", []byte("new"), time.Time{}, v); err != nil {
			e.Fatalf("Put over the version of what has expired: %v", err)
		}
		e.want(s, "k", "new")
		e.putUntil(s, "other", "old", e.h.Now().Add(e.h.MinTTL))
		e.eventually("the entry expires", e.h.MinTTL+time.Millisecond, func() bool { return e.read(s, "other").Entry == nil })
		if _, err := s.Put(e.ctx, "other", []byte("new"), time.Time{}, e.read(s, "other").Version); err != nil {
			e.Fatalf("Put over the version of an expired slot: %v", err)
		}
		e.want(s, "other", "new")
	}},
	{"C10 who writes over an expired entry is refused where another one was faster", func(e *env) {
		e.fenced()
		s := e.store()
		v, err := s.Put(e.ctx, "k", []byte("old"), e.h.Now().Add(e.h.MinTTL), backends.Absent)
		if err != nil {
			e.Fatal(err)
		}
		e.eventually("the entry expires", e.h.MinTTL+time.Millisecond, func() bool { return e.read(s, "k").Entry == nil })
		e.put(s, "k", "new")
		e.wantConflict(s, "k", v)
		e.want(s, "k", "new")
	}},
	{"a put that is too large leaves the entry that was there", func(e *env) {
		if e.h.MaxEntry == 0 {
			e.Skipf("%s: no limit", e.h.Name)
		}
		s := e.store()
		e.put(s, "big", "v")
		before := e.read(s, "big")
		if _, err := s.Put(e.ctx, "big", make([]byte, e.h.MaxEntry+1), time.Time{}, before.Version); !errors.Is(err, backends.ErrTooLarge) {
			e.Fatalf("Put: %v, want ErrTooLarge", err)
		}
		e.wantSame(s, "big", before)
	}},
	{"delete empties the slot of the version that was seen and of no other", func(e *env) {
		e.fenced()
		s := e.store()
		e.put(s, "k", "v")
		old := e.read(s, "k").Version
		e.put(s, "k", "w")
		for _, v := range []backends.Version{old, backends.Absent, "no such version"} {
			if err := s.Delete(e.ctx, "k", v); err != nil {
				e.Fatalf("Delete of another version: %v, want nil", err)
			}
			e.want(s, "k", "w")
		}
		v := e.read(s, "k").Version
		for range 2 {
			if err := s.Delete(e.ctx, "k", v); err != nil {
				e.Fatalf("Delete: %v", err)
			}
			e.wantNone(s, "k")
		}
		if _, err := s.Put(e.ctx, "k", []byte("x"), time.Time{}, e.read(s, "k").Version); err != nil {
			e.Fatalf("Put over what Delete left: %v", err)
		}
		e.want(s, "k", "x")
	}},
}

var unchangedTests = []subtest{
	{"C4 a read that knows the version transfers no entry", func(e *env) {
		s := e.store()
		g := e.generation(s)
		e.put(s, "k", "v")
		v := e.read(s, "k").Version
		r := e.readChanged(s, "k", v)
		if !r.Unchanged || r.Entry != nil || r.Version != v || r.Generation != g {
			e.Fatalf("%+v; want an unchanged reading of version %q and generation %x", r, v, g)
		}
	}},
	{"C4 a read that knows another version gets the entry", func(e *env) {
		s := e.store()
		e.put(s, "k", "v")
		old := e.read(s, "k").Version
		e.put(s, "k", "w")
		for _, known := range []backends.Version{old, "no such version"} {
			r := e.readChanged(s, "k", known)
			if r.Unchanged || string(r.Entry) != "w" || r.Version != e.read(s, "k").Version {
				e.Fatalf("%+v; want the new entry and its version", r)
			}
		}
	}},
	{"C4 what was invalidated, deleted or never there is not unchanged", func(e *env) {
		s := e.store()
		if r := e.readChanged(s, "k", "no such version"); r.Unchanged || r.Entry != nil {
			e.Fatalf("an empty slot: %+v", r)
		}
		e.put(s, "k", "v")
		v := e.read(s, "k").Version
		if err := s.Invalidate(e.ctx, "k"); err != nil {
			e.Fatal(err)
		}
		if r := e.readChanged(s, "k", v); r.Unchanged || r.Entry != nil || r.Version == v {
			e.Fatalf("after Invalidate: %+v", r)
		}
		e.put(s, "other", "v")
		v = e.read(s, "other").Version
		e.delete(s, "other")
		if r := e.readChanged(s, "other", v); r.Unchanged || r.Entry != nil {
			e.Fatalf("after Delete: %+v", r)
		}
	}},
	{"C4 an unchanged reading has records and the generation like any other", func(e *env) {
		s := e.store()
		r, ok := s.(backends.Records)
		if !ok {
			e.Skipf("%s has no Records", e.h.Name)
		}
		e.put(s, "k", "v")
		e.writeRecord(r, "r", "value")
		got, err := s.Read(e.ctx, "k", backends.ReadOptions{
			IfChanged: e.read(s, "k").Version, Records: []string{"r", "none"}, ForWrite: true, Clock: true,
		})
		if err != nil || !got.Unchanged || len(got.Records) != 2 || string(got.Records[0].Value) != "value" || got.Records[1].Value != nil {
			e.Fatalf("%+v, %v", got, err)
		}
	}},
}

// fenced skips what needs conditional writes.
func (e *env) fenced() {
	e.Helper()
	if e.h.Unfenced {
		e.Skipf("%s has no conditional writes", e.h.Name)
	}
}

func (e *env) wantConflict(s backends.Store, key string, seen backends.Version) {
	e.Helper()
	if v, err := s.Put(e.ctx, key, []byte("late"), time.Time{}, seen); !errors.Is(err, backends.ErrConflict) || v != backends.Absent {
		e.Fatalf("Put(%s) over version %q = %q, %v; want ErrConflict", show(key), seen, v, err)
	}
}

// wantSame checks that the slot is as it was.
func (e *env) wantSame(s backends.Store, key string, before backends.Reading) {
	e.Helper()
	now := e.read(s, key)
	if string(now.Entry) != string(before.Entry) || now.Version != before.Version || !now.Expires.Equal(before.Expires) {
		e.Fatalf("the slot was %s, version %q, until %v; now it is %s, version %q, until %v", show(string(before.Entry)),
			before.Version, before.Expires, show(string(now.Entry)), now.Version, now.Expires)
	}
}

func (e *env) readChanged(s backends.Store, key string, known backends.Version) backends.Reading {
	e.Helper()
	r, err := s.Read(e.ctx, key, backends.ReadOptions{IfChanged: known, ForWrite: true})
	if err != nil {
		e.Fatalf("Read(%s) if changed: %v", show(key), err)
	}
	return r
}
