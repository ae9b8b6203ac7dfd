package otel_test

import (
	"context"
	"testing"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/lambda"
	"github.com/stillwarm/stillwarm/telemetry/otel"
)

// A handler's spans have arrived when its invocation is over, without a flush by the program: a container may freeze then.
func TestSpansArriveAfterTheResponse(t *testing.T) {
	s := newSDK(t)
	tel, err := otel.New(otel.Options{TracerProvider: s.tracer, MeterProvider: s.meter})
	if err != nil {
		t.Fatal(err)
	}
	rt, err := adapter.New(adapter.Config{Backend: "none", Observer: tel.Observe})
	if err != nil {
		t.Fatal(err)
	}
	square := adapter.CacheData(func(_ context.Context, n int) (int, error) { return n * n, nil }, adapter.Name("square"), adapter.WithRuntime(rt))
	handler := lambda.NewHandler(func(ctx context.Context, n int) (int, error) {
		if n, err := square.Get(ctx, n); err != nil {
			return n, err
		}
		return square.Get(ctx, n)
	})
	if out, err := handler.Invoke(t.Context(), []byte("7")); err != nil || string(out) != "49" {
		t.Fatalf("%s, %v", out, err)
	}
	spans := s.spans.GetSpans()
	if len(spans) != 1 || spans[0].Name != "run square" {
		t.Errorf("%d spans: %v", len(spans), spans)
	}
	got := s.collected(t)
	if got["stillwarm.lookups{stillwarm.function=square,stillwarm.result=hit,stillwarm.tier=memory}"] != 1 ||
		got["stillwarm.lookups{stillwarm.function=square,stillwarm.result=miss}"] != 1 {
		t.Errorf("metrics %v", got)
	}
}
