package httpcache_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/httpcache"
)

// byUser names a request's principal by its field X-User.
var byUser = httpcache.PerCaller(func(_ context.Context, r *http.Request) string { return r.Header.Get("X-User") })

// Two callers each wait for a run of their own whose header then says that they want another variant. Whether they look for that
// one's run or run by themselves is a matter of chance, so there are several rounds.
func TestPrincipalsAtOnce(t *testing.T) {
	t.Run("nobody gets the private answer that stands in for another caller's failed run", func(t *testing.T) {
		for range 30 {
			waitForOtherVariants(t)
		}
	})
}

func waitForOtherVariants(t *testing.T) {
	t.Helper()
	s := newSite(t, byUser)
	private := []string{"Cache-Control: private, max-age=1, stale-if-error=600", "Vary: X-Lang"}
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		addFields(w.Header(), private)
		_, _ = io.WriteString(w, "private to "+r.Header.Get("X-User"))
	})
	for _, who := range []string{"a", "b"} {
		s.do("GET /a", "X-User: "+who)
	}
	s.clock.advance(10 * time.Second)
	gates := map[string]*gate{"a1": newGate(), "b1": newGate(), "a2": newGate(), "b2": newGate()}
	end := newGate()
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		who := r.Header.Get("X-User") + r.Header.Get("X-Other")
		gates[who].pass(who)
		if r.Header.Get("X-Other") == "2" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		addFields(w.Header(), append(private, "Vary: X-Other"))
		w.WriteHeader(http.StatusOK)
		end.pass(who) // the others are told by the header already
	})
	get := func(who, other string) <-chan result {
		return s.start("GET /a", "X-User: "+who, "X-Other: "+other)
	}
	var first []<-chan result
	second := map[string]<-chan result{}
	for i, who := range []string{"a", "b"} {
		first = append(first, get(who, "1"))
		within(t, gates[who+"1"].entered)
		second[who] = get(who, "2")
		s.waitFor(func() bool { return s.cache.Stats().Waits == uint64(i+1) })
	}
	close(gates["a1"].open)
	within(t, gates["a2"].entered)
	close(gates["b1"].open)
	// b's second request has a run of its own, or waits for a's.
	s.waitFor(func() bool { return s.cache.Stats().Waits == 3 || len(gates["b2"].entered) > 0 })
	close(gates["a2"].open)
	close(gates["b2"].open)
	for who, answer := range second {
		if r := within(t, answer); r.status == 200 && r.body != "private to "+who {
			t.Fatalf("%s got %q: %s", who, r.body, r.cacheStatus())
		}
	}
	close(end.open)
	for _, a := range first {
		within(t, a)
	}
}

func TestPagesThatBecomePrivate(t *testing.T) {
	for name, c := range map[string]struct {
		before string
		now    func(w http.ResponseWriter, r *http.Request)
	}{
		"in a refresh": {"public, max-age=1, stale-while-revalidate=600", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "private, max-age=60")
			_, _ = io.WriteString(w, "for "+r.Header.Get("X-User"))
		}},
		"after it went stale": {"public, max-age=1, stale-if-error=600", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-User") != "a" {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			w.Header().Set("Cache-Control", "private, max-age=60")
			_, _ = io.WriteString(w, "for a")
		}},
		"by a 304": {"public, max-age=1, stale-if-error=600", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-User") != "a" {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			w.Header().Set("Cache-Control", "private, max-age=60")
			w.WriteHeader(http.StatusNotModified)
		}},
	} {
		t.Run(name+", what was public is not served on", func(t *testing.T) {
			s := newSite(t, byUser)
			s.answer(200, "for all", "Cache-Control: "+c.before, `ETag: "1"`)
			s.do("GET /a", "X-User: a")
			s.clock.advance(2 * time.Second)
			s.serve(c.now)
			s.do("GET /a", "X-User: a")
			s.waitFor(func() bool {
				return s.runs.Load() == 2 && s.do("GET /a", "X-User: a", "Cache-Control: only-if-cached").status == 200
			})
			if r := s.do("GET /a", "X-User: b"); r.body == "for all" || r.hit() {
				t.Error(r)
			}
			if r := s.do("GET /a", "X-User: a"); !r.hit() {
				t.Error("a has an answer of its own:", r)
			}
		})
	}
}

func TestUnsafeWithUpgrade(t *testing.T) {
	s := newSite(t)
	s.answer(200, "old", fresh)
	s.do("GET /a")
	s.do("POST /a", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c") // what some clients send along with their first request
	s.answer(200, "new", fresh)
	if r := s.do("GET /a"); r.body != "new" {
		t.Error(r)
	}
}

func TestTargetedFieldOf304(t *testing.T) {
	t.Run("a field for this cache alone stays where the 304 has none", func(t *testing.T) {
		s := newSite(t, byUser)
		s.answer(200, "for a", "Stillwarm-Cache-Control: private, max-age=1", "Cache-Control: public, max-age=60", `ETag: "1"`)
		if r := s.do("GET /a", "X-User: a"); r.header.Get("Stillwarm-Cache-Control") != "" {
			t.Error(r)
		}
		s.clock.advance(2 * time.Second)
		s.answer(304, "", `ETag: "1"`)
		r := s.do("GET /a", "X-User: a")
		if r.body != "for a" || r.header.Get("Stillwarm-Cache-Control") != "" {
			t.Error(r)
		}
		s.answer(200, "for b", "Cache-Control: no-store")
		if r := s.do("GET /a", "X-User: b"); r.body != "for b" {
			t.Error("a private answer is public:", r)
		}
		r = s.do("GET /a", "X-User: a")
		if !r.hit() || r.header.Get("Stillwarm-Cache-Control") != "" {
			t.Error(r)
		}
		if r := s.do("GET /a", "X-User: a", `If-None-Match: "1"`); r.status != 304 || r.header.Get("Stillwarm-Cache-Control") != "" {
			t.Error(r)
		}
	})
}

func TestHeadWithNewVary(t *testing.T) {
	s := newSite(t)
	s.answer(200, "english", "Cache-Control: max-age=60, stale-if-error=600")
	s.do("GET /a", "Accept-Language: en")
	s.clock.advance(2 * time.Minute)
	s.answer(200, "", fresh, "Vary: Accept-Language")
	s.do("HEAD /a", "Accept-Language: de")
	s.answer(200, "deutsch", fresh, "Vary: Accept-Language")
	if r := s.do("GET /a", "Accept-Language: de"); r.body != "deutsch" {
		t.Error(r)
	}
}

func TestPurgeByAnotherSpelling(t *testing.T) {
	for i, target := range []string{"/list?q=a%20b&page=2", "/list?page=2&q=a+b", "/list?q=%61+b&page=2", "/list?page=2&q=a%20b"} {
		s := newSite(t)
		s.answer(200, "old", fresh)
		s.do("GET /list?page=2&q=a+b")
		if err := s.cache.Purge(t.Context(), target); err != nil {
			t.Error(err)
		}
		s.answer(200, "new", fresh)
		if r := s.do("GET /list?page=2&q=a+b"); r.body != "new" {
			t.Error(i, target, r)
		}
	}
}
