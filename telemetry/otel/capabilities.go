package otel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/stillwarm/stillwarm/backends"
)

// withCapabilities returns s with the capabilities that its store has: the library asks for them by their interfaces.
func withCapabilities(s *tracedStore) backends.Store {
	var (
		leaser, leases   = s.Store.(backends.Leaser)
		batch, leasesAll = s.Store.(backends.BatchLeaser)
		records, has     = s.Store.(backends.Records)
		reader, readsAll = s.Store.(backends.BatchReader)
	)
	l, b, r, a := tracedLeaser{s, leaser}, tracedBatchLeaser{s, batch}, tracedRecords{s, records}, tracedReader{s, reader}
	switch {
	case leases && leasesAll && has && readsAll:
		return struct {
			*tracedStore
			tracedLeaser
			tracedBatchLeaser
			tracedRecords
			tracedReader
		}{s, l, b, r, a}
	case leases && has && readsAll:
		return struct {
			*tracedStore
			tracedLeaser
			tracedRecords
			tracedReader
		}{s, l, r, a}
	case leases && has:
		return struct {
			*tracedStore
			tracedLeaser
			tracedRecords
		}{s, l, r}
	case has && readsAll:
		return struct {
			*tracedStore
			tracedRecords
			tracedReader
		}{s, r, a}
	case leases && readsAll:
		return struct {
			*tracedStore
			tracedLeaser
			tracedReader
		}{s, l, a}
	case has:
		return struct {
			*tracedStore
			tracedRecords
		}{s, r}
	case leases:
		return struct {
			*tracedStore
			tracedLeaser
		}{s, l}
	case readsAll:
		return struct {
			*tracedStore
			tracedReader
		}{s, a}
	}
	return s
}

type tracedReader struct {
	s    *tracedStore
	from backends.BatchReader
}

// ReadAll implements [backends.BatchReader].
func (r tracedReader) ReadAll(ctx context.Context, keys []string, o backends.ReadOptions) (rs []backends.Reading, errs []error, err error) {
	ctx, span := r.s.request(ctx, "read")
	span.SetAttributes(batchSize(len(keys))...)
	rs, errs, err = r.from.ReadAll(ctx, keys, o)
	r.s.t.end(ctx, span, err)
	return rs, errs, err
}

// batchSize is what the conventions say of several operations in one request; one is no batch.
func batchSize(n int) []attribute.KeyValue {
	if n < 2 {
		return nil
	}
	return []attribute.KeyValue{semconv.DBOperationBatchSize(n)}
}

type tracedRecords struct {
	s    *tracedStore
	from backends.Records
}

// ReadRecords implements [backends.Records].
func (r tracedRecords) ReadRecords(ctx context.Context, names []string) (rs []backends.Record, now time.Time, err error) {
	ctx, span := r.s.request(ctx, "read records")
	span.SetAttributes(batchSize(len(names))...)
	rs, now, err = r.from.ReadRecords(ctx, names)
	r.s.t.end(ctx, span, err)
	return rs, now, err
}

// WriteRecord implements [backends.Records].
func (r tracedRecords) WriteRecord(ctx context.Context, name string, value []byte, expires time.Time, seen backends.Version) (rec backends.Record, err error) {
	err = r.s.do(ctx, "write records", func(ctx context.Context) error {
		rec, err = r.from.WriteRecord(ctx, name, value, expires, seen)
		return err
	})
	return rec, err
}

// WriteRecords implements [backends.Records].
func (r tracedRecords) WriteRecords(ctx context.Context, names []string, values [][]byte, expires time.Time) error {
	ctx, span := r.s.request(ctx, "write records")
	span.SetAttributes(batchSize(len(names))...)
	err := r.from.WriteRecords(ctx, names, values, expires)
	r.s.t.end(ctx, span, err)
	return err
}

type tracedLeaser struct {
	s    *tracedStore
	from backends.Leaser
}

// Lease implements [backends.Leaser].
func (l tracedLeaser) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (lease backends.Lease, reading backends.Reading, err error) {
	err = l.s.do(ctx, "lease", func(ctx context.Context) error {
		lease, reading, err = l.from.Lease(ctx, key, r, o)
		return err
	})
	return l.s.traced(lease), reading, err
}

// Takeover implements [backends.Leaser].
func (l tracedLeaser) Takeover(
	ctx context.Context, key, from string, r backends.LeaseRequest, o backends.ReadOptions,
) (lease backends.Lease, reading backends.Reading, err error) {
	err = l.s.do(ctx, "takeover", func(ctx context.Context) error {
		lease, reading, err = l.from.Takeover(ctx, key, from, r, o)
		return err
	})
	return l.s.traced(lease), reading, err
}

// Mark implements [backends.Leaser].
func (l tracedLeaser) Mark(ctx context.Context, key string, m backends.Mark) error {
	return l.s.do(ctx, "mark", func(ctx context.Context) error { return l.from.Mark(ctx, key, m) })
}

type tracedBatchLeaser struct {
	s    *tracedStore
	from backends.BatchLeaser
}

// LeaseAll implements [backends.BatchLeaser].
func (l tracedBatchLeaser) LeaseAll(
	ctx context.Context, keys []string, rs []backends.LeaseRequest, o backends.ReadOptions,
) ([]backends.LeaseResult, error) {
	ctx, span := l.s.request(ctx, "lease")
	span.SetAttributes(batchSize(len(keys))...)
	results, err := l.from.LeaseAll(ctx, keys, rs, o)
	l.s.t.end(ctx, span, err)
	for i := range results {
		results[i].Lease = l.s.traced(results[i].Lease)
	}
	return results, err
}

// traced returns a lease whose requests have spans; nil for nil.
func (s *tracedStore) traced(l backends.Lease) backends.Lease {
	if l == nil {
		return nil
	}
	return &tracedLease{l, s}
}

type tracedLease struct {
	backends.Lease
	s *tracedStore
}

// Renew implements [backends.Lease].
func (l *tracedLease) Renew(ctx context.Context, ttl time.Duration) error {
	return l.s.do(ctx, "renew", func(ctx context.Context) error { return l.Lease.Renew(ctx, ttl) })
}

// Release implements [backends.Lease].
func (l *tracedLease) Release(ctx context.Context, m backends.Mark) error {
	return l.s.do(ctx, "release", func(ctx context.Context) error { return l.Lease.Release(ctx, m) })
}
