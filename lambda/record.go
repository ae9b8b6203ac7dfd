package lambda

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/internal/hooks"
)

// record is what one invocation did with the cache. All its methods may be called on nil, which records nothing.
type record struct {
	log       *slog.Logger
	level     slog.Level
	requestID string
	began     time.Time
	handler   time.Duration // until the handler returned, and its response was sent where it was

	hits, misses, stale, waits, runs atomic.Int64
}

// observe returns a context whose cached calls and requests are counted, and the record that counts them: nil, at the cost of one
// question to the logger, where nobody reads it.
func observe(ctx context.Context, requestID string) (context.Context, *record) {
	rt := runtimeOf(ctx)
	level := slog.LevelDebug
	if development(rt) {
		level = slog.LevelInfo
	}
	log := logger(rt)
	if devchannel.Connected() || !log.Enabled(ctx, level) {
		return ctx, nil
	}
	r := &record{log: log, level: level, requestID: requestID, began: time.Now()}
	ctx = adapter.Observe(ctx, func(e adapter.Event) { r.count(e.Kind) })
	return hooks.ObserveRequests(ctx, func(kind string) { r.count(adapter.EventKind(kind)) }), r
}

func (r *record) count(kind adapter.EventKind) {
	switch kind {
	case adapter.EventHit:
		r.hits.Add(1)
	case adapter.EventMiss:
		r.misses.Add(1)
	case adapter.EventStale:
		r.stale.Add(1)
	case adapter.EventWait:
		r.waits.Add(1)
	case adapter.EventRun, adapter.EventRefresh:
		r.runs.Add(1)
	}
}

// handlerDone marks the end of the part that the client waits for.
func (r *record) handlerDone() {
	if r != nil {
		r.handler = time.Since(r.began)
	}
}

// write writes the record. Lambda asks for the next invocation only afterwards, so records do not mix.
func (r *record) write(ctx context.Context) {
	if r == nil {
		return
	}
	r.log.LogAttrs(ctx, r.level, "stillwarm: invocation",
		slog.String("requestId", r.requestID),
		slog.Int64("hits", r.hits.Load()),
		slog.Int64("misses", r.misses.Load()),
		slog.Int64("stale", r.stale.Load()),
		slog.Int64("waits", r.waits.Load()),
		slog.Int64("runs", r.runs.Load()),
		slog.Float64("handlerMs", milliseconds(r.handler)),
		slog.Float64("afterMs", milliseconds(time.Since(r.began)-r.handler)),
	)
}

// milliseconds returns d in milliseconds, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
