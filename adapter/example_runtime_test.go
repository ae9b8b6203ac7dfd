package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// In main, before the first call of a cached function.
func ExampleConfigure() {
	err := adapter.Configure(adapter.Config{Backend: "redis://cache.example.com:6379", Namespace: "shop", BackendTimeout: 300 * time.Millisecond})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// NewData returns the error with which CacheData would panic.
func ExampleNewData() {
	_, err := adapter.NewData(counted(), adapter.Name("newdata"), adapter.TTL("soon"), adapter.WithRuntime(exampleRuntime()))
	var bad *adapter.OptionError
	fmt.Println(errors.As(err, &bad), bad.Option, bad.Value)
	// Output:
	// true TTL "soon"
}

// The batch function must return one result for each argument.
func ExampleNewBatch() {
	lengths, err := adapter.NewBatch(func(_ context.Context, words []string) ([]int, error) {
		var all []int
		for _, w := range words {
			all = append(all, len(w))
		}
		return all, nil
	}, adapter.Name("newbatch"), adapter.WithRuntime(exampleRuntime()))
	fmt.Println(err)
	fmt.Println(lengths.GetAll(context.Background(), []string{"tea", "rice"}))
	// Output:
	// <nil>
	// [3 4] <nil>
}

// A batch function that has results for some arguments only.
func ExampleBatchError() {
	lengths := adapter.CacheBatch(func(_ context.Context, words []string) ([]int, error) {
		all, failed := make([]int, len(words)), map[int]error{}
		for i, w := range words {
			if all[i] = len(w); w == "" {
				failed[i] = errors.New("an empty word")
			}
		}
		if len(failed) > 0 {
			return all, &adapter.BatchError{Errs: failed}
		}
		return all, nil
	}, adapter.Name("batcherror"), adapter.WithRuntime(exampleRuntime()))
	ctx := context.Background()
	fmt.Println(lengths.Get(ctx, "tea"))
	_, err := lengths.GetAll(ctx, []string{"tea", ""})
	var some *adapter.BatchError
	fmt.Println(errors.As(err, &some), some.Errs)
	// Output:
	// 3 <nil>
	// true map[1:an empty word]
}

// A progress line, if a run takes longer than 100 ms.
func ExampleSpinner() {
	quotes := adapter.CacheData(counted(), adapter.Name("spinner"), adapter.Spinner("Loading quotes"), adapter.WithRuntime(exampleRuntime()))
	silent := adapter.CacheData(counted(), adapter.Name("silent"), adapter.Spinner(false), adapter.WithRuntime(exampleRuntime()))
	fmt.Println(quotes.Get(context.Background(), "ACME"))
	fmt.Println(silent.Get(context.Background(), "ACME"))
	// Output:
	// ACME 1 <nil>
	// ACME 1 <nil>
}

// twoContainers returns Runtimes over one backend, as two containers of a function have them, and moves their clock.
func twoContainers(backend string) (here, there *adapter.Runtime, advance func(time.Duration)) {
	var at atomic.Int64
	at.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	c := adapter.Config{Backend: "memory:" + backend, Mode: adapter.Deployed, Logger: exampleLogger,
		Clock: func() time.Time { return time.Unix(0, at.Load()) }}
	here, err := adapter.New(c)
	if err != nil {
		panic(err)
	}
	there, err = adapter.New(c)
	if err != nil {
		panic(err)
	}
	return here, there, func(d time.Duration) { at.Add(int64(d)) }
}

// Other containers see a clear within a second, in place of five.
func ExampleNearTTL() {
	ctx := context.Background()
	here, there, advance := twoContainers("example-nearttl")
	wrap := func(rt *adapter.Runtime) *adapter.Data[string, string] {
		return adapter.CacheData(counted(), adapter.Name("nearttl"), adapter.Version("1"), adapter.NearTTL("1s"), adapter.WithRuntime(rt))
	}
	mine, theirs := wrap(here), wrap(there)
	_, _ = theirs.Get(ctx, "tea")
	fmt.Println(mine.Clear(ctx))
	fmt.Println(theirs.Get(ctx, "tea"))
	advance(time.Second)
	fmt.Println(theirs.Get(ctx, "tea"))
	// Output:
	// <nil>
	// tea 1 <nil>
	// tea 2 <nil>
}

// What one container sets, the others return within NearTTL.
func ExampleCoherent() {
	ctx := context.Background()
	here, there, advance := twoContainers("example-coherent")
	wrap := func(rt *adapter.Runtime) *adapter.Data[string, string] {
		return adapter.CacheData(counted(), adapter.Name("coherent"), adapter.Version("1"), adapter.Coherent(), adapter.WithRuntime(rt))
	}
	mine, theirs := wrap(here), wrap(there)
	fmt.Println(mine.Set(ctx, "7", "Ada"))
	fmt.Println(theirs.Get(ctx, "7"))
	fmt.Println(mine.Set(ctx, "7", "Grace"))
	advance(6 * time.Second)
	fmt.Println(theirs.Get(ctx, "7"))
	// Output:
	// <nil>
	// Ada <nil>
	// <nil>
	// Grace <nil>
}

// InvalidateTags reaches the functions of the default Runtime; Runtime.InvalidateTags those of another.
func ExampleInvalidateTags() {
	rt := exampleRuntime()
	orders := adapter.CacheData(counted(), adapter.Name("invalidatetags"), adapter.WithRuntime(rt),
		adapter.Tags(func(customer string) []string { return []string{"customer-" + customer} }))
	ctx := context.Background()
	_, _ = orders.Get(ctx, "7")
	fmt.Println(rt.InvalidateTags(ctx, "customer-7"))
	fmt.Println(orders.Get(ctx, "7"))
	// Output:
	// <nil>
	// 7 2 <nil>
}

// ClearData clears every cached function of the default Runtime; Runtime.ClearData those of another.
func ExampleClearData() {
	rt := exampleRuntime()
	prices := adapter.CacheData(counted(), adapter.Name("cleardata"), adapter.WithRuntime(rt))
	ctx := context.Background()
	_, _ = prices.Get(ctx, "tea")
	fmt.Println(rt.ClearData(ctx))
	fmt.Println(prices.Get(ctx, "tea"))
	// Output:
	// <nil>
	// tea 2 <nil>
}

// ClearResources releases what nobody uses, and has everything else released when it is not used any more.
func ExampleClearResources() {
	rt := exampleRuntime()
	conns := adapter.CacheResource(func(_ context.Context, host string) (*connection, error) { return &connection{host}, nil },
		adapter.Name("clearresources"), adapter.WithRuntime(rt))
	ctx := context.Background()
	_ = conns.Use(ctx, "db.example.com", func(*connection) error { return nil })
	fmt.Println(rt.ClearResources(ctx))
	// Output:
	// closing db.example.com
	// <nil>
}

// Close waits for what is left to write, and releases resources. Call it at the end of main, where lambda.Start does not.
func ExampleRuntime_Close() {
	rt := exampleContainer("example-close")
	prices := adapter.CacheData(counted(), adapter.Name("close"), adapter.WithRuntime(rt))
	ctx := context.Background()
	_, _ = prices.Get(ctx, "tea")
	fmt.Println(rt.Close(ctx))
	fmt.Println(prices.Stats().Stores, "stored")
	// Output:
	// <nil>
	// 1 stored
}
