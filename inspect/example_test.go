package inspect_test

import (
	"context"
	"fmt"

	"github.com/stillwarm/stillwarm/adapter"
	_ "github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/inspect"
)

// What is stored, seen from outside of the function that stored it.
func ExampleOpen() {
	const backend = "memory:example-inspect"
	ctx := context.Background()
	rt, err := adapter.New(adapter.Config{Backend: backend, Namespace: "shop", Mode: adapter.Deployed})
	if err != nil {
		panic(err)
	}
	prices := adapter.CacheData(func(_ context.Context, item string) (int, error) { return len(item), nil },
		adapter.Name("prices"), adapter.TTL("1h"), adapter.WithRuntime(rt))
	_, _ = prices.Get(ctx, "tea")
	_ = rt.Close(ctx) // writes what is left to write

	i, err := inspect.Open(ctx, backend, inspect.Options{})
	if err != nil {
		panic(err)
	}
	defer i.Close()
	err = i.Functions(ctx, func(f inspect.Function) bool {
		fmt.Println(f.Namespace, f.Name, f.Out)
		err := i.Entries(ctx, f, true, func(e inspect.Entry) bool {
			fmt.Println(e.State, e.Value)
			return true
		})
		return err == nil
	})
	fmt.Println(err)
	// Output:
	// shop prices int
	// fresh 3
	// <nil>
}
