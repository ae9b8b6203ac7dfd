package otel

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/stillwarm/stillwarm/adapter"
)

// The attributes of spans and metrics that OpenTelemetry has no convention for.
const (
	functionKey = attribute.Key("stillwarm.function")
	resultKey   = attribute.Key("stillwarm.result") // hit, stale or miss
	tierKey     = attribute.Key("stillwarm.tier")   // memory or backend
)

// meters are the instruments of a Telemetry.
type meters struct {
	lookups, runErrors, stores, storeErrors, evictions, outages metric.Int64Counter
	runs, waits                                                 metric.Float64Histogram
	saved                                                       metric.Float64Counter

	// sets keeps the options of each combination of attributes that was seen: a hit should not make them anew.
	sets *sync.Map // labels -> metric.MeasurementOption
}

// labels are the attributes of one measurement.
type labels struct{ function, result, tier, errorType string }

func newMeters(m metric.Meter) (meters, error) {
	var errs []error
	counter := func(name, unit, description string) metric.Int64Counter {
		c, err := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
		return c
	}
	seconds := func(name, description string) metric.Float64Histogram {
		h, err := m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
			metric.WithExplicitBucketBoundaries(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60))
		errs = append(errs, err)
		return h
	}
	saved, err := m.Float64Counter("stillwarm.saved", metric.WithUnit("s"),
		metric.WithDescription("Time that runs would have taken whose results were in the cache."))
	errs = append(errs, err)
	return meters{
		lookups:     counter("stillwarm.lookups", "{lookup}", "Calls of cached functions, by how they were answered."),
		runErrors:   counter("stillwarm.run.errors", "{error}", "Runs of cached functions that failed."),
		stores:      counter("stillwarm.stores", "{entry}", "Entries written to the backend."),
		storeErrors: counter("stillwarm.store.errors", "{error}", "Entries that could not be written to the backend."),
		evictions:   counter("stillwarm.evictions", "{entry}", "Entries that left memory for want of room."),
		outages:     counter("stillwarm.outages", "{outage}", "Outages of the backend."),
		runs:        seconds("stillwarm.run.duration", "Duration of the runs of cached functions."),
		waits:       seconds("stillwarm.wait.duration", "Duration of waits for the run of another caller or container."),
		saved:       saved,
		sets:        &sync.Map{},
	}, errors.Join(errs...)
}

func (m *meters) count(ctx context.Context, e adapter.Event) {
	switch e.Kind {
	case adapter.EventHit, adapter.EventStale:
		of := m.options(labels{function: e.Function, result: string(e.Kind), tier: e.Tier})
		m.lookups.Add(ctx, 1, of)
		if e.Duration > 0 {
			m.saved.Add(ctx, e.Duration.Seconds(), m.options(labels{function: e.Function}))
		}
	case adapter.EventMiss:
		m.lookups.Add(ctx, 1, m.options(labels{function: e.Function, result: string(e.Kind)}))
	case adapter.EventRun, adapter.EventRefresh:
		m.runs.Record(ctx, e.Duration.Seconds(), m.options(labels{function: e.Function}))
		m.countError(ctx, m.runErrors, e)
	case adapter.EventWait:
		m.waits.Record(ctx, e.Duration.Seconds(), m.options(labels{function: e.Function}))
	case adapter.EventStore:
		if !m.countError(ctx, m.storeErrors, e) {
			m.stores.Add(ctx, 1, m.options(labels{function: e.Function}))
		}
	case adapter.EventEvict:
		m.evictions.Add(ctx, 1, m.options(labels{function: e.Function}))
	case adapter.EventOutage:
		if e.Err != nil {
			m.outages.Add(ctx, 1, m.options(labels{}))
		}
	}
}

func (m *meters) countError(ctx context.Context, c metric.Int64Counter, e adapter.Event) bool {
	if e.Err == nil {
		return false
	}
	c.Add(ctx, 1, m.options(labels{function: e.Function, errorType: errorType(e.Err).Value.AsString()}))
	return true
}

// options returns the attributes of a measurement, always the same object for the same ones.
func (m *meters) options(l labels) metric.MeasurementOption {
	if found, ok := m.sets.Load(l); ok {
		return found.(metric.MeasurementOption)
	}
	var attributes []attribute.KeyValue
	for _, a := range []attribute.KeyValue{
		functionKey.String(l.function), resultKey.String(l.result), tierKey.String(l.tier),
		attribute.String("error.type", l.errorType),
	} {
		if a.Value.AsString() != "" {
			attributes = append(attributes, a)
		}
	}
	made, _ := m.sets.LoadOrStore(l, metric.WithAttributeSet(attribute.NewSet(attributes...)))
	return made.(metric.MeasurementOption)
}
