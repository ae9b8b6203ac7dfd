package httpcache_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache"
)

// stored waits until the site has written n entries.
func (s *site) stored(n uint64) {
	s.t.Helper()
	s.waitFor(func() bool { return s.cache.Stats().Stores >= n })
}

func TestTwoContainers(t *testing.T) {
	t.Run("share answers, bodies and fields as they are", func(t *testing.T) {
		f := newFleet(t)
		a, b := f.site(t), f.site(t)
		body := strings.Repeat("\x00\xff compressible ", 10_000)
		a.answer(203, body, fresh, "X-A: 1", "X-A: 2", "X-Empty:", `ETag: "1"`, "Vary: X-V")
		b.answer(500, "from b")
		a.do("GET /a", "X-V: 1")
		a.stored(2)
		r := b.do("GET /a", "X-V: 1")
		if r.status != 203 || r.body != body || !r.hit() || len(r.header["X-A"]) != 2 || len(r.header["X-Empty"]) != 1 {
			t.Fatal(r.status, r.header)
		}
		if r := b.do("GET /a", "X-V: 2"); r.hit() {
			t.Fatal(r)
		}
	})
	t.Run("a purge here is seen there within NearTTL, in memory and in the backend", func(t *testing.T) {
		f := newFleet(t)
		a, b, c := f.site(t), f.site(t), f.site(t)
		for _, s := range []*site{a, b, c} {
			s.answer(200, "old", fresh)
		}
		a.do("GET /a")
		a.stored(1)
		b.do("GET /a")
		if err := a.cache.Purge(t.Context(), "/a"); err != nil {
			t.Fatal(err)
		}
		if r := b.do("GET /a"); !r.hit() {
			t.Fatal("b trusts its memory for NearTTL:", r)
		}
		c.answer(200, "new", fresh)
		if r := c.do("GET /a"); r.body != "new" {
			t.Fatal("c has no memory, and believed the backend:", r)
		}
		f.clock.advance(6 * time.Second)
		b.answer(200, "new", fresh)
		if r := b.do("GET /a"); r.body != "new" {
			t.Fatal(r)
		}
	})
	t.Run("what was not purged is still served", func(t *testing.T) {
		f := newFleet(t)
		a, b := f.site(t), f.site(t)
		a.answer(200, "body", fresh)
		b.answer(500, "from b")
		a.do("GET /kept")
		a.stored(1)
		if err := a.cache.Purge(t.Context(), "/other"); err != nil {
			t.Fatal(err)
		}
		f.clock.advance(6 * time.Second)
		for _, s := range []*site{a, b} {
			for range 2 {
				if r := s.do("GET /kept"); !r.hit() {
					t.Fatal(r)
				}
			}
		}
	})
	t.Run("POST here, GET there right after its answer", func(t *testing.T) {
		f := newFleet(t)
		near := httpcache.NearTTL(time.Millisecond)
		a, b := f.site(t, near), f.site(t, near)
		a.answer(200, "old", fresh)
		a.do("GET /a")
		a.stored(1)
		b.answer(500, "from b")
		if r := b.do("GET /a"); r.body != "old" {
			t.Fatal(r)
		}
		a.do("POST /a")
		f.clock.advance(time.Millisecond)
		b.answer(200, "new", fresh)
		if r := b.do("GET /a"); r.body != "new" {
			t.Fatal(r)
		}
	})
	t.Run("tags and clear reach the other container", func(t *testing.T) {
		f := newFleet(t)
		a, b := f.site(t), f.site(t)
		for i, invalidate := range []func() error{
			func() error { return a.cache.InvalidateTags(t.Context(), "tag") },
			func() error { return a.cache.Clear(t.Context()) },
		} {
			f.clock.advance(10 * time.Second)
			a.answer(200, "old", fresh, "Cache-Tag: tag")
			a.do("GET /a")
			a.stored(uint64(i + 1))
			b.answer(500, "from b")
			if r := b.do("GET /a"); r.body != "old" {
				t.Fatal(i, r)
			}
			if err := invalidate(); err != nil {
				t.Fatal(err)
			}
			f.clock.advance(6 * time.Second)
			b.answer(200, "new", "Cache-Control: no-store")
			if r := b.do("GET /a"); r.body != "new" {
				t.Fatal(i, r)
			}
		}
	})
	t.Run("an answer whose run began before a purge there is not stored", func(t *testing.T) {
		f := newFleet(t)
		a, b := f.site(t), f.site(t)
		g := newGate()
		a.serve(func(w http.ResponseWriter, _ *http.Request) {
			g.pass("")
			addFields(w.Header(), []string{fresh})
			_, _ = io.WriteString(w, "old")
		})
		first := a.start("GET /a")
		within(t, g.entered)
		f.clock.advance(5 * time.Second)
		if err := b.cache.Purge(t.Context(), "/a"); err != nil {
			t.Fatal(err)
		}
		f.clock.advance(5 * time.Second)
		close(g.open)
		within(t, first)
		b.answer(200, "new", fresh)
		if r := b.do("GET /a"); r.body != "new" {
			t.Fatal(r)
		}
		f.clock.advance(6 * time.Second)
		a.answer(200, "newer", fresh)
		if r := a.do("GET /a"); r.body == "old" {
			t.Fatal(r)
		}
	})
	t.Run("one run in the fleet", func(t *testing.T) {
		f := newFleet(t)
		a, b := f.site(t), f.site(t)
		g := newGate()
		a.serve(func(w http.ResponseWriter, _ *http.Request) {
			g.pass("")
			addFields(w.Header(), []string{fresh})
			_, _ = io.WriteString(w, "from a")
		})
		b.answer(200, "from b", fresh)
		first := a.start("GET /a")
		within(t, g.entered)
		second := b.start("GET /a")
		b.waitFor(func() bool { return b.cache.Stats().FleetWaits == 1 })
		close(g.open)
		within(t, first)
		if r := within(t, second); r.body != "from a" || !r.hit() {
			t.Fatal(r)
		}
		b.wantRuns(0)
	})
	t.Run("nobody waits for what cannot be shared", func(t *testing.T) {
		f := newFleet(t)
		a, b := f.site(t), f.site(t)
		header, rest := newGate(), newGate()
		a.serve(func(w http.ResponseWriter, _ *http.Request) {
			header.pass("")
			addFields(w.Header(), []string{"Cache-Control: private"})
			_, _ = io.WriteString(w, "for a")
			rest.pass("")
		})
		b.answer(200, "for b", "Cache-Control: private")
		first := a.start("GET /a")
		within(t, header.entered)
		second := b.start("GET /a")
		b.waitFor(func() bool { return b.cache.Stats().FleetWaits == 1 })
		close(header.open)
		within(t, rest.entered) // a's body goes on
		if r := within(t, second); r.body != "for b" {
			t.Fatal(r)
		}
		close(rest.open)
		if r := within(t, first); r.body != "for a" {
			t.Fatal(r)
		}
	})
	t.Run("other builds, names and hosts do not meet", func(t *testing.T) {
		f := newFleet(t)
		a := f.site(t, httpcache.Version("1"))
		a.answer(200, "from a", fresh)
		a.do("GET /a")
		a.stored(1)
		for _, o := range []httpcache.Option{httpcache.Version("2"), httpcache.Name("other")} {
			b := f.site(t, httpcache.Version("1"), o)
			b.answer(200, "from b", fresh)
			if r := b.do("GET /a"); r.body != "from b" {
				t.Fatal(r)
			}
		}
	})
}

func TestTwoCachesOfOneRuntime(t *testing.T) {
	f := newFleet(t)
	rt, err := adapter.New(adapter.Config{Manager: f.manager, Clock: f.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rt.Close(context.Background()) })
	if _, err := httpcache.New(httpcache.WithRuntime(rt), httpcache.Name("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := httpcache.New(httpcache.WithRuntime(rt), httpcache.Name("a")); err == nil {
		t.Fatal("two caches have one name")
	}
}
