package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// foreignRefresh is how long this container leaves an entry to another one that refreshes it.
const foreignRefresh = 2 * time.Second

// refreshLater leaves one refresh for after the response. Where the argument may be changed by its owner, or nothing can
// run later, none is left: the old value is served all the same.
func (f *Function) refreshLater(ctx context.Context, l *Lookup, e *memory.Entry) {
	now := f.env.Now()
	if l.Arg == Shared || !f.env.Defers(ctx) || f.rests.resting(l.Key, now) || !e.Refreshing.CompareAndSwap(false, true) {
		return
	}
	point := f.log.Begin()
	r := l.forWatching()
	r.asked = now
	done := func() {
		e.Refreshing.Store(false)
		f.log.End(point)
	}
	f.env.DeferRefresh(ctx, func(ctx context.Context) {
		defer done()
		f.refresh(ctx, r, e, point)
	}, done)
}

// refresh renews an entry. A failure keeps it, is logged once, and rests the key for a while.
func (f *Function) refresh(ctx context.Context, l *Lookup, e *memory.Entry, point invalidation.Point) {
	if f.log.Void(l.Key, point) {
		return // cleared, or replaced, since the refresh was left
	}
	call, leader := f.flights.Begin(ctx, l.Key)
	if leader {
		go func() {
			run := call.Run()
			defer run.End()
			point := f.log.Begin()
			defer f.log.End(point)
			f.computing(call, func() flight.Outcome { return f.renew(run.Context(), call, l, e, point) })
		}()
	}
	o, ok := call.Wait(ctx, leader, nil)
	if !leader || !ok {
		return
	}
	switch {
	case o.Panic != nil:
		f.refreshFailed(ctx, l, slog.String("panic", o.Panic.Error()))
	case errors.Is(o.Err, errElsewhere):
	case o.Err != nil:
		f.refreshFailed(ctx, l, slog.String("error", o.Err.Error()))
	}
}

func (f *Function) refreshFailed(ctx context.Context, l *Lookup, why slog.Attr) {
	f.rests.begin(l.Key, f.env.Now()+int64(coolDown))
	if f.env.Closed() {
		return
	}
	f.env.Log(ctx, slog.LevelWarn, "refresh failed; keeping the stale result until its window ends",
		"function", f.spec.Name, "retryAfterMs", coolDown.Milliseconds(), why)
}

// errElsewhere says that another container refreshes the entry.
var errElsewhere = errors.New("another container refreshes the entry")

// errRefused says that a refresh came to a result that is not stored.
var errRefused = errors.New("the result is not to be cached")

// renew is the run of a refresh. What it comes to is for those who joined only where it is an answer.
func (f *Function) renew(ctx context.Context, call *flight.Call, l *Lookup, e *memory.Entry, point invalidation.Point) flight.Outcome {
	f.inherit(l)
	t := turn{f: f, call: call, l: l, point: point}
	if f.store != nil && f.store.open(ctx) != nil {
		found, busy := t.takeForRefresh(ctx)
		if found != nil && f.spec.Policy.State(times(found), f.env.Now()) == freshness.Fresh {
			f.keepRead(l, point, found)
			t.leaveNothing(ctx, backends.Mark{})
			return outcome(&Reply{Value: found.Value, refs: found.Refs, point: found.RefPoint.Load()})
		}
		if busy {
			f.rests.begin(l.Key, f.env.Now()+int64(foreignRefresh))
			return flight.Outcome{Err: errElsewhere, Alone: true}
		}
	}
	o := t.run(ctx, EventRefresh)
	if o.Err == nil && o.Panic == nil && !t.stored && !f.log.Void(l.Key, point) {
		f.refreshFailed(ctx, l, slog.String("error", errRefused.Error()))
	}
	return o
}

// takeForRefresh takes the lease and reads the slot; busy says that another container has it.
func (t *turn) takeForRefresh(ctx context.Context) (found *memory.Entry, busy bool) {
	f, l := t.f, t.l
	timeout := f.env.BackendTimeout
	if !f.store.settle(ctx, f.store.slot(l), timeout) {
		return nil, false
	}
	if f.store.leaser == nil || f.env.Writes.Down() {
		found, _ = f.store.findWithin(ctx, l, backends.ReadOptions{ForWrite: true}, t.point, timeout)
		return found, false
	}
	if t.held = f.env.leases.Adopt(f.store.slot(l), t.call.Run()); t.held != nil {
		found, _ = f.store.findWithin(ctx, l, backends.ReadOptions{ForWrite: true}, t.point, timeout)
		return found, false
	}
	// A look comes first: where another container has refreshed the entry, a lease would only keep others from looking.
	found, err := f.store.findWithin(ctx, l, backends.ReadOptions{ForWrite: true}, t.point, timeout)
	if err != nil || found != nil && f.spec.Policy.State(times(found), f.env.Now()) == freshness.Fresh {
		return found, false
	}
	found, err = t.take(ctx, "", timeout)
	return found, errors.Is(err, backends.ErrLeased)
}

// Refresh runs the function now and replaces what is cached. It waits for no other run, since it asks for one that begins
// now, and a run under way must not overwrite its result.
func (f *Function) Refresh(ctx context.Context, l *Lookup) (*Reply, error) {
	l.asked = f.env.Now()
	f.connectTagged(ctx, l.Tags)
	l.refPoint, l.refEpoch = f.records.begin()
	for {
		f.supersede(l)
		call, leader := f.flights.Begin(ctx, l.Key)
		if !leader { // somebody began a run since
			call.Leave(ctx)
			continue
		}
		inline := f.start(l, func() { f.leadRefresh(call, l) })
		o, _ := call.Wait(ctx, true, inline)
		return f.hand(ctx, o)
	}
}

func (f *Function) leadRefresh(call *flight.Call, l *Lookup) {
	run := call.Run()
	defer run.End()
	t := turn{f: f, call: call, l: l, replacing: true}
	defer func() { f.log.End(t.point) }()
	f.computing(call, func() flight.Outcome {
		ctx := run.Context()
		for first := true; first || f.log.Void(l.Key, t.point); first = false {
			if !first {
				// Cleared or superseded while the slot was looked at. The run begins after that, and so must the look; and
				// it replaces the result of a run that has begun meanwhile.
				f.log.End(t.point)
				f.log.ClearKey(l.Key, func() { f.flights.Attach(call) })
			}
			t.point, l.generation = f.log.Begin(), 0
			f.inherit(l)
			t.unread = t.lookForWrite(ctx)
		}
		t.old = nil // an error of the function is returned, and what was cached stays
		return t.run(ctx, EventRefresh)
	})
}
