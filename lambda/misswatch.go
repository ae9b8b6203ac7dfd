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
	keys  map[string]struct{} // digests of keys that missed
	diff  eventkind.Differ
}

// add takes the outcome of a call, and the event with the fields that are not part of its key.
func (w *missWatch) add(ctx context.Context, seen *firstEvent, in any, omit []string) {
	switch seen.kind() {
	case adapter.EventHit, adapter.EventStale, adapter.EventWait:
		w.done.Store(true)
		return
	case adapter.EventMiss:
	default:
		return // the call was not to be cached, or the cache is off
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done.Load() {
		return
	}
	w.note(seen.key(), eventkind.Without(in, omit))
	if w.count < missesInARow {
		return
	}
	w.done.Store(true)
	fields, hint := w.finding()
	log := logger(runtimeOf(ctx))
	log.LogAttrs(ctx, slog.LevelWarn, "stillwarm: a cached handler has not hit once",
		slog.String("function", seen.function), slog.Int("misses", w.count), slog.Any("fieldsThatDiffered", fields),
		slog.String("hint", hint))
}

func (w *missWatch) note(key string, in any) {
	if w.keys == nil {
		w.keys = map[string]struct{}{}
	}
	w.keys[key] = struct{}{}
	w.diff.Add(in)
	w.count++
}

// finding says why there was no hit. Where the same keys have missed again and again, it is not for what the events have.
func (w *missWatch) finding() (fields []string, hint string) {
	if len(w.keys) <= w.count/2 {
		return nil, "the events were equal, so results are not kept: " +
			"is every one an error, refused by CacheIf, or older than its ttl at the next?"
	}
	if fields = w.diff.Always(5); len(fields) == 0 {
		return nil, "what differed lies too deep in the events to be named; key by what decides the answer with adapter.Key"
	}
	return fields, "if they do not decide the answer, leave them out of the key: " +
		`tag them cache:"-", or key by what matters with adapter.Key`
}

// never says once that an event is not cached.
func (w *missWatch) never(ctx context.Context, kind eventkind.Kind) {
	if w.told.Swap(true) {
		return
	}
	logger(runtimeOf(ctx)).LogAttrs(ctx, slog.LevelInfo, "stillwarm: "+kind.Name+" is not cached: "+kind.NeverWhy,
		slog.String("field", kind.Never))
}

// firstEvent remembers the first thing that a cached call tells: how its lookup ended. Functions that its run calls tell
// something, too, and nothing comes from a call that is not to be cached: it has to be the function's own.
type firstEvent struct {
	function string
	first    atomic.Pointer[adapter.Event]
}

func (f *firstEvent) see(e adapter.Event) {
	if e.Function != f.function {
		return
	}
	switch e.Kind {
	case adapter.EventHit, adapter.EventStale, adapter.EventMiss, adapter.EventWait:
		f.first.CompareAndSwap(nil, &e)
	}
}

func (f *firstEvent) kind() adapter.EventKind {
	if e := f.first.Load(); e != nil {
		return e.Kind
	}
	return ""
}

func (f *firstEvent) key() string { return f.first.Load().Key }
