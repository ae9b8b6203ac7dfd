package httpcache_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/httpcache"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// clock is a wall clock that moves when a test says so.
type clock struct{ now atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.now.Store(time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.now.Load()) }
func (c *clock) advance(d time.Duration) { c.now.Add(int64(d)) }
func (c *clock) date(d time.Duration) string {
	return c.Now().Add(d).UTC().Format(http.TimeFormat)
}

// site is a handler behind a cache, in one container of a fleet that shares a backend.
type site struct {
	t     *testing.T
	clock *clock
	cache *httpcache.Cache
	rt    *adapter.Runtime
	front http.Handler
	runs  atomic.Int64

	others []http.Handler // containers of the same fleet, which take turns
	turn   int

	mu      sync.Mutex
	handler http.HandlerFunc
	seen    []*http.Request // what the handler got
}

// fleet is what containers share.
type fleet struct {
	clock   *clock
	manager backends.PersistenceManager
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	c := newClock()
	m, err := memory.New(memory.Options{Clock: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return &fleet{clock: c, manager: unclosed{m}}
}

// unclosed is a manager that outlives one container.
type unclosed struct{ backends.PersistenceManager }

func (unclosed) Close() error { return nil }

// site returns one more container.
func (f *fleet) site(t *testing.T, opts ...httpcache.Option) *site {
	t.Helper()
	return newSiteOn(t, f.clock, f.manager, opts...)
}

// newSite returns a site in a container of its own, without a backend.
func newSite(t *testing.T, opts ...httpcache.Option) *site {
	t.Helper()
	return newSiteOn(t, newClock(), nil, opts...)
}

func newSiteOn(t *testing.T, c *clock, m backends.PersistenceManager, opts ...httpcache.Option) *site {
	t.Helper()
	return newSiteWith(t, siteConfig{clock: c, manager: m}, opts...)
}

// siteConfig is what tests set of a container.
type siteConfig struct {
	clock    *clock
	manager  backends.PersistenceManager
	leaseTTL time.Duration
	memory   int64
	sealKeys string
}

func newSiteWith(t *testing.T, sc siteConfig, opts ...httpcache.Option) *site {
	t.Helper()
	c := sc.clock
	if c == nil {
		c = newClock()
	}
	conf := adapter.Config{
		Clock: c.Now, Manager: sc.manager, Mode: adapter.Deployed, LeaseTTL: sc.leaseTTL, MemoryMax: sc.memory, SealKeys: sc.sealKeys,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	if sc.manager == nil {
		conf.Backend = "none"
	}
	rt, err := adapter.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, clock: c, rt: rt}
	t.Cleanup(func() { _ = rt.Close(context.Background()) })
	opts = append([]httpcache.Option{httpcache.WithRuntime(rt), httpcache.Name("site")}, opts...)
	s.cache, err = httpcache.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	s.front = s.cache.Handler(s.counted())
	return s
}

// turns returns a site of n containers over one backend, which take turns: whatever one of them stores, another one finds.
func (f *fleet) turns(t *testing.T, n int, opts ...httpcache.Option) *site {
	t.Helper()
	opts = append([]httpcache.Option{httpcache.NearTTL(time.Millisecond)}, opts...)
	s := f.site(t, opts...)
	s.others = []http.Handler{s.front}
	for range n - 1 {
		s.others = append(s.others, f.site(t, opts...).cache.Handler(s.counted()))
	}
	return s
}

// counted is the handler that does what the test says.
func (s *site) counted() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.runs.Add(1)
		s.mu.Lock()
		h := s.handler
		s.seen = append(s.seen, r)
		s.mu.Unlock()
		h(w, r)
	})
}

// serve sets what the handler does.
func (s *site) serve(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = h
}

// answer makes the handler answer with a body and fields, given as "Name: value".
func (s *site) answer(status int, body string, fields ...string) {
	s.serve(func(w http.ResponseWriter, _ *http.Request) {
		addFields(w.Header(), fields)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func addFields(h http.Header, fields []string) {
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ":")
		h.Add(name, strings.TrimSpace(value))
	}
}

// last returns the last request that the handler got.
func (s *site) last() *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) == 0 {
		s.t.Fatal("the handler got no request")
	}
	return s.seen[len(s.seen)-1]
}

// result is an answer as the client has it.
type result struct {
	status int
	header http.Header
	body   string
	infos  []int
}

func (r result) cacheStatus() string { return strings.Join(r.header["Cache-Status"], ", ") }

func (r result) hit() bool { return strings.Contains(r.cacheStatus(), "; hit") }

// do sends a request: "GET /path", and fields given as "Name: value".
func (s *site) do(line string, fields ...string) result {
	s.t.Helper()
	return s.doContext(context.Background(), line, fields...)
}

func (s *site) doContext(ctx context.Context, line string, fields ...string) result {
	s.t.Helper()
	method, target, _ := strings.Cut(line, " ")
	front := s.front
	if len(s.others) > 0 {
		// Each request is an invocation in the next container, and what it leaves for after its response is done before
		// the next one comes.
		front = s.others[s.turn%len(s.others)]
		s.turn++
		var inv *invocation.Invocation
		ctx, inv = invocation.Begin(ctx, invocation.Options{AfterResponse: true})
		defer func() {
			inv.Finish(ctx)
			s.clock.advance(2 * time.Millisecond)
		}()
	}
	r := httptest.NewRequestWithContext(ctx, method, target, nil)
	addFields(r.Header, fields)
	w := &client{ResponseRecorder: httptest.NewRecorder()}
	front.ServeHTTP(w, r)
	return result{w.Code, w.Result().Header, w.Body.String(), w.infos}
}

// client records an answer, informational ones apart.
type client struct {
	*httptest.ResponseRecorder
	infos []int
}

func (c *client) WriteHeader(status int) {
	if status < 200 {
		c.infos = append(c.infos, status)
		return
	}
	c.ResponseRecorder.WriteHeader(status)
}

// waitFor waits until the condition holds; other goroutines make it so.
func (s *site) waitFor(cond func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			s.t.Fatal("what was waited for did not happen")
		}
		time.Sleep(time.Millisecond)
	}
}

// wantRuns fails unless the handler has run n times.
func (s *site) wantRuns(n int64) {
	s.t.Helper()
	if got := s.runs.Load(); got != n {
		s.t.Fatalf("the handler ran %d times, not %d", got, n)
	}
}
