package httpcache_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache"
)

// watcher collects events.
type watcher struct {
	mu   sync.Mutex
	seen []adapter.Event
}

func (w *watcher) watch(_ context.Context, e adapter.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, e)
}

// take returns the kinds and tiers of what was seen, and forgets it.
func (w *watcher) take() (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.seen {
		if e.Function != "http site" || len(e.Key) != 64 {
			list = append(list, fmt.Sprintf("%+v", e))
			continue
		}
		list = append(list, strings.TrimSpace(string(e.Kind)+" "+e.Tier+" "+e.Reason))
	}
	w.seen = nil
	return list
}

func (w *watcher) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}

// Where requests are rarer than NearTTL, each goes by the backend, and so does the stale answer whose refresh is due.
func TestObservers(t *testing.T) {
	f := newFleet(t)
	var w watcher
	watched := func() *site {
		rt, err := adapter.New(adapter.Config{
			Clock: f.clock.Now, Manager: f.manager, Mode: adapter.Deployed, Logger: slog.New(slog.DiscardHandler), Observer: w.watch,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = rt.Close(context.Background()) })
		s := &site{t: t, clock: f.clock, rt: rt}
		if s.cache, err = httpcache.New(httpcache.WithRuntime(rt), httpcache.Name("site")); err != nil {
			t.Fatal(err)
		}
		s.front = s.cache.Handler(s.counted())
		return s
	}
	want := func(list ...string) {
		t.Helper()
		if got := w.take(); strings.Join(got, ", ") != strings.Join(list, ", ") {
			t.Fatalf("%q, not %q", got, list)
		}
	}
	a := watched()
	a.answer(200, "body", "Cache-Control: max-age=60, stale-while-revalidate=60")
	a.do("GET /a")
	a.waitFor(func() bool { return a.cache.Stats().Stores == 1 })
	want("miss backend uri-miss", "run backend", "store backend")
	a.do("GET /a")
	want("hit memory")
	b := watched()
	b.answer(200, "body", "Cache-Control: max-age=60")
	b.do("GET /a")
	want("hit backend")
	b.clock.advance(61 * time.Second)
	b.answer(200, "new", "Cache-Control: no-store")
	b.do("GET /a")
	b.waitFor(func() bool { return b.runs.Load() == 1 && w.count() >= 3 })
	want("stale memory stale-while-revalidate", "miss backend stale", "refresh backend")
	b.do("GET /private")
	want("miss backend uri-miss", "run backend")
}

func TestWarningsOfRoutesAreBounded(t *testing.T) {
	s := newSite(t)
	s.answer(200, "body", "Cache-Control: s-maxage=60, stale-while-revalidate=60")
	for a := 'a'; a <= 'z'; a++ {
		for b := 'a'; b <= 'z'; b++ {
			s.do("GET /" + string([]rune{a, b}))
		}
	}
	if n := s.cache.Warned(); n > 64 {
		t.Fatal("routes that a warning was given for:", n)
	}
}

func TestInputsThatAreNoPartOfTheTarget(t *testing.T) {
	for _, name := range []string{
		"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Forwarded-Scheme", "X-Forwarded-Server", "X-Host",
		"X-Original-Host", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "Forwarded",
	} {
		value := "evil.example"
		if name == "Forwarded" {
			value = "host=evil.example"
		}
		s := newSite(t)
		s.answer(200, "for the one who sent it", fresh)
		s.do("GET /a", name+": "+value)
		s.answer(200, "for all", fresh)
		if r := s.do("GET /a"); r.body != "for all" {
			t.Error(name, "poisons the answer of others")
		}
	}
}
