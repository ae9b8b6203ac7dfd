package adapter_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/stillwarm/stillwarm/adapter"
)

var exampleLogger = slog.New(slog.NewTextHandler(io.Discard, nil))

type userKey struct{}

// Entries of one user are invisible to another.
func ExampleScope() {
	baskets := adapter.CacheData(counted(), adapter.Name("scope"), adapter.WithRuntime(exampleRuntime()),
		adapter.Scope(func(ctx context.Context) string { user, _ := ctx.Value(userKey{}).(string); return user }))
	for _, user := range []string{"ann", "bob", "ann"} {
		fmt.Println(baskets.Get(context.WithValue(context.Background(), userKey{}, user), "basket"))
	}
	// Output:
	// basket 1 <nil>
	// basket 2 <nil>
	// basket 1 <nil>
}

// What the function returns is the whole key; false leaves a call uncached.
func ExampleKey() {
	type request struct {
		Path  string
		Trace string
		Debug bool
	}
	runs := 0
	pages := adapter.CacheData(func(_ context.Context, r request) (string, error) { runs++; return "page " + r.Path, nil },
		adapter.Name("key"), adapter.WithRuntime(exampleRuntime()),
		adapter.Key(func(r request) (string, bool) { return strings.ToLower(r.Path), !r.Debug }))
	ctx := context.Background()
	for _, r := range []request{{"/a", "t1", false}, {"/A", "t2", false}, {"/a", "t3", true}} {
		_, _ = pages.Get(ctx, r)
	}
	fmt.Println(runs, "runs")
	// Output: 2 runs
}

// Two documents that say the same are one argument.
func ExampleCanonicalJSON() {
	runs := 0
	answers := adapter.CacheData(func(context.Context, json.RawMessage) (int, error) { runs++; return runs, nil },
		adapter.Name("canonical"), adapter.WithRuntime(exampleRuntime()), adapter.CanonicalJSON())
	ctx := context.Background()
	fmt.Println(answers.Get(ctx, json.RawMessage(`{"a": 1, "b": 2}`)))
	fmt.Println(answers.Get(ctx, json.RawMessage(`{"b":2.0,"a":1}`)))
	// Output:
	// 1 <nil>
	// 1 <nil>
}

// A type of another package's, hashed by what identifies it.
func ExampleHashFuncNamed() {
	describe := func(_ context.Context, r *strings.Reader) (int, error) { return r.Len(), nil }
	lengths, err := adapter.NewData(describe, adapter.Name("named"), adapter.WithRuntime(exampleRuntime()),
		adapter.HashFuncNamed("*strings.Reader", func(v any) (any, error) { return v.(*strings.Reader).Size(), nil }))
	fmt.Println(err)
	fmt.Println(lengths.Get(context.Background(), strings.NewReader("four")))
	// Output:
	// <nil>
	// 4 <nil>
}

// A function literal has no name of its own and needs one.
func ExampleName() {
	square := func(_ context.Context, n int) (int, error) { return n * n, nil }
	_, err := adapter.NewData(square, adapter.WithRuntime(exampleRuntime()))
	fmt.Println(err != nil)
	squares, err := adapter.NewData(square, adapter.Name("squares"), adapter.WithRuntime(exampleRuntime()))
	fmt.Println(squares.Name(), err)
	// Output:
	// true
	// squares <nil>
}

// Results survive a deploy that keeps the version.
func ExampleVersion() {
	ctx := context.Background()
	for _, version := range []string{"1", "1", "2"} {
		rt, err := adapter.New(adapter.Config{Backend: "memory:example-version", Logger: exampleLogger}) // one deploy
		if err != nil {
			panic(err)
		}
		rates := adapter.CacheData(fetchRate, adapter.Name("rates"), adapter.Version(version), adapter.WithRuntime(rt))
		_, _ = rates.Get(ctx, "NOK")
		fmt.Println("version", version, "ran it", rates.Stats().Runs, "times")
		_ = rt.Close(ctx)
	}
	// Output:
	// version 1 ran it 1 times
	// version 1 ran it 0 times
	// version 2 ran it 1 times
}

func fetchRate(_ context.Context, currency string) (float64, error) { return 11.6, nil }

// What is the same for all tenants is computed once for all of them.
func ExampleShareAcrossTenants() {
	rates := adapter.CacheData(fetchRate, adapter.Name("shared"), adapter.ShareAcrossTenants(), adapter.WithRuntime(exampleRuntime()))
	fmt.Println(rates.Get(context.Background(), "NOK"))
	// Output: 11.6 <nil>
}
