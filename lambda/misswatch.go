package lambda

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/lambda/internal/eventkind"
)

// missesInARow is after how many misses without any hit a cached handler says so.
const missesInARow = 100

// missWatch finds handlers that never hit. It stops with the first hit.
type missWatch struct {
	done  atomic.Bool
	told  atomic.Bool
	mu    sync.Mutex
	count int
	diff  eventkind.Differ
}

// add takes the outcome of a call.
func (w *missWatch) add(ctx context.Context, name string, kind adapter.EventKind, in any) {
	switch kind {
	case adapter.EventHit, adapter.EventStale, adapter.EventWait:
		w.done.Store(true)
		return
	case adapter.EventMiss:
	default:
		return // the cache is off
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done.Load() {
		return
	}
	w.diff.Add(in)
	if w.count++; w.count < missesInARow {
		return
	}
	w.done.Store(true)
	hint := `if they do not decide the answer, leave them out of the key: tag them cache:"-", or key by what matters with adapter.HashFunc`
	fields := w.diff.Always(5)
	if len(fields) == 0 {
		hint = "the events were equal, so results are not kept: is every one an error, or refused by CacheIf?"
	}
	log := logger(runtimeOf(ctx))
	log.LogAttrs(ctx, slog.LevelWarn, "stillwarm: a cached handler has not hit once",
		slog.String("function", name), slog.Int("misses", w.count), slog.Any("fieldsThatDiffered", fields), slog.String("hint", hint))
}

// never says once that an event is not cached.
func (w *missWatch) never(ctx context.Context, kind eventkind.Kind) {
	if w.told.Swap(true) {
		return
	}
	logger(runtimeOf(ctx)).LogAttrs(ctx, slog.LevelInfo, "stillwarm: "+kind.Name+" is not cached: "+kind.NeverWhy,
		slog.String("field", kind.Never))
}

// firstEvent remembers the first thing that a cached call tells: how its lookup ended. What follows may come from functions that
// its run calls.
type firstEvent struct {
	first atomic.Pointer[adapter.EventKind]
}

func (f *firstEvent) see(e adapter.Event) {
	switch e.Kind {
	case adapter.EventHit, adapter.EventStale, adapter.EventMiss, adapter.EventWait:
		f.first.CompareAndSwap(nil, &e.Kind)
	}
}

func (f *firstEvent) kind() adapter.EventKind {
	if k := f.first.Load(); k != nil {
		return *k
	}
	return ""
}
