package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// exampleClock returns a Runtime that keeps results in memory only, and moves its clock.
func exampleClock() (rt *adapter.Runtime, advance func(time.Duration)) {
	var at atomic.Int64
	at.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	rt, err := adapter.New(adapter.Config{Backend: "none", Mode: adapter.Deployed, Logger: exampleLogger,
		Clock: func() time.Time { return time.Unix(0, at.Load()) }})
	if err != nil {
		panic(err)
	}
	return rt, func(d time.Duration) { at.Add(int64(d)) }
}

// counted returns a function that says in its result how often it ran.
func counted() func(context.Context, string) (string, error) {
	var runs atomic.Int32
	return func(_ context.Context, name string) (string, error) {
		return fmt.Sprintf("%s %d", name, runs.Add(1)), nil
	}
}

// Within the ttl a call gets the result of the first.
func ExampleTTL() {
	rt, advance := exampleClock()
	prices := adapter.CacheData(counted(), adapter.Name("ttl"), adapter.TTL("1d"), adapter.WithRuntime(rt))
	ctx := context.Background()
	fmt.Println(prices.Get(ctx, "tea"))
	advance(23 * time.Hour)
	fmt.Println(prices.Get(ctx, "tea"))
	advance(time.Hour)
	fmt.Println(prices.Get(ctx, "tea"))
	// Output:
	// tea 1 <nil>
	// tea 1 <nil>
	// tea 2 <nil>
}

// Past the ttl the old value is returned at once, and one refresh runs behind it.
func ExampleStaleFor() {
	rt, advance := exampleClock()
	prices := adapter.CacheData(counted(), adapter.Name("stale"), adapter.TTL("1m"), adapter.StaleFor("1h"), adapter.WithRuntime(rt))
	ctx := context.Background()
	fmt.Println(prices.Get(ctx, "tea"))
	advance(2 * time.Minute)
	fmt.Println(prices.Get(ctx, "tea"))
	_ = rt.Close(ctx) // waits for the refresh; in Lambda it runs after the response
	fmt.Println(prices.Stats().Stale, "stale,", prices.Stats().Runs, "runs")
	// Output:
	// tea 1 <nil>
	// tea 1 <nil>
	// 1 stale, 2 runs
}

// Where the function fails, its last result stands in.
func ExampleFailSafe() {
	rt, advance := exampleClock()
	down := false
	quotes := adapter.CacheData(func(_ context.Context, symbol string) (int, error) {
		if down {
			return 0, errors.New("the exchange is closed")
		}
		return 42, nil
	}, adapter.Name("failsafe"), adapter.TTL("1m"), adapter.FailSafe("1d"), adapter.WithRuntime(rt))
	ctx := context.Background()
	fmt.Println(quotes.Get(ctx, "ACME"))
	down = true
	advance(time.Hour)
	fmt.Println(quotes.Get(ctx, "ACME"))
	advance(25 * time.Hour)
	_, err := quotes.Get(ctx, "ACME")
	fmt.Println(err)
	// Output:
	// 42 <nil>
	// 42 <nil>
	// the exchange is closed
}

type reply struct {
	Status int
	Body   string
}

// A result that is a failure is returned and not cached.
func ExampleFailIf() {
	status := 503
	pages := adapter.CacheData(func(_ context.Context, path string) (reply, error) { return reply{status, path}, nil },
		adapter.Name("failif"), adapter.WithRuntime(exampleRuntime()), adapter.FailIf(func(r reply) bool { return r.Status >= 500 }))
	ctx := context.Background()
	fmt.Println(pages.Get(ctx, "/"))
	status = 200
	fmt.Println(pages.Get(ctx, "/"))
	// Output:
	// {503 /} <nil>
	// {200 /} <nil>
}

// Only results that pass the predicate are cached.
func ExampleCacheIf() {
	found := counted()
	searches := adapter.CacheData(func(ctx context.Context, text string) ([]string, error) {
		if text == "unicorn" {
			return nil, nil
		}
		hit, err := found(ctx, text)
		return []string{hit}, err
	}, adapter.Name("cacheif"), adapter.WithRuntime(exampleRuntime()), adapter.CacheIf(func(hits []string) bool { return len(hits) > 0 }))
	for _, text := range []string{"tea", "tea", "unicorn", "unicorn"} {
		_, _ = searches.Get(context.Background(), text)
	}
	fmt.Println(searches.Stats().Runs, "runs")
	// Output: 3 runs
}

