package backendstest

import (
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var markTests = []subtest{
	{"F3 who asks for the lease of a marked key learns the mark", func(e *env) {
		ls := e.fleet()
		m := backends.Mark{Kind: 'p', Generation: 0xfedcba9876543210, TTL: time.Minute}
		e.mark(ls[0], "k", m)
		for _, l := range ls {
			got := e.marked(l, "k")
			if got.Mark.Kind != m.Kind || got.Mark.Generation != m.Generation || got.Left < 0 || got.Left > time.Minute+time.Second {
				e.Fatalf("refused with %+v, want %+v", got, m)
			}
		}
		if _, _, err := e.takeover(ls[0], "k", "somebody"); !errors.Is(err, backends.ErrMarked) {
			e.Fatalf("Takeover of a marked key: %v, want ErrMarked", err)
		}
	}},
	{"F3 every kind and generation comes back", func(e *env) {
		l := e.fleet()[0]
		for _, m := range []backends.Mark{
			{Kind: 1, TTL: time.Minute}, {Kind: 255, Generation: 1, TTL: time.Minute}, {Kind: 10, Generation: 1<<64 - 1, TTL: time.Hour},
		} {
			e.mark(l, "k", m)
			if got := e.marked(l, "k").Mark; got.Kind != m.Kind || got.Generation != m.Generation {
				e.Fatalf("marked with %+v, learned %+v", m, got)
			}
		}
	}},
	{"F3 a mark ends after its time", func(e *env) {
		l := e.fleet()[0]
		e.mark(l, "k", backends.Mark{Kind: 1, TTL: e.h.MinTTL})
		e.release(e.takeOver(l, "k"))
	}},
	{"F3 a mark is removed", func(e *env) {
		l := e.fleet()[0]
		e.mark(l, "k", backends.Mark{})
		e.mark(l, "k", backends.Mark{Kind: 1, TTL: time.Hour})
		e.mark(l, "k", backends.Mark{})
		e.release(e.lease(l, "k", time.Minute))
	}},
	{"F3 marking a leased key changes nothing", func(e *env) {
		ls := e.fleet()
		held := e.lease(ls[0], "k", time.Minute)
		e.mark(ls[len(ls)-1], "k", backends.Mark{Kind: 1, TTL: time.Hour})
		e.mark(ls[len(ls)-1], "k", backends.Mark{})
		e.wantLeased(ls[0], "k")
		if err := held.Renew(e.ctx, time.Minute); err != nil {
			e.Fatalf("Renew: %v", err)
		}
		e.release(held)
		e.release(e.lease(ls[0], "k", time.Minute))
	}},
	{"F3 a release leaves a mark, and releasing again changes nothing", func(e *env) {
		l := e.fleet()[0]
		held := e.lease(l, "k", time.Minute)
		m := backends.Mark{Kind: 2, Generation: 7, TTL: time.Hour}
		for range 2 {
			if err := held.Release(e.ctx, m); err != nil {
				e.Fatalf("Release with a mark: %v", err)
			}
			if got := e.marked(l, "k").Mark; got.Kind != 2 || got.Generation != 7 {
				e.Fatalf("learned %+v", got)
			}
		}
		e.release(held)
		e.wantMarked(l, "k")
		e.wantLost(held)
	}},
	{"F3 a release whose lease another one has taken leaves no mark", func(e *env) {
		ls := e.fleet()
		first := e.lease(ls[0], "k", time.Hour)
		second, _, err := e.takeover(ls[len(ls)-1], "k", first.Token())
		if err != nil {
			e.Fatal(err)
		}
		if err := first.Release(e.ctx, backends.Mark{Kind: 1, TTL: time.Hour}); err != nil {
			e.Fatal(err)
		}
		e.wantLeased(ls[0], "k")
		e.release(second)
		e.release(e.lease(ls[0], "k", time.Minute))
	}},
	{"F3 a mark does not touch the entry, and writes do not touch a mark", func(e *env) {
		l := e.fleet()[0]
		s := l.(backends.Store)
		e.put(s, "k", "v")
		before := e.read(s, "k")
		e.mark(l, "k", backends.Mark{Kind: 1, TTL: time.Hour})
		e.wantSame(s, "k", before)
		e.put(s, "k", "w")
		e.invalidate(s, "k")
		e.clear(s)
		e.wantMarked(l, "k")
	}},
	{"F3 marks of different keys and functions are independent", func(e *env) {
		l := e.fleet()[0]
		e.mark(l, "k", backends.Mark{Kind: 1, TTL: time.Hour})
		e.release(e.lease(l, "K", time.Minute))
		other := e.storeOf(e.pm, named("shop", "other")).(backends.Leaser)
		e.release(e.lease(other, "k", time.Minute))
	}},
}

func (e *env) mark(l backends.Leaser, key string, m backends.Mark) {
	e.Helper()
	if err := l.Mark(e.ctx, key, m); err != nil {
		e.Fatalf("Mark(%s, %+v): %v", show(key), m, err)
	}
}

func (e *env) wantMarked(l backends.Leaser, key string) {
	e.Helper()
	_ = e.marked(l, key)
}

// marked returns what whoever asks for the lease of a marked key learns.
func (e *env) marked(l backends.Leaser, key string) *backends.MarkedError {
	e.Helper()
	held, err := e.tryLease(l, key, time.Minute)
	marked, ok := errors.AsType[*backends.MarkedError](err)
	if !ok || held != nil {
		e.Fatalf("Lease of a marked key: %v, %v; want a MarkedError", held, err)
	}
	return marked
}
