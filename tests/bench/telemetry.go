package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/telemetry/emf"
	"github.com/stillwarm/stillwarm/telemetry/otel"
)

const sectionTelemetry = "4. Telemetry"

// goalEMF is what the metrics of an invocation with five cached functions may take, after its response.
const goalEMF = 20 * time.Microsecond

// telemetryContests measure what an invocation pays for telemetry: a hit of each of five functions, told, counted and
// written. A hit that nobody watches allocates nothing for it: see the contests of hits.
func telemetryContests() ([]*contest, error) {
	var names []string
	var events []adapter.Event
	for i := range 5 {
		name := fmt.Sprint("example.com/shop.function", i)
		names = append(names, name)
		events = append(events, adapter.Event{Kind: adapter.EventHit, Function: name, Tier: adapter.TierMemory, Duration: time.Millisecond})
	}
	m, err := emf.New(emf.Options{Functions: names, Writer: io.Discard})
	if err != nil {
		return nil, err
	}
	tel, err := otel.New(otel.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithBatcher(discarded{}, sdktrace.WithBatchTimeout(time.Hour))),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())),
	})
	if err != nil {
		return nil, err
	}
	invoke := func(observe func(context.Context, adapter.Event), after func(context.Context)) func(n int) {
		return must(func() bool {
			ctx, inv := invocation.Begin(context.Background(), invocation.Options{})
			for _, e := range events {
				observe(ctx, e)
			}
			inv.Finish(ctx)
			after(ctx)
			return true
		})
	}
	nothing := func(context.Context) {}
	without := contender{name: "an invocation without telemetry", role: floor, loop: invoke(func(context.Context, adapter.Event) {}, nothing)}
	return []*contest{{
		id: "telemetry-emf", title: "metrics of an invocation with five functions", section: sectionTelemetry,
		goals:      []goal{within(goalEMF)},
		contenders: []contender{{name: "Stillwarm, emf", role: ours, loop: invoke(m.Observe, nothing)}, without},
	}, {
		id: "telemetry-otel", title: "spans and metrics of the same, flushed", section: sectionTelemetry,
		contenders: []contender{
			{name: "Stillwarm, otel", role: ours, loop: invoke(tel.Observe, func(ctx context.Context) { _ = tel.Flush(ctx) })}, without,
		},
	}}, nil
}

// discarded is an exporter of spans that keeps nothing: what a real one pays is not ours.
type discarded struct{}

func (discarded) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (discarded) Shutdown(context.Context) error                             { return nil }
