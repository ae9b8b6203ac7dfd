package otel

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/stillwarm/stillwarm/backends"
)

// Backend returns m with a span of kind CLIENT for each request to it, by OpenTelemetry's conventions for databases. system
// is the attribute db.system.name, such as "redis". Give the result to Config.Manager:
//
//	m, err := backends.Open(ctx, os.Getenv("STILLWARM_BACKEND"))
//	...
//	adapter.Configure(adapter.Config{Manager: t.Backend(m, "redis"), Observer: t.Observe})
//
// Spans carry the function's name and never a key, a result or an error's text. A conflict, or a lease that another
// container has, is an answer and no failure. The result closes m. It has the capabilities of m that the library uses;
// listing and pruning, which operators do, need m itself. It is safe for concurrent use if m is.
func (t *Telemetry) Backend(m backends.PersistenceManager, system string) backends.PersistenceManager {
	return &tracedManager{m, t, semconv.DBSystemNameKey.String(system)}
}

type tracedManager struct {
	backends.PersistenceManager
	t      *Telemetry
	system attribute.KeyValue
}

// Store implements [backends.PersistenceManager]. It opens nothing, so there is no span for it.
func (m *tracedManager) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	attributes := []attribute.KeyValue{m.system, semconv.DBCollectionName(fn.Name), functionKey.String(fn.Name)}
	if fn.Namespace != "" {
		attributes = append(attributes, semconv.DBNamespace(fn.Namespace))
	}
	return withCapabilities(&tracedStore{Store: s, t: m.t, function: fn.Name, attributes: attributes}), nil
}

// ClearAll implements [backends.PersistenceManager].
func (m *tracedManager) ClearAll(ctx context.Context) error {
	ctx, span := m.t.request(ctx, "clear all", "clear all", m.system)
	err := m.PersistenceManager.ClearAll(ctx)
	m.t.end(ctx, span, err)
	return err
}

// request begins the span of a request.
func (t *Telemetry) request(ctx context.Context, name, operation string, attributes ...attribute.KeyValue) (context.Context, trace.Span) {
	return t.tracer.Start(ctx, name, trace.WithTimestamp(t.clock()), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attributes...), trace.WithAttributes(semconv.DBOperationName(operation)))
}

func (t *Telemetry) end(ctx context.Context, span trace.Span, err error) {
	if span.IsRecording() && !answer(err) {
		fail(span, err)
	}
	span.End(trace.WithTimestamp(t.clock()))
	t.flushLater(ctx)
}

// answer reports whether an error is what a store that works says of its state.
func answer(err error) bool {
	for _, target := range []error{backends.ErrConflict, backends.ErrLeased, backends.ErrMarked, backends.ErrLeaseLost} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

type tracedStore struct {
	backends.Store
	t          *Telemetry
	function   string
	attributes []attribute.KeyValue
}

func (s *tracedStore) request(ctx context.Context, operation string) (context.Context, trace.Span) {
	return s.t.request(ctx, operation+" "+s.function, operation, s.attributes...)
}

// do makes a request inside a span.
func (s *tracedStore) do(ctx context.Context, operation string, call func(context.Context) error) error {
	ctx, span := s.request(ctx, operation)
	err := call(ctx)
	s.t.end(ctx, span, err)
	return err
}

// Read implements [backends.Store].
func (s *tracedStore) Read(ctx context.Context, key string, o backends.ReadOptions) (r backends.Reading, err error) {
	err = s.do(ctx, "read", func(ctx context.Context) error {
		r, err = s.Store.Read(ctx, key, o)
		return err
	})
	return r, err
}

// Put implements [backends.Store].
func (s *tracedStore) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (v backends.Version, err error) {
	err = s.do(ctx, "put", func(ctx context.Context) error {
		v, err = s.Store.Put(ctx, key, entry, expires, seen)
		return err
	})
	return v, err
}

// Invalidate implements [backends.Store].
func (s *tracedStore) Invalidate(ctx context.Context, key string) error {
	return s.do(ctx, "invalidate", func(ctx context.Context) error { return s.Store.Invalidate(ctx, key) })
}

// Delete implements [backends.Store].
func (s *tracedStore) Delete(ctx context.Context, key string, seen backends.Version) error {
	return s.do(ctx, "delete", func(ctx context.Context) error { return s.Store.Delete(ctx, key, seen) })
}

// Generation implements [backends.Store].
func (s *tracedStore) Generation(ctx context.Context) (g uint64, err error) {
	err = s.do(ctx, "generation", func(ctx context.Context) error {
		g, err = s.Store.Generation(ctx)
		return err
	})
	return g, err
}

// Clear implements [backends.Store].
func (s *tracedStore) Clear(ctx context.Context) (g uint64, err error) {
	err = s.do(ctx, "clear", func(ctx context.Context) error {
		g, err = s.Store.Clear(ctx)
		return err
	})
	return g, err
}

// KeepsDeadlines implements [backends.DeadlineKeeper].
func (s *tracedStore) KeepsDeadlines() bool {
	k, ok := s.Store.(backends.DeadlineKeeper)
	return ok && k.KeepsDeadlines()
}

// Unfenced implements [backends.Unfenced].
func (s *tracedStore) Unfenced() bool {
	u, ok := s.Store.(backends.Unfenced)
	return ok && u.Unfenced()
}
