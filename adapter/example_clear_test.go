package adapter_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/stillwarm/stillwarm/adapter"
)

// exampleContainer returns a Runtime over a backend that others of the same name share.
func exampleContainer(backend string) *adapter.Runtime {
	rt, err := adapter.New(adapter.Config{Backend: "memory:" + backend, Mode: adapter.Deployed, Logger: exampleLogger})
	if err != nil {
		panic(err)
	}
	return rt
}

func ExampleData_Clear() {
	prices := adapter.CacheData(counted(), adapter.Name("clear"), adapter.WithRuntime(exampleRuntime()))
	ctx := context.Background()
	fmt.Println(prices.Get(ctx, "tea"))
	fmt.Println(prices.Clear(ctx))
	fmt.Println(prices.Get(ctx, "tea"))
	// Output:
	// tea 1 <nil>
	// <nil>
	// tea 2 <nil>
}

func ExampleData_ClearFor() {
	prices := adapter.CacheData(counted(), adapter.Name("clearfor"), adapter.WithRuntime(exampleRuntime()))
	ctx := context.Background()
	_, _ = prices.Get(ctx, "tea")
	_, _ = prices.Get(ctx, "rice")
	fmt.Println(prices.ClearFor(ctx, "tea"))
	fmt.Println(prices.Get(ctx, "tea"))
	fmt.Println(prices.Get(ctx, "rice"))
	// Output:
	// <nil>
	// tea 3 <nil>
	// rice 2 <nil>
}

// Set puts a value in place without a run, as after an update.
func ExampleData_Set() {
	names := adapter.CacheData(counted(), adapter.Name("set"), adapter.WithRuntime(exampleRuntime()))
	ctx := context.Background()
	fmt.Println(names.Set(ctx, "7", "Ada"))
	fmt.Println(names.Get(ctx, "7"))
	// Output:
	// <nil>
	// Ada <nil>
}

// Refresh runs now and replaces what is cached.
func ExampleData_Refresh() {
	prices := adapter.CacheData(counted(), adapter.Name("refresh"), adapter.WithRuntime(exampleRuntime()))
	ctx := context.Background()
	fmt.Println(prices.Get(ctx, "tea"))
	fmt.Println(prices.Refresh(ctx, "tea"))
	fmt.Println(prices.Get(ctx, "tea"))
	// Output:
	// tea 1 <nil>
	// tea 2 <nil>
	// tea 2 <nil>
}

// Uncached runs the function beside the cache.
func ExampleData_Uncached() {
	prices := adapter.CacheData(counted(), adapter.Name("uncached"), adapter.WithRuntime(exampleRuntime()))
	ctx := context.Background()
	fmt.Println(prices.Get(ctx, "tea"))
	fmt.Println(prices.Uncached(ctx, "tea"))
	fmt.Println(prices.Get(ctx, "tea"))
	// Output:
	// tea 1 <nil>
	// tea 2 <nil>
	// tea 1 <nil>
}

func ExampleData_Stats() {
	prices := adapter.CacheData(counted(), adapter.Name("stats"), adapter.WithRuntime(exampleRuntime()))
	for _, item := range []string{"tea", "tea", "rice"} {
		_, _ = prices.Get(context.Background(), item)
	}
	s := prices.Stats()
	fmt.Println(s.Hits, "hit,", s.Misses, "misses,", s.Entries, "entries")
	// Output: 1 hit, 2 misses, 2 entries
}

// One tag clears what several functions computed about one customer.
func ExampleTags() {
	rt := exampleRuntime()
	tag := adapter.Tags(func(customer string) []string { return []string{"customer-" + customer} })
	orders := adapter.CacheData(counted(), adapter.Name("orders"), tag, adapter.WithRuntime(rt))
	invoices := adapter.CacheData(counted(), adapter.Name("invoices"), tag, adapter.WithRuntime(rt))
	ctx := context.Background()
	_, _ = orders.Get(ctx, "7")
	_, _ = invoices.Get(ctx, "7")
	_, _ = invoices.Get(ctx, "8")
	fmt.Println(rt.InvalidateTags(ctx, "customer-7"))
	fmt.Println(orders.Get(ctx, "7"))
	fmt.Println(invoices.Get(ctx, "7"))
	fmt.Println(invoices.Get(ctx, "8"))
	// Output:
	// <nil>
	// 7 2 <nil>
	// 7 3 <nil>
	// 8 2 <nil>
}

