package backendstest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var clearTests = []subtest{
	{"clearing an empty store is not an error", func(e *env) {
		s := e.store()
		e.clear(s)
		e.clear(s)
		e.put(s, "k", "v")
		e.want(s, "k", "v")
	}},
	{"entries put after a clear stay", func(e *env) {
		s := e.store()
		e.put(s, "old", "v")
		e.clear(s)
		e.put(s, "old", "v2")
		e.put(s, "new", "w")
		e.want(s, "old", "v2")
		e.want(s, "new", "w")
	}},
	{"clear touches one function and no other", func(e *env) {
		a, b := e.store(), e.storeOf(e.pm, named("shop", "other"))
		e.put(b, "k", "v")
		g := e.generation(b)
		e.clear(a)
		if got := e.generation(b); got != g {
			e.Fatalf("the other function's generation went from %x to %x", g, got)
		}
		e.want(b, "k", "v")
	}},
	{"clear works while entries are put", func(e *env) {
		s := e.store()
		before := e.generation(s)
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := range e.rounds(25) {
					k := fmt.Sprintf("k%d-%d", w, i)
					if err := e.write(s, k, []byte(k), e.h.Now().Add(time.Hour)); err != nil {
						e.Errorf("Put during Clear: %v", err)
					}
				}
			})
		}
		for range e.rounds(5) {
			if err := e.tryClear(s); err != nil {
				e.Errorf("Clear during Put: %v", err)
			}
		}
		wg.Wait()
		if e.generation(s) == before {
			e.Fatal("the generation is the old one")
		}
		for w := range 4 {
			for i := range e.rounds(25) {
				k := fmt.Sprintf("k%d-%d", w, i)
				got, _, err := e.get(s, k)
				if err == nil && string(got) == k || errors.Is(err, ErrNone) {
					continue
				}
				e.Fatalf("Get(%s) = %s, %v; want the entry or no entry", k, show(string(got)), err)
			}
		}
	}},
	{"clears that race leave one generation", func(e *env) {
		s := e.store()
		before := e.generation(s)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := e.tryClear(s); err != nil {
					e.Errorf("Clear: %v", err)
				}
			})
		}
		wg.Wait()
		g := e.generation(s)
		if g == before {
			e.Fatal("the generation is the old one")
		}
		if again := e.generation(s); again != g {
			e.Fatalf("generation %x, then %x", g, again)
		}
	}},
	{"clear all gives every function of every namespace a new generation", func(e *env) {
		fns := []backends.Function{named("shop", "a"), named("shop", "b"), named("", "a"), named("other", "a")}
		before := make([]uint64, len(fns))
		for i, f := range fns {
			s := e.storeOf(e.pm, f)
			e.put(s, "k", "v")
			before[i] = e.generation(s)
		}
		if err := e.pm.ClearAll(e.ctx); err != nil {
			e.Fatalf("ClearAll: %v", err)
		}
		for i, f := range fns {
			s := e.storeOf(e.pm, f)
			g := e.generation(s)
			if g == before[i] {
				e.Errorf("function %q in namespace %q kept its generation %x", f.Name, f.Namespace, g)
			}
			if _, got, _ := e.get(s, "k"); got != g {
				e.Errorf("function %q: Get returns generation %x, Generation %x", f.Name, got, g)
			}
			e.put(s, "k", "w")
			e.want(s, "k", "w")
		}
	}},
	{"clear all reaches what another container put", func(e *env) {
		s := e.store()
		e.put(s, "k", "v")
		g := e.generation(s)
		if err := e.reopen().ClearAll(e.ctx); err != nil {
			e.Fatalf("ClearAll: %v", err)
		}
		if got := e.generation(s); got == g {
			e.Fatalf("the generation is still %x", g)
		}
	}},
	{"clear all of an empty place is not an error", func(e *env) {
		if err := e.pm.ClearAll(e.ctx); err != nil {
			e.Fatalf("ClearAll: %v", err)
		}
	}},
}
