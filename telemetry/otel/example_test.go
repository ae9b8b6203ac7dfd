package otel_test

import (
	"context"
	"fmt"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/telemetry/otel"
)

// A function configures the default runtime instead: adapter.Configure(adapter.Config{Observer: t.Observe}). Its
// providers have exporters that send to a collector.
func ExampleNew() {
	ctx := context.Background()
	spans := tracetest.NewSpanRecorder()
	reader := sdkmetric.NewManualReader()
	t, err := otel.New(otel.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)),
	})
	if err != nil {
		panic(err)
	}
	rt, err := adapter.New(adapter.Config{Backend: "none", Observer: t.Observe})
	if err != nil {
		panic(err)
	}
	prices := adapter.CacheData(func(_ context.Context, item string) (int, error) { return len(item), nil },
		adapter.Name("prices"), adapter.WithRuntime(rt))
	for range 2 { // a miss, then a hit
		if _, err := prices.Get(ctx, "tea"); err != nil {
			panic(err)
		}
	}
	for _, s := range spans.Ended() {
		fmt.Println("span:", s.Name())
	}
	var collected metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &collected); err != nil {
		panic(err)
	}
	for _, m := range collected.ScopeMetrics[0].Metrics {
		if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "stillwarm.lookups" {
			for _, p := range sum.DataPoints {
				result, _ := p.Attributes.Value("stillwarm.result")
				fmt.Println(m.Name, result.AsString(), p.Value)
			}
		}
	}
	// Unordered output:
	// span: run prices
	// stillwarm.lookups miss 1
	// stillwarm.lookups hit 1
}

// Backend makes a span for each request to the backend. It wraps the manager that the runtime gets.
func ExampleTelemetry_Backend() {
	ctx := context.Background()
	spans := tracetest.NewSpanRecorder()
	t, err := otel.New(otel.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))})
	if err != nil {
		panic(err)
	}
	m, err := memory.New(memory.Options{})
	if err != nil {
		panic(err)
	}
	rt, err := adapter.New(adapter.Config{Manager: t.Backend(m, "memory"), Observer: t.Observe})
	if err != nil {
		panic(err)
	}
	prices := adapter.CacheData(func(_ context.Context, item string) (int, error) { return len(item), nil },
		adapter.Name("prices"), adapter.WithRuntime(rt))
	if _, err := prices.Get(ctx, "tea"); err != nil {
		panic(err)
	}
	if err := rt.Close(ctx); err != nil { // writes what is still to be written
		panic(err)
	}
	for _, s := range spans.Ended() {
		if s.Name() == "put prices" {
			fmt.Println(s.SpanKind(), s.Name())
		}
	}
	// Output: client put prices
}
