package httpcache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// gate lets handlers run up to a point and holds them there.
type gate struct {
	entered chan string
	open    chan struct{}
}

func newGate() *gate { return &gate{make(chan string, 64), make(chan struct{})} }

func (g *gate) pass(who string) {
	g.entered <- who
	<-g.open
}

// start sends a request from a client of its own.
func (s *site) start(line string, fields ...string) <-chan result {
	done := make(chan result, 1)
	go func() { done <- s.do(line, fields...) }()
	return done
}

// within returns what comes, unless it takes far too long: nobody may hang.
func within[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("hangs")
		panic("unreachable")
	}
}

// Two clients at once: the first one's run is under way when the second one asks. Nobody gets what is for the other, and the
// second one has its answer while the first one's body is held back.
func TestTwoClientsAtOnce(t *testing.T) {
	for _, c := range []struct {
		name      string
		fields    []string
		a, b      []string
		status    int
		wantOther bool // the second client's answer is from its own run
	}{
		{"private", []string{"Cache-Control: private, max-age=60"}, nil, nil, 200, true},
		{"Set-Cookie", []string{fresh, "Set-Cookie: session=1"}, nil, nil, 200, true},
		{"Vary", []string{fresh, "Vary: X-A"}, []string{"X-A: 1"}, []string{"X-A: 2"}, 200, true},
		{"Authorization", []string{fresh}, []string{"Authorization: a"}, []string{"Authorization: b"}, 200, true},
		{"cookie", []string{fresh}, []string{"Cookie: a"}, []string{"Cookie: b"}, 200, true},
		{"error", nil, nil, nil, 500, true},
		{"uncacheable", []string{"Cache-Control: no-store"}, nil, nil, 200, true},
		{"event stream", []string{fresh, "Content-Type: text/event-stream"}, nil, nil, 200, true},
		{"not fresh", []string{"Cache-Control: max-age=0", `ETag: "1"`}, nil, nil, 200, true},
		{"no-cache", []string{"Cache-Control: max-age=60, no-cache", `ETag: "1"`}, nil, nil, 200, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			body, hold := newGate(), newGate()
			s.serve(func(w http.ResponseWriter, r *http.Request) {
				who := r.Header.Get("X-Who")
				if who == "a" {
					body.pass(who)
				}
				addFields(w.Header(), c.fields)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, "for "+who)
				if f, ok := w.(http.Flusher); ok {
					f.Flush()
				}
				if who == "a" {
					hold.pass(who) // the body does not end before the other one has its answer
				}
			})
			first := s.start("GET /a", append(c.a, "X-Who: a")...)
			within(t, body.entered)
			second := s.start("GET /a", append(c.b, "X-Who: b")...)
			s.waitFor(func() bool { return s.cache.Stats().Waits == 1 })
			close(body.open)
			r := within(t, second)
			if r.body != "for b" || r.status != c.status {
				t.Fatal(r)
			}
			close(hold.open)
			if r := within(t, first); r.body != "for a" {
				t.Fatal(r)
			}
		})
	}
	t.Run("shareable", func(t *testing.T) {
		s := newSite(t)
		g := newGate()
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			g.pass("")
			addFields(w.Header(), []string{fresh})
			_, _ = io.WriteString(w, "for all")
		})
		first := s.start("GET /a")
		within(t, g.entered)
		var others []<-chan result
		for range 20 {
			others = append(others, s.start("GET /a"))
		}
		s.waitFor(func() bool { return s.cache.Stats().Waits == 20 })
		close(g.open)
		within(t, first)
		for _, o := range others {
			if r := within(t, o); r.body != "for all" || !strings.Contains(r.cacheStatus(), "collapsed") {
				t.Fatal(r)
			}
		}
		s.wantRuns(1)
	})
}

