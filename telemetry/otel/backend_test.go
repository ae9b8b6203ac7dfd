package otel_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/lambda"
	"github.com/stillwarm/stillwarm/telemetry/otel"
)

// Whoever gets the store with spans has to find the same store.
func TestConformance(t *testing.T) {
	var passed atomic.Int64
	now := func() time.Time { return time.Unix(1_700_000_000, passed.Load()) }
	s := newSDK(t)
	tel := s.telemetry(t)
	backendstest.Run(t, backendstest.Harness{
		Name: "memory, with spans, driven clock",
		Open: func(t *testing.T) backends.PersistenceManager {
			return tel.Backend(inMemory(t, memory.Options{Clock: now}), "memory")
		},
		Now: now, Advance: func(d time.Duration) { passed.Add(int64(d)) },
	})
}

func inMemory(t *testing.T, o memory.Options) backends.PersistenceManager {
	t.Helper()
	m, err := memory.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// bare is a store with the capabilities that are chosen.
type bare struct{ backends.Store }

func TestCapabilitiesAreThoseOfTheStore(t *testing.T) {
	m := inMemory(t, memory.Options{})
	inner, err := m.Store(t.Context(), backends.Function{Name: "f"})
	if err != nil {
		t.Fatal(err)
	}
	leaser, batch := inner.(backends.Leaser), inner.(backends.BatchLeaser)
	records, reader := inner.(backends.Records), inner.(backends.BatchReader)
	for _, store := range []backends.Store{
		inner, bare{inner},
		struct {
			backends.Store
			backends.Leaser
			backends.Records
			backends.BatchReader
		}{inner, leaser, records, reader},
		struct {
			backends.Store
			backends.Leaser
			backends.Records
		}{inner, leaser, records},
		struct {
			backends.Store
			backends.Records
			backends.BatchReader
		}{inner, records, reader},
		struct {
			backends.Store
			backends.Leaser
			backends.BatchReader
		}{inner, leaser, reader},
		struct {
			backends.Store
			backends.Leaser
		}{inner, leaser},
		struct {
			backends.Store
			backends.Records
		}{inner, records},
		struct {
			backends.Store
			backends.BatchReader
		}{inner, reader},
		struct {
			backends.Store
			backends.Leaser
			backends.BatchLeaser
			backends.Records
		}{inner, leaser, batch, records},
	} {
		s := newSDK(t)
		traced, err := s.telemetry(t).Backend(manager{m, store}, "memory").Store(t.Context(), backends.Function{Name: "f"})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := capabilities(traced), capabilities(store); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

type manager struct {
	backends.PersistenceManager
	store backends.Store
}

func (m manager) Store(context.Context, backends.Function) (backends.Store, error) {
	return m.store, nil
}

// capabilities leaves out batches of leases where a store has no batches of reads: the spans' store does without them.
func capabilities(s backends.Store) string {
	_, l := s.(backends.Leaser)
	_, b := s.(backends.BatchLeaser)
	_, r := s.(backends.Records)
	_, a := s.(backends.BatchReader)
	return fmt.Sprint("leases ", l, ", in batches ", b && a, ", records ", r, ", batches ", a)
}

func TestRequestsOfAnInvocation(t *testing.T) {
	s := newSDK(t)
	tel := s.telemetry(t)
	rt, err := adapter.New(adapter.Config{Manager: tel.Backend(inMemory(t, memory.Options{}), "redis"), Namespace: "shop", Observer: tel.Observe})
	if err != nil {
		t.Fatal(err)
	}
	square := adapter.CacheData(func(_ context.Context, n int) (int, error) { return n * n, nil }, adapter.Name("square"), adapter.WithRuntime(rt))
	handler := lambda.NewHandler(func(ctx context.Context, n int) (int, error) { return square.Get(ctx, n) })
	ctx, invocation := s.tracer.Tracer("test").Start(t.Context(), "invocation")
	if out, err := handler.Invoke(ctx, []byte("7")); err != nil || string(out) != "49" {
		t.Fatalf("%s, %v", out, err)
	}
	seen := map[string]int{}
	for _, span := range s.spans.GetSpans() { // those that have arrived when the invocation is over
		seen[span.Name]++
		if span.Parent.SpanID() != invocation.SpanContext().SpanID() {
			t.Errorf("span %s is below %v", span.Name, span.Parent.SpanID())
		}
		if span.SpanKind == trace.SpanKindInternal {
			continue
		}
		operation, _ := strings.CutSuffix(span.Name, " square")
		for key, want := range map[string]string{
			"db.system.name": "redis", "db.operation.name": operation, "db.collection.name": "square", "db.namespace": "shop",
			"stillwarm.function": "square",
		} {
			if got, _ := valueOf(span, key); got != want || span.SpanKind != trace.SpanKindClient {
				t.Errorf("span %s of kind %v has %s %q, want %q", span.Name, span.SpanKind, key, got, want)
			}
		}
		if span.Status.Code == codes.Error {
			t.Errorf("span %s has failed", span.Name)
		}
	}
	for _, name := range []string{"run square", "lease square", "put square"} {
		if seen[name] != 1 {
			t.Errorf("%d spans %q of %v", seen[name], name, seen)
		}
	}
}

func valueOf(s tracetest.SpanStub, key string) (string, bool) {
	for _, a := range s.Attributes {
		if string(a.Key) == key {
			return a.Value.Emit(), true
		}
	}
	return "", false
}

// refusing is a store whose every request fails in its way.
type refusing struct {
	backends.Store
	err error
}

func (r refusing) Read(context.Context, string, backends.ReadOptions) (backends.Reading, error) {
	return backends.Reading{}, r.err
}

func TestRequestsThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		fail string
	}{
		"a failure":                    {errors.New("dial tcp: password=hunter2"), "*errors.errorString"},
		"a timeout":                    {context.DeadlineExceeded, "timeout"},
		"a conflict":                   {backends.ErrConflict, ""},
		"a lease of another container": {&backends.LeasedError{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSDK(t)
			tel := s.telemetry(t)
			m := inMemory(t, memory.Options{})
			store, err := tel.Backend(manager{m, refusing{err: c.err}}, "redis").Store(t.Context(), backends.Function{Name: "f"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.Read(t.Context(), "secret key", backends.ReadOptions{}); !errors.Is(err, c.err) {
				t.Errorf("error %v", err)
			}
			spans := s.sent(t, tel)
			if len(spans) != 1 || spans[0].Name != "read f" {
				t.Fatalf("spans %v", spans)
			}
			kind, _ := valueOf(spans[0], "error.type")
			if failed := spans[0].Status.Code == codes.Error; failed != (c.fail != "") || kind != c.fail {
				t.Errorf("status %v, error.type %q", spans[0].Status, kind)
			}
			if text := fmt.Sprint(spans[0]); strings.Contains(text, "hunter2") || strings.Contains(text, "secret key") {
				t.Errorf("the span tells a secret: %s", text)
			}
		})
	}
}

// A tracer that records nothing costs no result.
func TestWithoutProviders(t *testing.T) {
	tel, err := otel.New(otel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := tel.Backend(inMemory(t, memory.Options{}), "memory")
	if err := errors.Join(m.ClearAll(t.Context()), m.Close(), m.Close()); err != nil {
		t.Error(err)
	}
}
