// Package http_test holds the HTTP cache to its promises on real servers: containers of one fleet share answers, see each
// other's invalidations, and run a handler once.
package http_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	_ "github.com/stillwarm/stillwarm/backends/all"
	"github.com/stillwarm/stillwarm/httpcache"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// container is one process's cache in front of a handler.
type container struct {
	t       *testing.T
	cache   *httpcache.Cache
	front   http.Handler
	runs    atomic.Int64
	handler atomic.Value // http.HandlerFunc
}

func newContainer(t *testing.T, backend, namespace string, opts ...httpcache.Option) *container {
	t.Helper()
	rt, err := adapter.New(adapter.Config{Backend: backend, Namespace: namespace, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rt.Close(context.Background()) })
	c := &container{t: t}
	c.cache, err = httpcache.New(append([]httpcache.Option{httpcache.WithRuntime(rt), httpcache.Name("site"), httpcache.NearTTL(time.Millisecond)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	c.front = c.cache.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.runs.Add(1)
		c.handler.Load().(http.HandlerFunc)(w, r)
	}))
	return c
}

func (c *container) serve(h http.HandlerFunc) { c.handler.Store(h) }

func (c *container) answer(body string, fields ...string) {
	c.serve(func(w http.ResponseWriter, _ *http.Request) {
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			w.Header().Add(name, value)
		}
		_, _ = io.WriteString(w, body)
	})
}

func (c *container) do(line string, fields ...string) (body string, hit bool) {
	c.t.Helper()
	method, path, _ := strings.Cut(line, " ")
	r := httptest.NewRequestWithContext(c.t.Context(), method, path, nil)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	c.front.ServeHTTP(w, r)
	return w.Body.String(), strings.Contains(w.Header().Get("Cache-Status"), "; hit")
}

