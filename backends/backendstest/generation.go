package backendstest

import (
	"errors"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var generationTests = []subtest{
	{"a generation stays the same until it is cleared", func(e *env) {
		s := e.store()
		g := e.generation(s)
		e.put(s, "k", "v")
		e.delete(s, "k")
		for range 3 {
			if got := e.generation(s); got != g {
				e.Fatalf("generation %x, then %x without a Clear", g, got)
			}
		}
	}},
	{"get returns the generation with an entry and with no entry", func(e *env) {
		s := e.store()
		_, first, err := e.get(s, "k")
		if !errors.Is(err, ErrNone) {
			e.Fatalf("Get: %v, want no entry", err)
		}
		e.put(s, "k", "v")
		_, second, err := e.get(s, "k")
		if err != nil {
			e.Fatal(err)
		}
		if g := e.generation(s); first != g || second != g {
			e.Fatalf("Get without an entry %x, with one %x, Generation %x: want the same", first, second, g)
		}
	}},
	{"each clear makes a generation that never was before", func(e *env) {
		s := e.store()
		seen := map[uint64]bool{e.generation(s): true}
		for range e.rounds(20) {
			e.clear(s)
			_, g, err := e.get(s, "k")
			if !errors.Is(err, ErrNone) {
				e.Fatalf("Get: %v, want no entry", err)
			}
			if seen[g] {
				e.Fatalf("generation %x came back", g)
			}
			seen[g] = true
		}
	}},
	{"two fresh places have different generations", func(e *env) {
		g := e.generation(e.store())
		other := e.h.Open(e.T)
		e.Cleanup(func() { _ = other.Close() })
		if got := e.generation(e.storeOf(other, fn())); got == g {
			e.Fatalf("both have %x: a generation counted from a constant lets old entries come back", g)
		}
	}},
	{"callers that race for the first generation agree", func(e *env) {
		e.fenced()
		const racers = 16
		stores := []backends.Store{e.store()}
		if e.h.Reopen != nil {
			stores = append(stores, e.storeOf(e.reopen(), fn()))
		}
		got := make([]uint64, racers)
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() {
				s := stores[i%len(stores)]
				var err error
				if i%3 == 0 {
					_, got[i], err = e.get(s, "k")
				} else {
					got[i], err = s.Generation(e.ctx)
				}
				if err != nil && !errors.Is(err, ErrNone) {
					e.Errorf("racer %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		g := e.generation(stores[0])
		for i := range got {
			if got[i] != g {
				e.Errorf("racer %d has %x, the store says %x", i, got[i], g)
			}
		}
	}},
	{"a second container sees a new generation", func(e *env) {
		a, b := e.store(), e.storeOf(e.reopen(), fn())
		if ga, gb := e.generation(a), e.generation(b); ga != gb {
			e.Fatalf("two containers see %x and %x", ga, gb)
		}
		e.clear(a)
		ga, gb := e.generation(a), e.generation(b)
		if ga != gb {
			e.Fatalf("after Clear two containers see %x and %x", ga, gb)
		}
		// NearTTL is zero: not even Get may return one that was kept.
		if _, got, _ := e.get(b, "k"); got != ga {
			e.Fatalf("after Clear the other container's Get returns %x, want %x", got, ga)
		}
	}},
	{"a kept generation is no older than half of NearTTL", func(e *env) {
		f := fn()
		f.NearTTL = 2 * time.Second
		a := e.storeOf(e.pm, f)
		b := e.storeOf(e.reopen(), f)
		_, old, _ := e.get(b, "k")
		e.clear(a)
		g := e.generation(b)
		if g == old {
			e.Fatal("Generation returned a kept generation; it must always read")
		}
		e.eventually("Get returns the new generation", f.NearTTL, func() bool {
			r := e.read(b, "k")
			got := r.Generation
			if r.GenerationAge > f.NearTTL/2 {
				e.Fatalf("GenerationAge %v with NearTTL %v", r.GenerationAge, f.NearTTL)
			}
			if got != g && got != old {
				e.Fatalf("Get returned generation %x; there only ever were %x and %x", got, old, g)
			}
			return got == g
		})
	}},
	{"clear is seen by the container that cleared at once, kept generation or not", func(e *env) {
		f := fn()
		f.NearTTL = time.Minute
		s := e.storeOf(e.pm, f)
		for range e.rounds(10) {
			_, old, _ := e.get(s, "k")
			e.clear(s)
			if _, got, _ := e.get(s, "k"); got == old {
				e.Fatalf("Get after Clear returned the old generation %x", old)
			}
		}
	}},
}
