package httpcache_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache"
)

// inMemory is a Runtime without a backend. In a program the default Runtime does.
func inMemory() *adapter.Runtime {
	rt, _ := withClock()
	return rt
}

// withClock returns a Runtime without a backend, and moves its clock.
func withClock() (rt *adapter.Runtime, advance func(time.Duration)) {
	var at atomic.Int64
	at.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	rt, err := adapter.New(adapter.Config{Backend: "none", Mode: adapter.Deployed, Logger: slog.New(slog.DiscardHandler),
		Clock: func() time.Time { return time.Unix(0, at.Load()) }})
	if err != nil {
		panic(err)
	}
	return rt, func(d time.Duration) { at.Add(int64(d)) }
}

// answers is a handler that says how often it ran. Its answers have the given fields, such as "Cache-Control: max-age=60".
func answers(fields ...string) http.Handler {
	var runs atomic.Int32
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, field := range fields {
			name, value, _ := strings.Cut(field, ": ")
			w.Header().Add(name, value)
		}
		_, _ = fmt.Fprintf(w, "run %d for %s", runs.Add(1), r.URL)
	})
}

// ask returns the body of an answer. Requests have the given fields.
func ask(h http.Handler, url string, fields ...string) string {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String()
}

func newCache(opts ...httpcache.Option) *httpcache.Cache {
	c, err := httpcache.New(opts...)
	if err != nil {
		panic(err)
	}
	return c
}

// The answer says how long it may be reused.
func ExampleMiddleware() {
	handler := httpcache.Middleware(httpcache.WithRuntime(inMemory()))(answers("Cache-Control: max-age=60"))
	fmt.Println(ask(handler, "/prices"))
	fmt.Println(ask(handler, "/prices"))
	// Output:
	// run 1 for /prices
	// run 1 for /prices
}

// The error names each option that cannot be used.
func ExampleNew() {
	_, err := httpcache.New(httpcache.DefaultTTL("soon"))
	var bad *adapter.OptionError
	fmt.Println(errors.As(err, &bad), bad.Option)
	// Output:
	// true DefaultTTL
}

// A purged path is a miss with any query.
func ExampleCache_Purge() {
	cache := newCache(httpcache.WithRuntime(inMemory()))
	handler := cache.Handler(answers("Cache-Control: max-age=60"))
	fmt.Println(ask(handler, "/list?page=1"))
	fmt.Println(cache.Purge(context.Background(), "/list"))
	fmt.Println(ask(handler, "/list?page=1"))
	// Output:
	// run 1 for /list?page=1
	// <nil>
	// run 2 for /list?page=1
}

// Every answer with the tag is a miss, whatever its URL.
func ExampleCache_InvalidateTags() {
	cache := newCache(httpcache.WithRuntime(inMemory()))
	handler := cache.Handler(answers("Cache-Control: max-age=60", "Cache-Tag: prices, tea"))
	fmt.Println(ask(handler, "/tea"))
	fmt.Println(cache.InvalidateTags(context.Background(), "tea"))
	fmt.Println(ask(handler, "/tea"))
	// Output:
	// run 1 for /tea
	// <nil>
	// run 2 for /tea
}

func ExampleCache_Clear() {
	cache := newCache(httpcache.WithRuntime(inMemory()))
	handler := cache.Handler(answers("Cache-Control: max-age=60"))
	fmt.Println(ask(handler, "/"))
	fmt.Println(cache.Clear(context.Background()))
	fmt.Println(ask(handler, "/"))
	// Output:
	// run 1 for /
	// <nil>
	// run 2 for /
}

// Explain says what would happen to a request, and runs nothing.
func ExampleCache_Explain() {
	cache := newCache(httpcache.WithRuntime(inMemory()))
	handler := cache.Handler(answers())
	ask(handler, "/")
	e, err := cache.Explain(context.Background(), httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", http.NoBody))
	fmt.Println(e.Hit, e.Stored, err)
	// Output:
	// false no: no-freshness <nil>
}

func ExampleCache_Stats() {
	cache := newCache(httpcache.WithRuntime(inMemory()))
	handler := cache.Handler(answers("Cache-Control: max-age=60"))
	for range 3 {
		ask(handler, "/")
	}
	s := cache.Stats()
	fmt.Println(s.Hits, "hits,", s.Misses, "miss")
	// Output:
	// 2 hits, 1 miss
}
