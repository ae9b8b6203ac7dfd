package httpcache_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache"
)

func TestPurging(t *testing.T) {
	t.Run("a path with any query, every variant, host and principal", func(t *testing.T) {
		s := newSite(t, httpcache.PerCaller(func(_ context.Context, r *http.Request) string { return r.Header.Get("X-User") }))
		version := "1"
		s.serve(func(w http.ResponseWriter, r *http.Request) {
			defer func() { _, _ = io.WriteString(w, version) }()
			addFields(w.Header(), []string{"Vary: X-A", "Cache-Control: max-age=60"})
			if r.Header.Get("X-User") != "" {
				w.Header().Set("Cache-Control", "private, max-age=60")
			}
		})
		all := [][]string{{"GET http://one/a"}, {"GET http://two/a?x=1"}, {"GET http://one/a", "X-A: 1"}, {"GET http://one/a", "X-User: u"}}
		for _, r := range all {
			s.do(r[0], r[1:]...)
			if got := s.do(r[0], r[1:]...); !got.hit() {
				t.Fatal(r, got.cacheStatus())
			}
		}
		if err := s.cache.Purge(t.Context(), "/a"); err != nil {
			t.Fatal(err)
		}
		version = "2"
		for _, r := range all {
			if got := s.do(r[0], r[1:]...); got.body != "2" {
				t.Fatal(r)
			}
		}
	})
	t.Run("one query", func(t *testing.T) {
		s := newSite(t)
		s.answer(200, "", fresh)
		s.do("GET /a?x=1")
		s.do("GET /a?x=2")
		if err := s.cache.Purge(t.Context(), "/a?x=1"); err != nil {
			t.Fatal(err)
		}
		if s.do("GET /a?x=1").hit() || !s.do("GET /a?x=2").hit() {
			t.Fatal("not just that one")
		}
	})
	t.Run("what is no path is an error", func(t *testing.T) {
		s := newSite(t)
		for _, bad := range []string{"", "a", "http://host/a", "//host/a", "/%zz"} {
			if err := s.cache.Purge(t.Context(), bad); err == nil {
				t.Error(bad)
			}
		}
	})
	t.Run("during a run: its caller has the answer, and it is not stored or shared with who comes later", func(t *testing.T) {
		s := newSite(t)
		g := newGate()
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			g.pass("")
			addFields(w.Header(), []string{fresh})
			_, _ = io.WriteString(w, "old")
		})
		first := s.start("GET /a")
		within(t, g.entered)
		if err := s.cache.Purge(t.Context(), "/a"); err != nil {
			t.Fatal(err)
		}
		s.answer(200, "new", fresh)
		if r := s.do("GET /a"); r.body != "new" {
			t.Fatal(r)
		}
		close(g.open)
		if r := within(t, first); r.body != "old" {
			t.Fatal(r)
		}
		if r := s.do("GET /a"); r.body != "new" || !r.hit() {
			t.Fatal(r)
		}
	})
	for how, invalidate := range map[string]func(s *site) error{
		"Purge":                  func(s *site) error { return s.cache.Purge(t.Context(), "/a") },
		"InvalidateTags":         func(s *site) error { return s.cache.InvalidateTags(t.Context(), "t") },
		"adapter.InvalidateTags": func(s *site) error { return s.rt.InvalidateTags(t.Context(), "t") },
		"Clear":                  func(s *site) error { return s.cache.Clear(t.Context()) },
	} {
		t.Run("C2 C8 who asks after it does not join a run of before it, whose tags are not known yet: "+how, func(t *testing.T) {
			s := newSite(t)
			g := newGate()
			s.serve(func(w http.ResponseWriter, _ *http.Request) {
				g.pass("")
				addFields(w.Header(), []string{fresh, "Cache-Tag: t"})
				_, _ = io.WriteString(w, "old")
			})
			first := s.start("GET /a")
			within(t, g.entered)
			if err := invalidate(s); err != nil {
				t.Fatal(err)
			}
			s.answer(200, "new", fresh, "Cache-Tag: t")
			second := s.start("GET /a")
			if r := within(t, second); r.body != "new" || s.cache.Stats().Waits != 0 {
				t.Errorf("%+v, after %d waits for the older run", r, s.cache.Stats().Waits)
			}
			close(g.open)
			if r := within(t, first); r.body != "old" {
				t.Error(r)
			}
			if r := s.do("GET /a"); r.body != "new" || !r.hit() {
				t.Error(r)
			}
		})
	}
	t.Run("during a refresh", func(t *testing.T) {
		s := newSite(t)
		s.answer(200, "old", "Cache-Control: max-age=1, stale-while-revalidate=60")
		s.do("GET /a")
		s.clock.advance(2 * time.Second)
		g := newGate()
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			g.pass("")
			addFields(w.Header(), []string{fresh})
			_, _ = io.WriteString(w, "refreshed before the purge")
		})
		if r := s.do("GET /a"); r.body != "old" || !r.hit() {
			t.Fatal(r)
		}
		within(t, g.entered)
		if err := s.cache.Purge(t.Context(), "/a"); err != nil {
			t.Fatal(err)
		}
		close(g.open)
		s.answer(200, "new", fresh)
		if r := s.do("GET /a"); r.body != "new" {
			t.Fatal(r)
		}
		if r := s.do("GET /a"); r.body != "new" {
			t.Fatal(r)
		}
	})
	t.Run("after a merge", func(t *testing.T) {
		s := newSite(t)
		s.validates("Cache-Control: max-age=60")
		s.do("GET /a")
		if r := s.do("GET /a"); !r.hit() {
			t.Fatal(r)
		}
		if err := s.cache.Purge(t.Context(), "/a"); err != nil {
			t.Fatal(err)
		}
		s.answer(200, "new", fresh)
		if r := s.do("GET /a"); r.body != "new" || s.last().Header.Get("If-None-Match") != "" {
			t.Fatal(r)
		}
	})
	t.Run("by tags and groups", func(t *testing.T) {
		s := newSite(t)
		for field, tag := range map[string]string{"Cache-Tag: a, b": "b", "Surrogate-Key: a b": "b", `Cache-Groups: "a", "b"`: "b"} {
			s.answer(200, "", fresh, field)
			s.do("GET /t")
			s.do("GET /u")
			s.answer(200, "", fresh, "Cache-Tag: other")
			s.do("GET /other")
			if err := s.cache.InvalidateTags(t.Context(), tag, "unknown"); err != nil {
				t.Fatal(err)
			}
			if s.do("GET /t").hit() || s.do("GET /u").hit() || !s.do("GET /other").hit() {
				t.Fatal(field)
			}
			_ = s.cache.Clear(t.Context())
			if s.do("GET /other").hit() {
				t.Fatal("cleared")
			}
			_ = s.cache.Clear(t.Context())
		}
	})
	t.Run("tags are those of cached functions, too", func(t *testing.T) {
		s := newSite(t)
		runs := 0
		f, err := adapter.NewData(func(context.Context, string) (int, error) {
			runs++
			return runs, nil
		}, adapter.WithRuntime(s.rt), adapter.Name("tagged"), adapter.Tags(func(string) []string { return []string{"tag"} }))
		if err != nil {
			t.Fatal(err)
		}
		s.answer(200, "", fresh, "Cache-Tag: tag")
		for i, invalidate := range []func() error{
			func() error { return s.cache.InvalidateTags(t.Context(), "tag") },
			func() error { return s.rt.InvalidateTags(t.Context(), "tag") },
		} {
			s.do("GET /t")
			if n, err := f.Get(t.Context(), "x"); n != i+1 || err != nil || !s.do("GET /t").hit() {
				t.Fatal(i, n, err)
			}
			if err := invalidate(); err != nil {
				t.Fatal(err)
			}
			if n, _ := f.Get(t.Context(), "x"); n != i+2 || s.do("GET /t").hit() {
				t.Fatal(i, n)
			}
		}
	})
	t.Run("by Cache-Group-Invalidation of an unsafe request", func(t *testing.T) {
		s := newSite(t)
		s.answer(200, "", fresh, `Cache-Groups: "g"`)
		s.do("GET /t")
		s.answer(204, "", `Cache-Group-Invalidation: "g"`)
		s.do("GET /safe")
		if !s.do("GET /t").hit() {
			t.Fatal("a safe request invalidated it")
		}
		s.do("POST /elsewhere")
		if s.do("GET /t").hit() {
			t.Fatal("it was not invalidated")
		}
	})
}
