// Package otel reports cached functions to OpenTelemetry: a span for each run and each wait for another's run, a span for
// each request to the backend ([Telemetry.Backend]), and metrics. It knows the API only; exporters, samplers and propagators are the program's.
//
//	t, err := otel.New(otel.Options{})
//	if err != nil { ... }
//	err = adapter.Configure(adapter.Config{Observer: t.Observe})
//
// docs/telemetry.md lists names and attributes, and shows the way to X-Ray.
package otel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/stillwarm/stillwarm/adapter"
)

// scope is the name of the instrumentation.
const scope = "github.com/stillwarm/stillwarm/telemetry/otel"

// Options configure a Telemetry. The zero value of each field is its default.
type Options struct {
	// TracerProvider receives the spans. Default: OpenTelemetry's global one.
	TracerProvider trace.TracerProvider
	// MeterProvider receives the metrics. Default: OpenTelemetry's global one.
	MeterProvider metric.MeterProvider
	// FlushTimeout bounds the flush after each response, beside the invocation's deadline. Default: 1 s.
	FlushTimeout time.Duration
	// Clock tells the wall-clock time; for tests. Default: time.Now.
	Clock func() time.Time
}

// Telemetry makes spans and metrics of a Runtime's events. It is safe for concurrent use.
type Telemetry struct {
	tracer  trace.Tracer
	meters  meters
	flushes []flusher
	timeout time.Duration
	clock   func() time.Time
	atEnd   func(context.Context)
	warned  atomic.Bool
}

// flusher is what the SDK's providers can do and the API does not know.
type flusher interface {
	ForceFlush(ctx context.Context) error
}

// New returns a new Telemetry. Providers of the SDK are flushed after each response in which a cached function had a
// part, since a container that freezes sends nothing by itself. An error comes from the meter provider, or names an
// option.
func New(o Options) (*Telemetry, error) {
	if o.FlushTimeout < 0 {
		return nil, fmt.Errorf("otel: FlushTimeout %v: must be positive", o.FlushTimeout)
	}
	if o.FlushTimeout == 0 {
		o.FlushTimeout = time.Second
	}
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	t := &Telemetry{tracer: o.TracerProvider.Tracer(scope), timeout: o.FlushTimeout, clock: o.Clock}
	t.atEnd = t.flushAfter
	for _, provider := range []any{o.TracerProvider, o.MeterProvider} {
		if f, ok := provider.(flusher); ok {
			t.flushes = append(t.flushes, f)
		}
	}
	var err error
	t.meters, err = newMeters(o.MeterProvider.Meter(scope))
	return t, err
}

// Observe reports an event. It is a Config.Observer.
func (t *Telemetry) Observe(ctx context.Context, e adapter.Event) {
	t.meters.count(ctx, e)
	switch e.Kind {
	case adapter.EventRun:
		t.span(ctx, "run "+e.Function, e)
	case adapter.EventRefresh:
		t.span(ctx, "refresh "+e.Function, e)
	case adapter.EventWait:
		t.span(ctx, "wait "+e.Function, e)
	}
	t.flushLater(ctx)
}

// flushLater makes sure of a flush after the response.
func (t *Telemetry) flushLater(ctx context.Context) {
	if len(t.flushes) > 0 {
		adapter.AfterInvocation(ctx, t, t.atEnd)
	}
}

// span makes the span of something that has just ended.
func (t *Telemetry) span(ctx context.Context, name string, e adapter.Event) {
	end := t.clock()
	_, span := t.tracer.Start(ctx, name, trace.WithTimestamp(end.Add(-e.Duration)), trace.WithSpanKind(trace.SpanKindInternal),
		trace.WithAttributes(functionKey.String(e.Function)))
	if span.IsRecording() {
		fail(span, e.Err)
	}
	span.End(trace.WithTimestamp(end))
}

// fail marks a span as failed. It tells the error's type and not its text, which may hold what was asked for.
func fail(span trace.Span, err error) {
	if err == nil {
		return
	}
	span.SetAttributes(errorType(err))
	span.SetStatus(codes.Error, "")
}

// errorType names the kind of an error in few words: it becomes an attribute of metrics.
func errorType(err error) attribute.KeyValue {
	switch {
	case errors.Is(err, context.Canceled):
		return semconv.ErrorTypeKey.String("canceled")
	case errors.Is(err, context.DeadlineExceeded):
		return semconv.ErrorTypeKey.String("timeout")
	}
	return semconv.ErrorTypeKey.String(fmt.Sprintf("%T", err))
}

// Flush sends what was reported. In an invocation of package lambda it is called after the response.
func (t *Telemetry) Flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	errs := make(chan error, len(t.flushes))
	for _, f := range t.flushes {
		go func() { errs <- f.ForceFlush(ctx) }()
	}
	var all []error
	for range t.flushes {
		select {
		case err := <-errs:
			all = append(all, err)
		case <-ctx.Done(): // an exporter that does not respect it
			return errors.Join(append(all, ctx.Err())...)
		}
	}
	return errors.Join(all...)
}

func (t *Telemetry) flushAfter(ctx context.Context) {
	if err := t.Flush(ctx); err != nil && !t.warned.Swap(true) {
		slog.WarnContext(ctx, "stillwarm: cannot send telemetry after the response", "error", err.Error())
	}
}