// Where only the result tells what it is about.
func ExampleTagsOf() {
	type order struct{ ID, Customer string }
	rt := exampleRuntime()
	orders := adapter.CacheData(func(_ context.Context, id string) (order, error) { return order{id, "ann"}, nil },
		adapter.Name("tagsof"), adapter.WithRuntime(rt), adapter.TagsOf(func(_ string, o order) []string { return []string{o.Customer} }))
	ctx := context.Background()
	_, _ = orders.Get(ctx, "1")
	_ = rt.InvalidateTags(ctx, "ann")
	_, _ = orders.Get(ctx, "1")
	fmt.Println(orders.Stats().Runs, "runs")
	// Output: 2 runs
}

// A batch function gets only what nothing is cached for.
func ExampleCacheBatch() {
	prices := adapter.CacheBatch(func(_ context.Context, items []string) ([]int, error) {
		fmt.Println("asking for", items)
		cents := make([]int, len(items))
		for i, item := range items {
			cents[i] = 100 * len(item)
		}
		return cents, nil
	}, adapter.Name("batch"), adapter.WithRuntime(exampleRuntime()))
	ctx := context.Background()
	fmt.Println(prices.Get(ctx, "tea"))
	fmt.Println(prices.GetAll(ctx, []string{"tea", "rice", "rice"}))
	// Output:
	// asking for [tea]
	// 300 <nil>
	// asking for [rice]
	// [300 400 400] <nil>
}

// An element that fails does not lose the others.
func ExampleData_GetAll() {
	prices := adapter.CacheData(func(_ context.Context, item string) (int, error) {
		if item == "unicorn" {
			return 0, errors.New("no such item")
		}
		return 100, nil
	}, adapter.Name("getall"), adapter.WithRuntime(exampleRuntime()))
	cents, err := prices.GetAll(context.Background(), []string{"tea", "unicorn"})
	var failed *adapter.BatchError
	fmt.Println(cents, errors.As(err, &failed), failed.Errs[1])
	// Output: [100 0] true no such item
}

// A result that one container computed is a hit in another.
func ExamplePersist() {
	ctx := context.Background()
	first, second := exampleContainer("example-persist"), exampleContainer("example-persist")
	shared := []adapter.DataOption{adapter.Name("persisted"), adapter.Version("1"), adapter.Persist(true)}
	here := adapter.CacheData(counted(), append(shared, adapter.WithRuntime(first))...)
	fmt.Println(here.Get(ctx, "tea"))
	_ = first.Close(ctx) // what is left to write is written
	there := adapter.CacheData(counted(), append(shared, adapter.WithRuntime(second))...)
	fmt.Println(there.Get(ctx, "tea"))
	fmt.Println(there.Stats().Runs, "runs there")
	// Output:
	// tea 1 <nil>
	// tea 1 <nil>
	// 0 runs there
}

// Results that must not leave the container, such as secrets.
func ExamplePersist_memoryOnly() {
	ctx := context.Background()
	rt := exampleContainer("example-memory-only")
	secrets := adapter.CacheData(counted(), adapter.Name("secrets"), adapter.Persist(false), adapter.WithRuntime(rt))
	_, _ = secrets.Get(ctx, "database")
	_ = rt.Close(ctx)
	fmt.Println(secrets.Stats().Stores, "stored")
	// Output: 0 stored
}

// Only two entries fit: the least recently used leaves.
func ExampleMaxEntries() {
	prices := adapter.CacheData(counted(), adapter.Name("maxentries"), adapter.MaxEntries(2), adapter.WithRuntime(exampleRuntime()))
	for _, item := range []string{"tea", "rice", "salt"} {
		_, _ = prices.Get(context.Background(), item)
	}
	fmt.Println(prices.Stats().Entries, "entries,", prices.Stats().Evictions, "evicted")
	// Output: 2 entries, 1 evicted
}

// A result larger than the bound is returned and not kept in memory.
func ExampleMaxSize() {
	pages := adapter.CacheData(func(_ context.Context, n int) ([]byte, error) { return make([]byte, n), nil },
		adapter.Name("maxsize"), adapter.MaxSize("64KiB"), adapter.WithRuntime(exampleRuntime()))
	for _, n := range []int{1 << 10, 1 << 20} {
		page, err := pages.Get(context.Background(), n)
		fmt.Println(len(page), err, pages.Stats().Entries)
	}
	// Output:
	// 1024 <nil> 1
	// 1048576 <nil> 1
}
