package backendstest

import (
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// retryTests are about networks: an answer that is lost, and a request that arrives late.
var retryTests = []subtest{
	{"C10 a put whose answer was lost finds its own entry and succeeds", func(e *env) {
		s := e.faultable()
		seen := backends.Absent
		for _, value := range []string{"created", "replaced"} {
			e.h.LoseAnswer(e.T)
			v, err := s.Put(e.ctx, "k", []byte(value), e.h.Now().Add(time.Hour), seen)
			if err != nil {
				e.Fatalf("Put (%s): %v", value, err)
			}
			if r := e.read(s, "k"); string(r.Entry) != value || r.Version != v {
				e.Fatalf("Put (%s) returned version %q; there is %+v", value, v, r)
			}
			seen = v
		}
	}},
	{"C10 a put whose answer was lost is refused where another writer was first", func(e *env) {
		e.fenced()
		s := e.faultable()
		e.put(s, "k", "theirs")
		e.h.LoseAnswer(e.T)
		e.wantConflict(s, "k", backends.Absent)
		e.want(s, "k", "theirs")
	}},
	{"a clear, an invalidation and a deletion whose answers were lost succeed", func(e *env) {
		s := e.faultable()
		before := e.generation(s)
		e.h.LoseAnswer(e.T)
		g, err := s.Clear(e.ctx)
		if err != nil || g == before {
			e.Fatalf("Clear = %x, %v", g, err)
		}
		if got := e.generation(s); got != g {
			e.Fatalf("Clear returned %x, the generation is %x", g, got)
		}
		e.put(s, "k", "v")
		e.h.LoseAnswer(e.T)
		e.invalidate(s, "k")
		e.wantNone(s, "k")
		e.put(s, "k", "v")
		v := e.read(s, "k").Version
		e.h.LoseAnswer(e.T)
		if err := s.Delete(e.ctx, "k", v); err != nil {
			e.Fatalf("Delete: %v", err)
		}
		e.wantNone(s, "k")
	}},
	{"S7 a lease whose answer was lost is taken all the same, and can be renewed and released", func(e *env) {
		s := e.faultable()
		l, ok := s.(backends.Leaser)
		if !ok {
			e.Skipf("%s is no Leaser", e.h.Name)
		}
		e.h.LoseAnswer(e.T)
		held := e.lease(l, "k", time.Minute)
		e.wantLeased(l, "k")
		e.h.LoseAnswer(e.T)
		if err := held.Renew(e.ctx, time.Minute); err != nil {
			e.Fatalf("Renew: %v", err)
		}
		e.h.LoseAnswer(e.T)
		e.release(held)
		e.release(e.lease(l, "k", time.Minute))
	}},
	{"a record whose answer was lost is written once, as it is returned", func(e *env) {
		s := e.faultable()
		r, ok := s.(backends.Records)
		if !ok {
			e.Skipf("%s has no Records", e.h.Name)
		}
		seen := backends.Absent
		for _, value := range []string{"created", "replaced"} {
			e.h.LoseAnswer(e.T)
			got, err := r.WriteRecord(e.ctx, "r", []byte(value), time.Time{}, seen)
			if err != nil {
				e.Fatalf("WriteRecord (%s): %v", value, err)
			}
			if now := e.record(r, "r"); string(now.Value) != value || now.Version != got.Version {
				e.Fatalf("WriteRecord (%s) returned %+v; there is %+v", value, got, now)
			}
			seen = got.Version
		}
		e.h.LoseAnswer(e.T)
		got := e.writeRecord(r, "r", "any")
		if now := e.record(r, "r"); now.Version != got.Version {
			e.Fatalf("returned %+v; there is %+v", got, now)
		}
	}},
	{"C1 a clear's first try that arrives after another clear brings no generation back", func(e *env) {
		s := e.holding()
		seen := map[uint64]bool{e.generation(s): true}
		deliver := e.h.HoldBack(e.T)
		first, err := s.Clear(e.ctx)
		if err != nil {
			e.Fatalf("Clear with its first try held back: %v", err)
		}
		if got := e.generation(s); got != first || seen[got] {
			e.Fatalf("Clear returned %x, the generation is %x", first, got)
		}
		seen[first] = true
		second, err := s.Clear(e.ctx)
		if err != nil {
			e.Fatal(err)
		}
		seen[second] = true
		deliver()
		if g := e.generation(s); seen[g] && g != second {
			e.Fatalf("the late try brought generation %x back", g)
		}
	}},
	{"C1 a record's first try that arrives late brings no version back", func(e *env) {
		s := e.holding()
		r, ok := s.(backends.Records)
		if !ok {
			e.Skipf("%s has no Records", e.h.Name)
		}
		deliver := e.h.HoldBack(e.T)
		first := e.writeRecord(r, "r", "first")
		second := e.writeRecord(r, "r", "second")
		deliver()
		if now := e.record(r, "r"); now.Version == first.Version || now.Version == backends.Absent {
			e.Fatalf("the late try brought version %q back, after %q", now.Version, second.Version)
		}
	}},
	{"C8 the first try of several records that arrives late brings no version back", func(e *env) {
		s := e.holding()
		r, ok := s.(backends.Records)
		if !ok {
			e.Skipf("%s has no Records", e.h.Name)
		}
		names, values := []string{"r", "q"}, [][]byte{[]byte("value"), []byte("other")}
		write := func() []backends.Record {
			if err := r.WriteRecords(e.ctx, names, values, time.Time{}); err != nil {
				e.Fatalf("WriteRecords: %v", err)
			}
			return []backends.Record{e.record(r, "r"), e.record(r, "q")}
		}
		deliver := e.h.HoldBack(e.T)
		first := write()
		write()
		deliver()
		for i, name := range names {
			if now := e.record(r, name); now.Version == first[i].Version || now.Version == backends.Absent {
				e.Errorf("the late try brought version %q of record %s back", now.Version, name)
			}
		}
	}},
	{"C10 an invalidation's first try that arrives after another brings no version back", func(e *env) {
		s := e.holding()
		for _, before := range []string{"nothing", "an entry"} {
			deliver := e.h.HoldBack(e.T)
			e.invalidate(s, "k")
			first := e.read(s, "k").Version
			e.invalidate(s, "k")
			deliver()
			if now := e.read(s, "k").Version; now == first {
				e.Fatalf("over %s: the late try brought version %q back, which a run may have seen before the second invalidation", before, now)
			}
			e.put(s, "k", "v")
		}
	}},
	{"C10 a put's first try that arrives after an invalidation is refused", func(e *env) {
		e.fenced()
		s := e.holding()
		seen := backends.Absent
		for _, before := range []string{"nothing", "an entry"} {
			deliver := e.h.HoldBack(e.T)
			if _, err := s.Put(e.ctx, "k", []byte("late"), time.Time{}, seen); err != nil {
				e.Fatalf("Put over %s with its first try held back: %v", before, err)
			}
			e.want(s, "k", "late")
			e.invalidate(s, "k")
			deliver()
			e.wantNone(s, "k")
			e.put(s, "k", "v")
			seen = e.read(s, "k").Version
		}
	}},
	{"S7 a release's first try that arrives late does not take the next holder's lease", func(e *env) {
		s := e.holding()
		l, ok := s.(backends.Leaser)
		if !ok {
			e.Skipf("%s is no Leaser", e.h.Name)
		}
		held := e.lease(l, "k", time.Minute)
		deliver := e.h.HoldBack(e.T)
		e.release(held)
		next := e.lease(l, "k", time.Minute)
		deliver()
		e.wantLeased(l, "k")
		if err := next.Renew(e.ctx, time.Minute); err != nil {
			e.Fatalf("Renew by the next holder: %v", err)
		}
	}},
	{"C10 a late try of any write leaves a store that works", func(e *env) {
		s := e.holding()
		e.put(s, "k", "v")
		v := e.read(s, "k").Version
		for name, write := range map[string]func() error{
			"Delete":     func() error { return s.Delete(e.ctx, "k", v) },
			"Invalidate": func() error { return s.Invalidate(e.ctx, "k") },
		} {
			deliver := e.h.HoldBack(e.T)
			if err := write(); err != nil && !errors.Is(err, backends.ErrConflict) {
				e.Fatalf("%s with its first try held back: %v", name, err)
			}
			e.put(s, "other", "w")
			deliver()
			e.want(s, "other", "w")
			e.put(s, "k", "again")
			e.want(s, "k", "again")
		}
	}},
}

// faultable returns a store that has connected, and whose answers can be lost.
func (e *env) faultable() backends.Store {
	e.Helper()
	if e.h.LoseAnswer == nil {
		e.Skipf("%s: there are no answers to lose", e.h.Name)
	}
	s := e.store()
	e.generation(s)
	return s
}

// holding returns a store that has connected, and whose requests can be held back.
func (e *env) holding() backends.Store {
	e.Helper()
	if e.h.HoldBack == nil {
		e.Skipf("%s: there is no network", e.h.Name)
	}
	s := e.store()
	e.generation(s)
	return s
}
