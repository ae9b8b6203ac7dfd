package httpcache_test

import (
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/httpcache"
)

// The clocks of two containers, and of the backend, are never quite the same.
func TestClocksThatDiffer(t *testing.T) {
	near := httpcache.NearTTL(time.Millisecond)
	for name, fail := range map[string]struct {
		begin func(*broken)
		done  func(*broken) bool
	}{
		"was not written": {
			func(b *broken) { b.unwritten.Store(true) },
			func(b *broken) bool { return b.puts.Load() > 0 },
		},
		"has no records yet": {
			func(b *broken) { b.unbound.Store(true) },
			func(b *broken) bool { return b.binds.Load() > 0 },
		},
	} {
		t.Run("4.4 a clock ahead: a POST elsewhere is seen by who has an answer in memory that "+name, func(t *testing.T) {
			f := newFleet(t)
			b := &broken{PersistenceManager: f.manager}
			ahead := newClock()
			ahead.advance(time.Minute)
			a, other := newSiteOn(t, ahead, b, near), f.site(t, near)
			a.answer(200, "old", fresh)
			fail.begin(b)
			a.do("GET /a")
			a.waitFor(func() bool { return fail.done(b) })
			if r := a.do("GET /a"); r.body != "old" || !r.hit() {
				t.Fatal("memory has nothing:", r)
			}
			b.unwritten.Store(false)
			b.unbound.Store(false)
			other.answer(204, "")
			other.do("POST /a")
			ahead.advance(2 * time.Millisecond)
			a.answer(200, "new", fresh)
			if r := a.do("GET /a"); r.body != "new" {
				t.Fatal(r)
			}
		})
	}
	t.Run("a clock behind: what was invalidated is shared again when the clock has passed the invalidation", func(t *testing.T) {
		f := newFleet(t)
		behind := newClock()
		behind.advance(-10 * time.Second)
		a, b := newSiteOn(t, behind, f.manager, near), f.site(t, near)
		a.answer(200, "from a", fresh)
		b.answer(200, "from b", "Cache-Control: no-store")
		a.do("GET /other")
		a.stored(1) // what was never invalidated is shared whatever the clocks say
		if r := b.do("GET /other"); r.body != "from a" {
			t.Fatal(r)
		}
		if err := b.cache.Purge(t.Context(), "/a"); err != nil {
			t.Fatal(err)
		}
		a.do("GET /a") // by its clock the run began before the purge: it may have seen what was purged
		if r := b.do("GET /a"); r.body != "from b" {
			t.Fatal(r)
		}
		behind.advance(13 * time.Second)
		a.do("GET /a")
		a.stored(2)
		f.clock.advance(6 * time.Second)
		if r := b.do("GET /a"); r.body != "from a" {
			t.Fatal(r)
		}
	})
}