// A private result goes to the caller whose run made it, and to nobody else.
func ExamplePrivateIf() {
	greet := counted()
	pages := adapter.CacheData(greet, adapter.Name("privateif"), adapter.WithRuntime(exampleRuntime()),
		adapter.PrivateIf(func(page string) bool { return page[0] == 'a' }))
	ctx := context.Background()
	for _, name := range []string{"ann", "ann", "public", "public"} {
		fmt.Println(pages.Get(ctx, name))
	}
	// Output:
	// ann 1 <nil>
	// ann 2 <nil>
	// public 3 <nil>
	// public 3 <nil>
}

// The result says how long it is good for, as a token does.
func ExampleTTLFrom() {
	type token struct {
		Text      string
		ExpiresIn int // seconds
	}
	rt, advance := exampleClock()
	text := counted()
	tokens := adapter.CacheData(func(ctx context.Context, audience string) (token, error) {
		t, err := text(ctx, audience)
		return token{t, 3600}, err
	}, adapter.Name("ttlfrom"), adapter.WithRuntime(rt),
		adapter.TTLFrom(func(t token) time.Duration { return time.Duration(t.ExpiresIn)*time.Second - time.Minute }))
	ctx := context.Background()
	fmt.Println(tokens.Get(ctx, "api"))
	advance(58 * time.Minute)
	fmt.Println(tokens.Get(ctx, "api"))
	advance(time.Minute)
	fmt.Println(tokens.Get(ctx, "api"))
	// Output:
	// {api 1 3600} <nil>
	// {api 1 3600} <nil>
	// {api 2 3600} <nil>
}

// A hit late in the ttl starts a refresh, so that a result that is asked for often never expires.
func ExampleRefreshAhead() {
	rt, advance := exampleClock()
	prices := adapter.CacheData(counted(), adapter.Name("ahead"), adapter.TTL("10m"), adapter.RefreshAhead(0.8), adapter.WithRuntime(rt))
	ctx := context.Background()
	fmt.Println(prices.Get(ctx, "tea"))
	advance(9 * time.Minute)
	fmt.Println(prices.Get(ctx, "tea"))
	_ = rt.Close(ctx) // waits for the refresh
	fmt.Println(prices.Stats().Hits, "hit,", prices.Stats().Runs, "runs")
	// Output:
	// tea 1 <nil>
	// tea 1 <nil>
	// 1 hit, 2 runs
}

// A slow run does not keep the caller waiting where an older result is at hand; it ends behind the response.
func ExampleSoftTimeout() {
	rt, advance := exampleClock()
	slow := make(chan struct{})
	first := true
	reports := adapter.CacheData(func(_ context.Context, name string) (string, error) {
		if first {
			first = false
			return "yesterday's " + name, nil
		}
		<-slow
		return "today's " + name, nil
	}, adapter.Name("soft"), adapter.TTL("1m"), adapter.FailSafe("1d"), adapter.SoftTimeout("10ms"), adapter.WithRuntime(rt))
	ctx := context.Background()
	_, _ = reports.Get(ctx, "report")
	advance(time.Hour)
	fmt.Println(reports.Get(ctx, "report"))
	close(slow)
	// Output: yesterday's report <nil>
}

// Entries that were made together do not expire together: within the last tenth of the ttl some are gone.
func ExampleJitter() {
	rt, advance := exampleClock()
	prices := adapter.CacheData(counted(), adapter.Name("jitter"), adapter.TTL("100m"), adapter.Jitter(0.1), adapter.WithRuntime(rt))
	ctx := context.Background()
	hits := func() (n int) {
		for i := range 100 {
			e, _ := prices.Explain(ctx, fmt.Sprint(i))
			if e.Hit {
				n++
			}
		}
		return n
	}
	for i := range 100 {
		_, _ = prices.Get(ctx, fmt.Sprint(i))
	}
	advance(89 * time.Minute)
	fmt.Println("before the last tenth:", hits())
	advance(6 * time.Minute)
	fmt.Println("within it some are left:", hits() > 0 && hits() < 100)
	advance(5 * time.Minute)
	fmt.Println("after the ttl:", hits())
	// Output:
	// before the last tenth: 100
	// within it some are left: true
	// after the ttl: 0
}
