package httpcache_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache"
)

// An answer that states no freshness is reused for a minute.
func ExampleDefaultTTL() {
	rt, advance := withClock()
	handler := httpcache.Middleware(httpcache.DefaultTTL("1m"), httpcache.WithRuntime(rt))(answers())
	fmt.Println(ask(handler, "/"))
	advance(59 * time.Second)
	fmt.Println(ask(handler, "/"))
	advance(2 * time.Second)
	fmt.Println(ask(handler, "/"))
	// Output:
	// run 1 for /
	// run 1 for /
	// run 2 for /
}

// Private answers are stored for each user alone.
func ExamplePerCaller() {
	user := func(_ context.Context, r *http.Request) string { return r.Header.Get("X-Verified-User") }
	handler := httpcache.Middleware(httpcache.PerCaller(user), httpcache.WithRuntime(inMemory()))(answers("Cache-Control: private, max-age=60"))
	fmt.Println(ask(handler, "/cart", "X-Verified-User: ada"))
	fmt.Println(ask(handler, "/cart", "X-Verified-User: bob"))
	fmt.Println(ask(handler, "/cart", "X-Verified-User: ada"))
	// Output:
	// run 1 for /cart
	// run 2 for /cart
	// run 1 for /cart
}

// A parameter that only counts clicks makes no answer of its own.
func ExampleIgnoreQuery() {
	handler := httpcache.Middleware(httpcache.IgnoreQuery("utm_*"), httpcache.WithRuntime(inMemory()))(answers("Cache-Control: max-age=60"))
	fmt.Println(ask(handler, "/?page=1"))
	fmt.Println(ask(handler, "/?page=1&utm_source=mail"))
	// Output:
	// run 1 for /?page=1
	// run 1 for /?page=1
}

func ExampleSortQuery() {
	handler := httpcache.Middleware(httpcache.SortQuery(), httpcache.WithRuntime(inMemory()))(answers("Cache-Control: max-age=60"))
	fmt.Println(ask(handler, "/?from=1&to=2"))
	fmt.Println(ask(handler, "/?to=2&from=1"))
	// Output:
	// run 1 for /?from=1&to=2
	// run 1 for /?from=1&to=2
}

// The country is part of the key, although the handler does not name it in Vary.
func ExampleKeyFields() {
	handler := httpcache.Middleware(httpcache.KeyFields("X-Country"), httpcache.WithRuntime(inMemory()))(answers("Cache-Control: max-age=60"))
	fmt.Println(ask(handler, "/", "X-Country: NO"))
	fmt.Println(ask(handler, "/", "X-Country: SE"))
	fmt.Println(ask(handler, "/", "X-Country: NO"))
	// Output:
	// run 1 for /
	// run 2 for /
	// run 1 for /
}

// Past its lifetime the old answer is sent at once, and one refresh runs after the response.
func ExampleStaleFor() {
	rt, advance := withClock()
	handler := httpcache.Middleware(httpcache.StaleFor("1h"), httpcache.WithRuntime(rt))(answers("Cache-Control: max-age=60"))
	fmt.Println(ask(handler, "/"))
	advance(2 * time.Minute)
	fmt.Println(ask(handler, "/"))
	_ = rt.Close(context.Background()) // waits for the refresh
	// Output:
	// run 1 for /
	// run 1 for /
}

// While the handler fails, its last answer stands in.
func ExampleStaleIfError() {
	rt, advance := withClock()
	working := answers("Cache-Control: max-age=60")
	down := false
	handler := httpcache.Middleware(httpcache.StaleIfError("1h"), httpcache.WithRuntime(rt))(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			if down {
				http.Error(w, "the database is down", http.StatusServiceUnavailable)
				return
			}
			working.ServeHTTP(w, r)
		}))
	fmt.Println(ask(handler, "/"))
	down = true
	advance(2 * time.Minute)
	fmt.Println(ask(handler, "/"))
	// Output:
	// run 1 for /
	// run 1 for /
}

// The tags of an answer are in a field of one's own.
func ExampleTagFields() {
	cache := newCache(httpcache.TagFields("X-Tags"), httpcache.WithRuntime(inMemory()))
	handler := cache.Handler(answers("Cache-Control: max-age=60", "X-Tags: tea"))
	fmt.Println(ask(handler, "/"))
	fmt.Println(cache.InvalidateTags(context.Background(), "tea"))
	fmt.Println(ask(handler, "/"))
	// Output:
	// run 1 for /
	// <nil>
	// run 2 for /
}

// The cache obeys a field of its own, and browsers Cache-Control.
func ExampleTargeted() {
	handler := httpcache.Middleware(httpcache.Targeted("Function-Cache-Control"), httpcache.WithRuntime(inMemory()))(
		answers("Cache-Control: no-store", "Function-Cache-Control: max-age=60"))
	fmt.Println(ask(handler, "/"))
	fmt.Println(ask(handler, "/"))
	// Output:
	// run 1 for /
	// run 1 for /
}

