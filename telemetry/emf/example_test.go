package emf_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/telemetry/emf"
)

// Give the metrics to a Runtime as its observer. In a function adapter.Configure does it, and the lines go to the log.
func ExampleNew() {
	var out bytes.Buffer
	metrics, err := emf.New(emf.Options{Functions: []string{"prices"}, Service: "shop", Writer: &out})
	if err != nil {
		panic(err)
	}
	rt, err := adapter.New(adapter.Config{Backend: "none", Observer: metrics.Observe})
	if err != nil {
		panic(err)
	}
	prices := adapter.CacheData(func(_ context.Context, item string) (int, error) { return len(item), nil },
		adapter.Name("prices"), adapter.WithRuntime(rt))
	_, _ = prices.Get(context.Background(), "tea")
	fmt.Println(metrics.Flush())
	fmt.Println(strings.Contains(out.String(), `"Misses"`))
	// Output:
	// <nil>
	// true
}
