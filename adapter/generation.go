package adapter

import (
	"context"
	"log/slog"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// trusts reports whether this container may hand the entry out without asking the backend whether the function was
// cleared elsewhere. It is on the way of every hit.
func (r *remote) trusts(e *memory.Entry, now int64) bool {
	// After a clock was set back, what was heard is from the future, and not trusted for the longer.
	left := r.trustTill.Load() - now
	return left > 0 && left <= int64(r.nearTTL) && e.Generation == r.heard.Load()
}

// confirms reports whether the entry is of the function's current generation, and asks for it where this container heard
// it too long ago. While the backend is down memory goes on serving, unless a later generation was heard than the
// entry's.
func (r *remote) confirms(ctx context.Context, e *memory.Entry) bool {
	if r.trusts(e, r.core.rt.now()) {
		return true
	}
	if r.hear(ctx) {
		return e.Generation == r.heard.Load()
	}
	heard := r.heard.Load()
	return e.Generation == heard || e.Generation == 0 && heard == 0
}

// generation is the one that a run beginning now belongs to; zero where none was heard yet. It may be called on nil.
func (r *remote) generation() uint64 {
	if r == nil {
		return 0
	}
	return r.heard.Load()
}

// hear asks the backend for the generation, one caller at a time, and reports whether it answered.
func (r *remote) hear(ctx context.Context) bool {
	store := r.open(ctx)
	if store == nil {
		return false
	}
	before := r.core.rt.now()
	r.askOne.Lock()
	defer r.askOne.Unlock()
	if r.heardAt.Load() >= before && !r.cleared.Load() {
		return true // another caller has asked meanwhile
	}
	if !r.settleClear(ctx) {
		return false
	}
	var generation uint64
	asked := r.asks()
	err := r.core.rt.reads.Do(ctx, func(ctx context.Context) (err error) {
		generation, err = store.Generation(ctx)
		return err
	})
	if err != nil {
		r.noteRead(ctx, err)
		return false
	}
	r.hears(generation, asked, 0)
	return true
}

// asking is when a read began that brings a generation: by the clock, and by the clears in this container.
type asking struct {
	at     int64
	clears uint64
}

func (r *remote) asks() asking {
	r.mu.Lock()
	defer r.mu.Unlock()
	return asking{at: r.core.rt.now(), clears: r.clears}
}

// hears takes note of a generation that may have been age old when it was read. A late answer, of a read that began
// before the last clear here, is not believed.
func (r *remote) hears(generation uint64, asked asking, age time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if asked.clears != r.clears {
		return
	}
	r.heard.Store(generation)
	r.heardAt.Store(asked.at)
	r.trustTill.Store(asked.at + int64(r.nearTTL-min(age, r.nearTTL)))
}

// distrust forgets the generation: it is about to change, or has changed.
func (r *remote) distrust() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clears++
	r.heard.Store(0)
	r.heardAt.Store(0)
	r.trustTill.Store(0)
}

// settleClear tells the backend of a clear that it could not be told before. It reports whether what the backend holds
// can be believed.
func (r *remote) settleClear(ctx context.Context) bool {
	if !r.cleared.Load() {
		return true
	}
	err := r.core.rt.reads.Do(ctx, r.clearStore)
	if err == nil {
		r.distrust()
		r.cleared.Store(false)
	}
	return err == nil
}

// clear makes every entry a miss: here at once, in the backend by a new generation.
func (c *dataCore) clear(ctx context.Context) error {
	if c.rt.off() {
		return nil
	}
	c.opts.warnAtClear(ctx, c.rt)
	c.storing.Lock()
	c.epoch.Add(1)
	c.flights.DropAll()
	c.storing.Unlock()
	epoch := c.epoch.Load()
	c.rt.after(ctx, func(context.Context) {
		c.owner.Sweep(func(e *memory.Entry) bool { return e.Epoch < epoch })
	})
	if c.remote == nil || c.remote.open(ctx) == nil {
		return nil
	}
	return c.remote.clear(ctx)
}

func (r *remote) clearStore(ctx context.Context) error {
	_, err := r.opened.Clear(ctx)
	return err
}

func (r *remote) clear(ctx context.Context) error {
	r.cleared.Store(true) // until the backend has a new generation, its entries are not believed
	r.distrust()
	if err := r.core.rt.writes.Do(ctx, r.clearStore); err != nil {
		r.core.rt.log(ctx, slog.LevelWarn, "a clear could not be told to the backend; this container tries again before it reads there",
			"function", r.core.id.name, "error", err.Error())
		return &ClearError{Function: r.core.id.name, Err: err}
	}
	r.distrust()
	r.cleared.Store(false)
	return nil
}

// clearFor removes one entry, here and in the backend.
func (c *dataCore) clearFor(ctx context.Context, q *question) error {
	if c.rt.off() {
		return nil
	}
	c.opts.warnAtClear(ctx, c.rt)
	c.storing.Lock()
	c.drop(q.key)
	c.owner.Delete(q.key)
	c.storing.Unlock()
	r := c.remote
	if r == nil || r.open(ctx) == nil {
		return nil
	}
	err := r.remove(ctx, q)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &ClearError{Function: c.id.name, Err: err}
	}
	return nil
}

// ClearError says that a clear took effect in this container, but the backend could not be told.
type ClearError struct {
	Function string
	Err      error
}

// Error names the function and the cause.
func (e *ClearError) Error() string {
	return "clearing '" + shortName(e.Function) + "' in the backend: " + e.Err.Error() +
		" (this container misses; others may serve their entries until it is told)"
}

// Unwrap returns the cause.
func (e *ClearError) Unwrap() error { return e.Err }
