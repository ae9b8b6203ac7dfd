package backendstest

import (
	"fmt"

	"github.com/stillwarm/stillwarm/backends"
)

var costTests = []subtest{
	{"C1 a clear costs the same for ten entries as for hundreds", func(e *env) {
		many := 400
		if e.h.Slow || raceEnabled {
			many = 150
		}
		cost := func(name string, entries int, act func(backends.Store)) int64 {
			s := e.storeOf(e.pm, named("shop", name))
			e.counts(s, entries)
			return e.cost(func() { act(s) })
		}
		few := cost("few", 10, e.clear)
		if got := cost("many", many, e.clear); got != few {
			e.Errorf("Clear of %d entries costs %d, of 10 entries %d", many, got, few)
		}
		if few == 0 {
			e.Error("Clear costs nothing: it tells nobody")
		}
		all := func(backends.Store) {
			if err := e.pm.ClearAll(e.ctx); err != nil {
				e.Fatal(err)
			}
		}
		few = cost("few again", 10, all)
		if got := cost("many again", many, all); got != few || few == 0 {
			e.Errorf("ClearAll with %d more entries costs %d, with fewer %d", many, got, few)
		}
	}},
	{"C10 an invalidation costs no more for a large entry than for none", func(e *env) {
		s := e.store()
		e.counts(s, 3)
		e.put(s, "k", string(noise(int(min(1<<20, e.largest())))))
		e.invalidate(s, "warm")
		none := e.cost(func() { e.invalidate(s, "none") })
		// A store may have to let the old entry go.
		if got := e.cost(func() { e.invalidate(s, "k") }); got > none+2 || none == 0 {
			e.Errorf("Invalidate of an entry costs %d, of nothing %d", got, none)
		}
	}},
}

// counts puts entries, and proves that the harness counts what they cost: a counter that stands still would prove nothing.
func (e *env) counts(s backends.Store, entries int) {
	e.Helper()
	if e.h.Requests == nil {
		e.Skipf("%s: the harness does not count requests", e.h.Name)
	}
	e.generation(s)
	got := e.cost(func() {
		for i := range entries {
			e.put(s, fmt.Sprint("k", i), "v")
		}
	})
	if got < int64(entries) {
		e.Fatalf("%d entries were put for a cost of %d: the harness does not count", entries, got)
	}
}

func (e *env) cost(f func()) int64 {
	e.Helper()
	before := e.h.Requests()
	f()
	return e.h.Requests() - before
}
