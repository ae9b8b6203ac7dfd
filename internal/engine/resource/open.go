package resource

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/panics"
)

// openAlone opens an object that is nobody else's and is not kept: it is released when the call's context ends, or its
// Use. Where the context never ends nobody can tell when the caller is done.
func (p *Pool) openAlone(ctx context.Context, a Access) (*object, error) {
	a.Alone = true
	a.Key = "\x00alone " + strconv.FormatUint(p.alone.Add(1), 10) // no argument's key begins so
	o, err := p.open(ctx, a)
	if err == nil && holdOf(ctx, p) == nil && !p.ends(ctx) {
		p.env.LogOnce(ctx, "never released "+p.spec.Name, slog.LevelWarn,
			"a resource was opened outside of the cache for a context that never ends, so it is not released; call Resource.Use, or pass a context that ends",
			"function", p.spec.Name)
	}
	return o, err
}

// open returns an object that one caller opens while the others wait.
func (p *Pool) open(ctx context.Context, a Access) (*object, error) {
	if p.env.Begin() {
		defer p.env.End()
	}
	for {
		start := time.Now()
		v, joined, err := p.flights.Do(ctx, a.Key, func(ctx context.Context, call *flight.Call) (any, error) {
			return p.make(ctx, call, a, Run)
		})
		if joined {
			p.Stats.Waits.Add(1)
			p.emit(ctx, Event{Kind: Wait, Key: a.Key, Duration: time.Since(start), Err: err})
		}
		if err != nil {
			return nil, err
		}
		o := v.(*object)
		p.mu.Lock()
		k := p.keep(ctx, o)
		p.mu.Unlock()
		if k != released {
			return o, nil
		}
	}
}

// reopen is open after a failed validation: what it opens must be valid.
func (p *Pool) reopen(ctx context.Context, a Access) (*object, error) {
	o, err := p.open(ctx, a)
	if err != nil {
		return nil, err
	}
	cause := p.validate(ctx, a, o, unvalidated)
	if cause == nil {
		return o, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.discard(ctx, o)
	return nil, fmt.Errorf("%w: '%s' was opened again after it had failed its validation: %w", ErrInvalid, p.spec.Name, cause)
}

// make runs the open function and puts the object into the pool.
func (p *Pool) make(ctx context.Context, call *flight.Call, a Access, kind Kind) (*object, error) {
	p.mu.Lock()
	o := p.objects[a.Key]
	if o != nil && !o.refreshing.Load() && p.age(o) == freshness.Fresh {
		p.mu.Unlock()
		return o, nil // opened by the run before this one
	}
	p.mu.Unlock()
	since := p.clears.Begin()
	defer p.clears.End(since)
	p.out.Add() // also for a run that its callers have left: what it opens has to be released
	opened := false
	defer func() {
		if !opened {
			p.out.Done()
		}
	}()
	began := p.env.Now()
	v, err := p.run(ctx, a, kind)
	if err != nil {
		return nil, err
	}
	opened = true
	o = &object{key: a.Key, value: v, pinned: a.Pinned, times: p.spec.Policy.Times(began, -1), users: map[any]struct{}{}}
	o.validated.Store(p.env.Now())
	o.thaws.Store(p.env.Thaws())
	p.mu.Lock()
	// Whoever waits has it from now on, so that it cannot be released between here and there.
	withoutEnd := 0
	for _, waiting := range call.Contexts() {
		if p.keep(waiting, o) == endless {
			withoutEnd++
		}
	}
	ready, evicted := p.enter(o, !a.Alone && !p.clears.Void(a.Key, since) && !p.env.Closed())
	if o.left && len(o.users) == 0 {
		ready = append(ready, p.dismiss(o, withoutEnd, a.Alone)...)
	}
	p.mu.Unlock()
	for _, e := range evicted {
		p.tell(ctx, Evict, e)
	}
	p.release(ctx, ready)
	return o, nil
}

// run calls the open function.
func (p *Pool) run(ctx context.Context, a Access, kind Kind) (v any, err error) {
	if kind == Run {
		p.Stats.Misses.Add(1)
		p.emit(ctx, Event{Kind: Miss, Key: a.Key, Reason: "not open"})
	}
	start, returned := time.Now(), false
	defer p.spec.Progress(ctx)()
	defer func() {
		p.Stats.Opens.Add(1)
		failed := err
		if !returned {
			failed = errPanicked
		}
		if failed != nil {
			p.Stats.Errors.Add(1)
		}
		p.emit(ctx, Event{Kind: kind, Key: a.Key, Duration: time.Since(start), Err: failed})
	}()
	v, err = a.Open(ctx)
	returned = true
	return v, err
}

// refreshLater opens a new object after the response, in place of one past its ttl.
func (p *Pool) refreshLater(ctx context.Context, a Access, o *object) {
	if p.env.Now() < o.retryAt.Load() || !o.refreshing.CompareAndSwap(false, true) {
		return
	}
	if a.Later != nil {
		if a.Open = a.Later(); a.Open == nil {
			o.refreshing.Store(false)
			return
		}
	}
	rest := func() { o.refreshing.Store(false) }
	p.env.DeferRefresh(ctx, func(ctx context.Context) {
		defer rest()
		p.refresh(ctx, a, o)
	}, rest)
}

func (p *Pool) refresh(ctx context.Context, a Access, o *object) {
	if p.gone(o) || !p.env.Begin() {
		return // nobody would get what it opens
	}
	defer p.env.End()
	err := p.guarded(func() error {
		_, _, err := p.flights.Do(ctx, a.Key, func(ctx context.Context, call *flight.Call) (any, error) {
			return p.make(ctx, call, a, Refresh)
		})
		return err
	})
	if err == nil {
		return
	}
	o.retryAt.Store(p.env.Now() + int64(coolDown))
	p.env.Log(ctx, slog.LevelWarn, "refreshing a resource failed; keeping the stale one until its window ends",
		"function", p.spec.Name, "error", err.Error(), "retryInMs", coolDown.Milliseconds())
}

// gone reports whether the object has left the pool.
func (p *Pool) gone(o *object) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return o.left
}

// guarded calls f and returns its panic as an error.
func (p *Pool) guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %w", panics.Capture(r))
		}
	}()
	return f()
}
