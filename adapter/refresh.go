package adapter

import (
	"context"
	"log/slog"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// foreignRefresh is how long this container leaves a stale entry to another one that refreshes it.
const foreignRefresh = 2 * time.Second

// refreshLater leaves one refresh for after the response. It reports false where none can be left: the argument may
// be changed by its owner and the refresh would run beside it, so the caller runs the function instead.
func (c *dataCore) refreshLater(ctx context.Context, q *question, e *memory.Entry, now int64) bool {
	if now < e.RetryAt.Load() || e.Refreshing.Load() {
		return true
	}
	if !q.detached && !invocation.From(ctx).Holds() {
		return false
	}
	if !e.Refreshing.CompareAndSwap(false, true) {
		return true
	}
	c.rt.afterOr(ctx, func(ctx context.Context) {
		defer e.Refreshing.Store(false)
		c.refresh(ctx, q, e)
	}, func() { e.Refreshing.Store(false) })
	return true
}

// refresh renews a stale entry. A failure keeps it, is logged once, and rests the key for a while.
func (c *dataCore) refresh(ctx context.Context, q *question, e *memory.Entry) {
	if e.Epoch != c.epoch.Load() || !q.unchanged() {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			c.refreshFailed(ctx, e, slog.Any("panic", r))
		}
	}()
	for {
		_, joined, err := c.fly(ctx, q, func(ctx context.Context, call *flight.Call) (*answer, error) {
			return c.renew(ctx, call, q, e)
		})
		if err != nil {
			c.refreshFailed(ctx, e, slog.String("error", err.Error()))
			return
		}
		// What it joined may be the run that is about to hand out the stale entry.
		if !joined || c.owner.Get([]byte(q.key)) != e {
			return
		}
	}
}

func (c *dataCore) refreshFailed(ctx context.Context, e *memory.Entry, why slog.Attr) {
	e.RetryAt.Store(c.rt.now() + int64(refreshCoolDown))
	c.rt.log(ctx, slog.LevelWarn, "a refresh failed; the stale result is kept until its window ends",
		"function", c.id.name, "next", refreshCoolDown.String(), why)
}

// renew is the run of a refresh. It returns no answer where another container renews the entry, or has done so.
func (c *dataCore) renew(ctx context.Context, call *flight.Call, q *question, e *memory.Entry) (*answer, error) {
	epoch := c.epoch.Load()
	var h *hold
	if c.remote != nil {
		if found := c.remote.find(ctx, q, epoch); found != nil && c.rt.now() < found.Fresh {
			c.keep(q, call, found)
			return &answer{value: found.Value}, nil
		}
		var state leaseState
		if h, state, _ = c.remote.acquire(ctx, q); state == leaseBusy {
			e.RetryAt.Store(c.rt.now() + int64(foreignRefresh))
			return nil, nil
		}
	}
	return c.renewNow(ctx, call, q, epoch, h)
}

func (c *dataCore) renewNow(ctx context.Context, call *flight.Call, q *question, epoch uint64, h *hold) (*answer, error) {
	generation := c.remote.generation()
	started := c.rt.now()
	v, cache, took, err := c.run(ctx, q, EventRefresh, h)
	if err != nil || !cache || !q.unchanged() && !q.detached {
		c.leaveNothing(ctx, q, h)
		return valueOf(v), err
	}
	fresh := c.entry(q, v, started, took)
	fresh.Epoch, fresh.Generation = epoch, generation
	c.keep(q, call, fresh)
	c.remote.store(ctx, call, q, fresh, h)
	return &answer{value: v}, nil
}

// refreshNow runs the function for [Data.Refresh]. It waits for no other run, since it asks for one that begins now,
// and a run under way must not overwrite its result.
func (c *dataCore) refreshNow(ctx context.Context, q *question) (*answer, error) {
	c.storing.Lock()
	c.drop(q.key)
	c.storing.Unlock()
	a, joined, err := c.fly(ctx, q, func(ctx context.Context, call *flight.Call) (*answer, error) {
		if c.remote != nil {
			c.remote.hear(ctx)
		}
		return c.renewNow(ctx, call, q, c.epoch.Load(), nil)
	})
	if a != nil && joined {
		a = &answer{value: a.value, joined: true}
	}
	return a, err
}
