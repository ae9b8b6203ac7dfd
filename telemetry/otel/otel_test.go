package otel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	otelapi "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/telemetry/otel"
)

var now = time.Unix(1700000000, 0)

// sdk is OpenTelemetry's SDK with exporters in memory.
type sdk struct {
	spans   *tracetest.InMemoryExporter
	tracer  *sdktrace.TracerProvider
	metrics *metric.ManualReader
	meter   *metric.MeterProvider
}

func newSDK(t testing.TB) *sdk {
	t.Helper()
	s := &sdk{spans: tracetest.NewInMemoryExporter(), metrics: metric.NewManualReader()}
	// A batch that is sent by a flush only, since the time in between is too long.
	s.tracer = sdktrace.NewTracerProvider(sdktrace.WithBatcher(s.spans, sdktrace.WithBatchTimeout(time.Hour)))
	s.meter = metric.NewMeterProvider(metric.WithReader(s.metrics))
	t.Cleanup(func() {
		_ = errors.Join(s.tracer.Shutdown(context.Background()), s.meter.Shutdown(context.Background()))
	})
	return s
}

func (s *sdk) telemetry(t testing.TB) *otel.Telemetry {
	t.Helper()
	tel, err := otel.New(otel.Options{TracerProvider: s.tracer, MeterProvider: s.meter, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

// sent flushes and returns the spans that arrived.
func (s *sdk) sent(t *testing.T, tel *otel.Telemetry) tracetest.SpanStubs {
	t.Helper()
	if err := tel.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s.spans.GetSpans()
}

// collected returns every measurement as "name{attributes} value".
func (s *sdk) collected(t *testing.T) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := s.metrics.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	note := func(name string, set attribute.Set, v float64) {
		got[name+"{"+set.Encoded(attribute.DefaultEncoder())+"}"] = v
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					note(m.Name, p.Attributes, float64(p.Value))
				}
			case metricdata.Sum[float64]:
				for _, p := range data.DataPoints {
					note(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					note(m.Name, p.Attributes, p.Sum)
				}
			default:
				t.Errorf("%s has data of type %T", m.Name, m.Data)
			}
		}
	}
	return got
}

func TestSpans(t *testing.T) {
	s := newSDK(t)
	tel := s.telemetry(t)
	ctx, invocation := s.tracer.Tracer("test").Start(t.Context(), "invocation")
	tel.Observe(ctx, adapter.Event{Kind: adapter.EventRun, Function: "shop.prices", Duration: 2 * time.Second})
	tel.Observe(ctx, adapter.Event{Kind: adapter.EventRefresh, Function: "shop.prices", Duration: time.Second,
		Err: errors.New("password=hunter2")})
	tel.Observe(ctx, adapter.Event{Kind: adapter.EventWait, Function: "shop.prices", Duration: time.Minute})
	for _, kind := range []adapter.EventKind{adapter.EventHit, adapter.EventStore, adapter.EventMiss, adapter.EventEvict} {
		tel.Observe(ctx, adapter.Event{Kind: kind, Function: "shop.prices"})
	}
	spans := s.sent(t, tel)
	if len(spans) != 3 {
		t.Fatalf("%d spans", len(spans))
	}
	for i, want := range []struct {
		name string
		took time.Duration
	}{{"run shop.prices", 2 * time.Second}, {"refresh shop.prices", time.Second}, {"wait shop.prices", time.Minute}} {
		got := spans[i]
		if got.Name != want.name || got.EndTime.Sub(got.StartTime) != want.took || !got.EndTime.Equal(now) {
			t.Errorf("span %s from %v to %v", got.Name, got.StartTime, got.EndTime)
		}
		if got.Parent.SpanID() != invocation.SpanContext().SpanID() || got.SpanKind != trace.SpanKindInternal {
			t.Errorf("span %s of kind %v below %v", got.Name, got.SpanKind, got.Parent.SpanID())
		}
		if v, _ := value(got, "stillwarm.function"); v != "shop.prices" {
			t.Errorf("span %s of function %q", got.Name, v)
		}
		if failed := got.Status.Code == codes.Error; failed != (i == 1) {
			t.Errorf("span %s has status %v", got.Name, got.Status)
		}
		if strings.Contains(fmt.Sprint(got), "hunter2") {
			t.Errorf("span %s tells a secret: %v", got.Name, got)
		}
	}
	if v, _ := value(spans[1], "error.type"); v != "*errors.errorString" {
		t.Errorf("error.type %q", v)
	}
}

func value(s tracetest.SpanStub, key attribute.Key) (string, bool) {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.Emit(), true
		}
	}
	return "", false
}