// eventually waits until the condition holds; writes come after the response.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !cond(); {
		if time.Now().After(end) {
			t.Fatal("did not happen:", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (c *container) stored(n uint64) {
	c.t.Helper()
	eventually(c.t, "a write to the backend", func() bool { return c.cache.Stats().Stores >= n })
}

// stores are the real servers, and a folder.
func stores(t *testing.T) map[string]string {
	t.Helper()
	minio := servers.MinIO(t)
	minio.Setenv(t)
	s3 := "s3://" + minio.Bucket(t) + "?" + url.Values{"endpoint": {minio.URL}, "region": {minio.Region}, "path-style": {"true"}}.Encode()
	return map[string]string{"redis": servers.Redis(t).URL(), "s3": s3, "disk": "disk://" + t.TempDir()}
}

const fresh = "Cache-Control: max-age=600"

func TestFleet(t *testing.T) {
	for name, place := range stores(t) {
		t.Run(name, func(t *testing.T) {
			n := 0
			pair := func(t *testing.T, opts ...httpcache.Option) (a, b *container) {
				t.Helper()
				n++
				namespace := fmt.Sprint("pair", n)
				return newContainer(t, place, namespace, opts...), newContainer(t, place, namespace, opts...)
			}
			t.Run("answers and variants are shared", func(t *testing.T) {
				a, b := pair(t)
				a.answer("from a", fresh, "Vary: X-A", "X-Unknown: 1")
				b.answer("from b", fresh, "Vary: X-A")
				a.do("GET /a", "X-A: 1")
				a.stored(2)
				if body, hit := b.do("GET /a", "X-A: 1"); body != "from a" || !hit {
					t.Fatal(body, hit)
				}
				if body, hit := b.do("GET /a", "X-A: 2"); body != "from b" || hit {
					t.Fatal(body, hit)
				}
				b.stored(2)
				c := newContainer(t, place, fmt.Sprint("pair", n))
				c.answer("from c")
				for v, want := range map[string]string{"1": "from a", "2": "from b"} {
					if body, _ := c.do("GET /a", "X-A: "+v); body != want {
						t.Fatal(v, body)
					}
				}
			})
			t.Run("invalidations are seen: purge, unsafe requests, tags, groups, clear", func(t *testing.T) {
				a, b := pair(t)
				ctx := t.Context()
				for i, invalidate := range []func() error{
					func() error { return a.cache.Purge(ctx, "/a") },
					func() error {
						a.answer("")
						a.do("POST /a")
						return nil
					},
					func() error { return a.cache.InvalidateTags(ctx, "tag") },
					func() error { return a.cache.InvalidateTags(ctx, "group") },
					func() error { return a.cache.Clear(ctx) },
				} {
					old, renewed := fmt.Sprint("old ", i), fmt.Sprint("new ", i)
					a.answer(old, fresh, "Cache-Tag: tag", `Cache-Groups: "group"`)
					b.answer(renewed, "Cache-Control: no-store")
					eventually(t, "storing", func() bool { // a run that began within the clocks' tolerance of an invalidation is not stored
						body, _ := a.do("GET /a")
						other, _ := b.do("GET /a")
						return body == old && other == old
					})
					if err := invalidate(); err != nil {
						t.Fatal(err)
					}
					eventually(t, "the other container sees it", func() bool {
						body, hit := b.do("GET /a")
						return body == renewed && !hit
					})
				}
			})
			t.Run("one run in the fleet", func(t *testing.T) {
				a, b := pair(t)
				entered, open := make(chan struct{}), make(chan struct{})
				a.serve(func(w http.ResponseWriter, _ *http.Request) {
					close(entered)
					<-open
					w.Header().Set("Cache-Control", "max-age=600")
					_, _ = io.WriteString(w, "from a")
				})
				b.answer("from b", fresh)
				go a.do("GET /a")
				<-entered
				got := make(chan string)
				go func() {
					body, _ := b.do("GET /a")
					got <- body
				}()
				eventually(t, "waiting for the lease", func() bool { return b.cache.Stats().FleetWaits == 1 })
				close(open)
				if body := <-got; body != "from a" || b.runs.Load() != 0 {
					t.Fatal(body)
				}
			})
			t.Run("nobody waits for what cannot be shared", func(t *testing.T) {
				a, b := pair(t)
				entered, header, rest := make(chan struct{}), make(chan struct{}), make(chan struct{})
				a.serve(func(w http.ResponseWriter, _ *http.Request) {
					close(entered)
					<-header
					w.Header().Set("Cache-Control", "private")
					_, _ = io.WriteString(w, "for a")
					<-rest
				})
				b.answer("for b", "Cache-Control: private")
				go a.do("GET /a")
				<-entered
				got := make(chan string)
				go func() {
					body, _ := b.do("GET /a")
					got <- body
				}()
				eventually(t, "waiting for the lease", func() bool { return b.cache.Stats().FleetWaits == 1 })
				close(header)
				if body := <-got; body != "for b" {
					t.Fatal(body)
				}
				close(rest)
			})
			t.Run("an answer that another container replaced is not written over", func(t *testing.T) {
				a, b := pair(t)
				a.answer("first", "Cache-Control: max-age=1", `Etag: "1"`)
				a.do("GET /a")
				a.stored(1)
				entered, open := make(chan struct{}), make(chan struct{})
				a.serve(func(w http.ResponseWriter, _ *http.Request) {
					close(entered)
					<-open
					w.Header().Set("Cache-Control", "max-age=600")
					_, _ = io.WriteString(w, "older run")
				})
				b.answer("newer run", fresh)
				eventually(t, "it goes stale", func() bool {
					e, err := a.cache.Explain(t.Context(), httptest.NewRequest("GET", "/a", nil))
					return err == nil && !e.Hit
				})
				done := make(chan struct{})
				go func() {
					defer close(done)
					a.do("GET /a")
				}()
				<-entered
				eventually(t, "b gives up waiting, and stores its own", func() bool {
					b.do("GET /a")
					return b.cache.Stats().Stores > 0
				})
				close(open)
				<-done
				c := newContainer(t, place, fmt.Sprint("pair", n))
				c.answer("from c")
				if body, hit := c.do("GET /a"); body != "newer run" || !hit {
					t.Fatal(body, hit)
				}
			})
		})
	}
}
