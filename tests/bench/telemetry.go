package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/telemetry/emf"
)

const sectionTelemetry = "4. Telemetry"

// goalEMF is what the metrics of an invocation with five cached functions may take, after its response.
const goalEMF = 20 * time.Microsecond

// telemetryContests measure what an invocation pays for its metrics: a hit of each of five functions, counted and written.
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
	invoke := func(observe func(context.Context, adapter.Event)) func(n int) {
		return must(func() bool {
			ctx, inv := invocation.Begin(context.Background(), invocation.Options{})
			for _, e := range events {
				observe(ctx, e)
			}
			inv.Finish(ctx)
			return true
		})
	}
	return []*contest{{
		id: "telemetry-emf", title: "metrics of an invocation with five functions", section: sectionTelemetry,
		goals: []goal{within(goalEMF)},
		contenders: []contender{
			{name: "Stillwarm, emf", role: ours, loop: invoke(m.Observe)},
			{name: "an invocation without metrics", role: floor, loop: invoke(func(context.Context, adapter.Event) {})},
		},
	}}, nil
}