// A longer body is sent, and not stored.
func ExampleMaxBody() {
	long := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = w.Write([]byte(strings.Repeat("x", 2<<10)))
	})
	cache := newCache(httpcache.MaxBody("1KiB"), httpcache.WithRuntime(inMemory()))
	handler := cache.Handler(long)
	fmt.Println(len(ask(handler, "/")), len(ask(handler, "/")))
	fmt.Println(cache.Stats().Hits, "hits")
	// Output:
	// 2048 2048
	// 0 hits
}

// The second language is served, and not stored.
func ExampleMaxVariants() {
	handler := httpcache.Middleware(httpcache.MaxVariants(1), httpcache.WithRuntime(inMemory()))(
		answers("Cache-Control: max-age=60", "Vary: Accept-Language"))
	fmt.Println(ask(handler, "/", "Accept-Language: nb"))
	fmt.Println(ask(handler, "/", "Accept-Language: sv"))
	fmt.Println(ask(handler, "/", "Accept-Language: sv"))
	fmt.Println(ask(handler, "/", "Accept-Language: nb"))
	// Output:
	// run 1 for /
	// run 2 for /
	// run 3 for /
	// run 1 for /
}

// An answer that was ten hours old when it was made is fresh for one.
func ExampleHeuristic() {
	rt, advance := withClock()
	handler := httpcache.Middleware(httpcache.Heuristic(0.1, 24*time.Hour), httpcache.WithRuntime(rt))(
		answers("Last-Modified: Wed, 31 Dec 2025 14:00:00 GMT"))
	fmt.Println(ask(handler, "/"))
	advance(59 * time.Minute)
	fmt.Println(ask(handler, "/"))
	// Output:
	// run 1 for /
	// run 1 for /
}

// Without a stated lifetime nothing is reused, however old the answer's Last-Modified is.
func ExampleNoHeuristic() {
	handler := httpcache.Middleware(httpcache.NoHeuristic(), httpcache.WithRuntime(inMemory()))(
		answers("Last-Modified: Wed, 31 Dec 2025 14:00:00 GMT"))
	fmt.Println(ask(handler, "/"))
	fmt.Println(ask(handler, "/"))
	// Output:
	// run 1 for /
	// run 2 for /
}

// The cookie is the same for everybody, a language for example.
func ExampleShareCookies() {
	handler := httpcache.Middleware(httpcache.ShareCookies(), httpcache.WithRuntime(inMemory()))(
		answers("Cache-Control: public, max-age=60", "Set-Cookie: language=nb"))
	fmt.Println(ask(handler, "/"))
	fmt.Println(ask(handler, "/"))
	// Output:
	// run 1 for /
	// run 1 for /
}

// The client's reload key costs a run.
func ExampleClientDirectives() {
	handler := httpcache.Middleware(httpcache.ClientDirectives(httpcache.Honour), httpcache.WithRuntime(inMemory()))(
		answers("Cache-Control: max-age=60"))
	fmt.Println(ask(handler, "/"))
	fmt.Println(ask(handler, "/", "Cache-Control: no-cache"))
	// Output:
	// run 1 for /
	// run 2 for /
}

// Answers stay in the memory of each container, and two caches of one program have a name each.
func ExamplePersist() {
	pages := newCache(httpcache.Name("pages"), httpcache.Persist(false), httpcache.WithRuntime(inMemory()))
	handler := pages.Handler(answers("Cache-Control: max-age=60"))
	fmt.Println(ask(handler, "/"))
	fmt.Println(ask(handler, "/"))
	// Output:
	// run 1 for /
	// run 1 for /
}

// A purge in one container reaches the others within a second.
func ExampleNearTTL() {
	var at atomic.Int64
	at.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	container := func() *httpcache.Cache { // two of them stand for two containers with one backend
		rt, err := adapter.New(adapter.Config{Backend: "memory:nearttl", Mode: adapter.Deployed, Logger: slog.New(slog.DiscardHandler),
			Clock: func() time.Time { return time.Unix(0, at.Load()) }})
		if err != nil {
			panic(err)
		}
		return newCache(httpcache.Name("catalogue"), httpcache.NearTTL("1s"), httpcache.WithRuntime(rt))
	}
	one, other := container(), container()
	handler := other.Handler(answers("Cache-Control: max-age=60"))
	fmt.Println(ask(handler, "/"))
	fmt.Println(one.Purge(context.Background(), "/"))
	at.Add(int64(2 * time.Second))
	fmt.Println(ask(handler, "/"))
	// Output:
	// run 1 for /
	// <nil>
	// run 2 for /
}

// Answers survive a deploy for as long as the version stays the same.
func ExampleVersion() {
	handler := httpcache.Middleware(httpcache.Name("catalogue"), httpcache.Version("3"))
	http.Handle("/catalogue", handler(answers("Cache-Control: max-age=3600")))
}