func TestMetrics(t *testing.T) {
	s := newSDK(t)
	tel := s.telemetry(t)
	for _, e := range []adapter.Event{
		{Kind: adapter.EventHit, Function: "f", Tier: adapter.TierMemory, Duration: 500 * time.Millisecond},
		{Kind: adapter.EventHit, Function: "f", Tier: adapter.TierMemory, Duration: 500 * time.Millisecond},
		{Kind: adapter.EventHit, Function: "f", Tier: adapter.TierBackend},
		{Kind: adapter.EventStale, Function: "g", Tier: adapter.TierMemory, Duration: time.Second},
		{Kind: adapter.EventMiss, Function: "f"},
		{Kind: adapter.EventRun, Function: "f", Duration: 3 * time.Second},
		{Kind: adapter.EventRun, Function: "f", Duration: time.Second, Err: context.DeadlineExceeded},
		{Kind: adapter.EventRun, Function: "f", Duration: time.Second, Err: fmt.Errorf("wrapped: %w", context.Canceled)},
		{Kind: adapter.EventWait, Function: "f", Duration: 250 * time.Millisecond},
		{Kind: adapter.EventStore, Function: "f"},
		{Kind: adapter.EventStore, Function: "f", Err: errors.New("full")},
		{Kind: adapter.EventEvict, Function: "f"},
		{Kind: adapter.EventOutage, Err: errors.New("down")},
		{Kind: adapter.EventOutage},
	} {
		tel.Observe(t.Context(), e)
	}
	got := s.collected(t)
	want := map[string]float64{
		"stillwarm.lookups{stillwarm.function=f,stillwarm.result=hit,stillwarm.tier=memory}":   2,
		"stillwarm.lookups{stillwarm.function=f,stillwarm.result=hit,stillwarm.tier=backend}":  1,
		"stillwarm.lookups{stillwarm.function=g,stillwarm.result=stale,stillwarm.tier=memory}": 1,
		"stillwarm.lookups{stillwarm.function=f,stillwarm.result=miss}":                        1,
		"stillwarm.saved{stillwarm.function=f}":                                                1,
		"stillwarm.saved{stillwarm.function=g}":                                                1,
		"stillwarm.run.duration{stillwarm.function=f}":                                         5,
		"stillwarm.run.errors{error.type=timeout,stillwarm.function=f}":                        1,
		"stillwarm.run.errors{error.type=canceled,stillwarm.function=f}":                       1,
		"stillwarm.wait.duration{stillwarm.function=f}":                                        0.25,
		"stillwarm.stores{stillwarm.function=f}":                                               1,
		"stillwarm.store.errors{error.type=*errors.errorString,stillwarm.function=f}":          1,
		"stillwarm.evictions{stillwarm.function=f}":                                            1,
		"stillwarm.outages{}": 1,
	}
	for name, v := range want {
		if got[name] != v {
			t.Errorf("%s is %v, want %v", name, got[name], v)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("and %v", got)
	}
}

// hanging is an exporter that respects no context.
type hanging struct{ release chan struct{} }

func (h hanging) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { <-h.release; return nil }
func (h hanging) Shutdown(context.Context) error                             { return nil }

func TestAFlushIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hanging{release: make(chan struct{})}
		provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(h, sdktrace.WithBatchTimeout(time.Hour)))
		tel, err := otel.New(otel.Options{TracerProvider: provider, FlushTimeout: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		tel.Observe(t.Context(), adapter.Event{Kind: adapter.EventRun, Function: "f"})
		began := time.Now()
		if err := tel.Flush(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		close(h.release)
		_ = provider.Shutdown(context.Background())
	})
}

func TestOptions(t *testing.T) {
	if _, err := otel.New(otel.Options{FlushTimeout: -1}); err == nil || !strings.Contains(err.Error(), "FlushTimeout") {
		t.Errorf("error %v", err)
	}
	t.Run("the global providers are the default", func(t *testing.T) {
		s := newSDK(t)
		otelapi.SetTracerProvider(s.tracer)
		otelapi.SetMeterProvider(s.meter)
		tel, err := otel.New(otel.Options{})
		if err != nil {
			t.Fatal(err)
		}
		tel.Observe(t.Context(), adapter.Event{Kind: adapter.EventRun, Function: "f"})
		if n := len(s.sent(t, tel)); n != 1 || len(s.collected(t)) != 1 {
			t.Errorf("%d spans", n)
		}
	})
}

func TestWhatCannotBeSentIsSaidOnce(t *testing.T) {
	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	defer slog.SetDefault(before)
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(tracetest.NewNoopExporter()))
	tel, err := otel.New(otel.Options{TracerProvider: failing{provider}})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		otel.FlushAfter(t.Context(), tel)
	}
	if n := strings.Count(logged.String(), "cannot send telemetry"); n != 1 {
		t.Errorf("said %d times: %s", n, logged.String())
	}
}

type failing struct{ trace.TracerProvider }

func (failing) ForceFlush(context.Context) error { return errors.New("collector gone") }

// One invocation of five hits in memory, flushed.
func BenchmarkInvocation(b *testing.B) {
	s := newSDK(b)
	tel := s.telemetry(b)
	var events []adapter.Event
	for i := range 5 {
		events = append(events, adapter.Event{Kind: adapter.EventHit, Function: fmt.Sprint("f", i), Tier: adapter.TierMemory})
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, e := range events {
			tel.Observe(context.Background(), e)
		}
		_ = tel.Flush(context.Background())
	}
}
