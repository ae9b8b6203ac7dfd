package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

type quoteRequest struct {
	Symbol string
	Day    time.Time
	trace  string `cache:"-"` // no part of the key
}

func fetchQuote(_ context.Context, r quoteRequest) (float64, error) {
	fmt.Println("asking the exchange for", r.Symbol)
	return 42.5, nil
}

// exampleRuntime stands in for Default, so that examples do not share a cache.
func exampleRuntime() *adapter.Runtime {
	rt, err := adapter.New(adapter.Config{Backend: "none"})
	if err != nil {
		panic(err)
	}
	return rt
}

func ExampleCacheData() {
	quotes := adapter.CacheData(fetchQuote, adapter.TTL("10m"), adapter.StaleFor("1h"), adapter.WithRuntime(exampleRuntime()))
	for range 2 {
		price, err := quotes.Get(context.Background(), quoteRequest{Symbol: "ACME", trace: "abc"})
		fmt.Println(price, err)
	}
	// Output:
	// asking the exchange for ACME
	// 42.5 <nil>
	// 42.5 <nil>
}

type connection struct{ name string }

func (c *connection) Close() error { fmt.Println("closing", c.name); return nil }

func ExampleCacheResource() {
	open := func(_ context.Context, host string) (*connection, error) {
		fmt.Println("connecting to", host)
		return &connection{host}, nil
	}
	connections := adapter.CacheResource(open, adapter.Name("connections"), adapter.WithRuntime(exampleRuntime()),
		adapter.Validate(func(_ context.Context, c *connection) bool { return c != nil }))
	ctx := context.Background()
	a, _ := connections.Get(ctx, "db.example.com")
	b, _ := connections.Get(ctx, "db.example.com")
	fmt.Println("the same object:", a == b)
	_ = connections.Clear(ctx)
	// Output:
	// connecting to db.example.com
	// the same object: true
	// closing db.example.com
}

func ExampleHashFunc() {
	type user struct {
		ID      int
		session func() // cannot be hashed
	}
	greet := func(_ context.Context, u user) (string, error) { return fmt.Sprint("hello ", u.ID), nil }
	_, err := adapter.NewData(greet, adapter.Name("greet"), adapter.WithRuntime(exampleRuntime()))
	var unhashable *adapter.UnhashableParamError
	fmt.Println(errors.As(err, &unhashable), unhashable.Path)
	greetings, err := adapter.NewData(greet, adapter.Name("greet"), adapter.WithRuntime(exampleRuntime()),
		adapter.HashFunc(func(u user) int { return u.ID }))
	fmt.Println(err)
	fmt.Println(greetings.Get(context.Background(), user{ID: 7}))
	// Output:
	// true in.session
	// <nil>
	// hello 7 <nil>
}

func ExampleObserve() {
	double := adapter.CacheData(func(_ context.Context, n int) (int, error) { return 2 * n, nil },
		adapter.Name("double"), adapter.WithRuntime(exampleRuntime()))
	ctx := adapter.Observe(context.Background(), func(e adapter.Event) { fmt.Printf("%s %q\n", e.Kind, e.Tier) })
	_, _ = double.Get(ctx, 1)
	_, _ = double.Get(ctx, 1)
	// Output:
	// miss ""
	// run ""
	// hit "memory"
}

func ExampleData_Explain() {
	double := adapter.CacheData(func(_ context.Context, n int) (int, error) { return 2 * n, nil },
		adapter.Name("double"), adapter.TTL("10m"), adapter.WithRuntime(exampleRuntime()))
	before, _ := double.Explain(context.Background(), 1)
	_, _ = double.Get(context.Background(), 1)
	after, _ := double.Explain(context.Background(), 1)
	fmt.Println(before.Hit, before.Why)
	fmt.Println(after.Hit, after.Why)
	// Output:
	// false not in memory
	// true a fresh entry in memory
}