func TestALeaderThatLeaves(t *testing.T) {
	t.Run("does not end the run for the others", func(t *testing.T) {
		s := newSite(t)
		g := newGate()
		s.serve(func(w http.ResponseWriter, r *http.Request) {
			g.pass("")
			if r.Context().Err() != nil {
				t.Error("the run was cancelled")
			}
			addFields(w.Header(), []string{fresh})
			_, _ = io.WriteString(w, "body")
		})
		ctx, leave := context.WithCancel(t.Context())
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			w := &watched{ResponseRecorder: httptest.NewRecorder()}
			s.front.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/a", nil))
			w.over() // whatever is written from now on is written to an answer that is gone
		}()
		within(t, g.entered)
		second := s.start("GET /a")
		s.waitFor(func() bool { return s.cache.Stats().Waits == 1 })
		leave()
		within(t, gone)
		close(g.open)
		if r := within(t, second); r.body != "body" {
			t.Fatal(r)
		}
		if r := s.do("GET /a"); !r.hit() {
			t.Fatal(r)
		}
	})
	t.Run("ends the run where there are no others, and nothing is stored", func(t *testing.T) {
		s := newSite(t)
		ended := make(chan struct{})
		entered := make(chan struct{})
		s.serve(func(w http.ResponseWriter, r *http.Request) {
			addFields(w.Header(), []string{fresh})
			_, _ = io.WriteString(w, "half")
			close(entered)
			<-r.Context().Done()
			close(ended)
		})
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			w := httptest.NewRecorder()
			s.front.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/a", nil))
		}()
		within(t, entered)
		leave()
		within(t, ended)
		s.answer(200, "whole", fresh)
		s.waitFor(func() bool { return s.do("GET /a").body == "whole" })
	})
}

// watched fails a test that writes to it after its request is over.
type watched struct {
	*httptest.ResponseRecorder
	mu   sync.Mutex
	gone bool
}

func (w *watched) over() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
}

func (w *watched) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone {
		panic("written after the request was over")
	}
}

func (w *watched) Write(b []byte) (int, error) {
	w.check()
	return w.ResponseRecorder.Write(b)
}

func (w *watched) WriteHeader(status int) {
	w.check()
	w.ResponseRecorder.WriteHeader(status)
}

func TestAStalledHandlerDoesNotPoisonItsKey(t *testing.T) {
	s := newSiteWith(t, siteConfig{leaseTTL: 50 * time.Millisecond})
	g := newGate()
	s.serve(func(http.ResponseWriter, *http.Request) { g.pass("") })
	stalled := s.start("GET /a")
	within(t, g.entered)
	s.answer(200, "body", fresh)
	if r := within(t, s.start("GET /a")); r.body != "body" {
		t.Fatal(r)
	}
	if r := s.do("GET /a"); !r.hit() {
		t.Fatal(r)
	}
	close(g.open)
	within(t, stalled)
	if r := s.do("GET /a"); r.body != "body" {
		t.Fatal("the stalled run's answer replaced the newer one:", r)
	}
}

func TestUniqueURLsDoNotGrowMemory(t *testing.T) {
	s := newSiteWith(t, siteConfig{memory: 1 << 20})
	s.answer(200, strings.Repeat("x", 1000), fresh)
	for i := range 5000 {
		s.do(fmt.Sprintf("GET /%d?unique=%d", i, i))
	}
	if b := s.cache.Stats().Bytes; b > 1<<20 {
		t.Fatal(b)
	}
	if n := s.cache.Internals(); n > 10_000 {
		t.Fatal("routes, reasons and marks hold", n)
	}
}

func TestAPageThatBecamePrivate(t *testing.T) {
	s := newSite(t)
	s.answer(200, "public", "Cache-Control: max-age=1, stale-while-revalidate=600, stale-if-error=600", `ETag: "1"`)
	s.do("GET /a")
	s.clock.advance(2 * time.Second)
	s.answer(200, "private", "Cache-Control: private")
	if r := s.do("GET /a"); r.body != "public" {
		t.Fatal(r)
	}
	s.waitFor(func() bool { return s.runs.Load() == 2 })
	s.waitFor(func() bool { return s.do("GET /a").body == "private" })
	s.answer(503, "down")
	if r := s.do("GET /a"); r.body != "down" {
		t.Fatal("served on:", r)
	}
}
