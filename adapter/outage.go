package adapter

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/stillwarm/stillwarm/backends"
)

// The operations whose outages are noticed apart. For an operator they are one outage.
const (
	reading = iota
	writing
)

// outages knows which operations of the backend fail.
type outages struct {
	mu     sync.Mutex
	failed [2]bool
}

// note takes note of the beginning or the end of a failure of an operation, and reports whether the backend's outage
// begins or ends with it.
func (o *outages) note(operation int, failed bool) (changed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.failed[reading] || o.failed[writing]
	o.failed[operation] = failed
	return before != (o.failed[reading] || o.failed[writing])
}

// outage tells of the beginning of an outage, with its first error, and of its end: once each, whatever the number of
// operations that fail. Closing the Runtime ends what is under way and is no outage.
func (rt *Runtime) outage(ctx context.Context, operation int, err error) {
	if rt.closed.Load() || !rt.outages.note(operation, err != nil) {
		return
	}
	rt.emit(ctx, Event{Kind: EventOutage, Tier: TierBackend, Err: err})
	if err == nil {
		rt.log(ctx, slog.LevelInfo, "backend recovered")
		return
	}
	level := slog.LevelWarn
	if e, ok := errors.AsType[*backends.Error](err); ok && e.Permanent {
		level = slog.LevelError
	}
	rt.log(ctx, level, "backend unavailable; bypassing it until it recovers", "error", err.Error())
}
