package emf_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/telemetry/emf"
)

type discard struct{}

func fiveFunctions(t testing.TB) (*emf.Metrics, []adapter.Event) {
	t.Helper()
	var names []string
	var events []adapter.Event
	for i := range 5 {
		name := fmt.Sprint("example.com/shop.function", i)
		names = append(names, name)
		events = append(events, hit(name, time.Millisecond))
	}
	m, err := emf.New(emf.Options{Functions: names, Writer: discard{}})
	if err != nil {
		t.Fatal(err)
	}
	return m, events
}

func TestAllocations(t *testing.T) {
	m, events := fiveFunctions(t)
	ctx, inv := invocation.Begin(t.Context(), invocation.Options{})
	defer inv.Finish(ctx)
	m.Observe(ctx, events[0])
	if n := testing.AllocsPerRun(100, func() { m.Observe(ctx, events[1]) }); n > 0 {
		t.Errorf("Observe allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, e := range events {
			m.Observe(ctx, e)
		}
		_ = m.Flush()
	}); n > 0 {
		t.Errorf("Flush allocates %v times", n)
	}
}

// One invocation: a hit of each of five functions, and their lines.
func BenchmarkInvocation(b *testing.B) {
	m, events := fiveFunctions(b)
	b.ReportAllocs()
	for b.Loop() {
		ctx, inv := invocation.Begin(context.Background(), invocation.Options{})
		for _, e := range events {
			m.Observe(ctx, e)
		}
		inv.Finish(ctx)
	}
}
