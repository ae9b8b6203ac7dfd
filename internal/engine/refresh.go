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
	n := &renewal{l: l.forWatching(), e: e, point: f.log.Begin()}
	n.l.asked = now
	if !l.stale.add(n) {
		f.leaveRefresh(ctx, []*renewal{n})
	}
}

// renewal is an entry that a refresh was left for.
type renewal struct {
	l     *Lookup
	e     *memory.Entry
	point invalidation.Point // held until the refresh is over
}

// leaveRefresh leaves the refresh of entries for after the response. Whatever is left of one function, at most sideBySide
// of its refreshes run at a time.
func (f *Function) leaveRefresh(ctx context.Context, ns []*renewal) {
	done := func() {
		for _, n := range ns {
			n.e.Refreshing.Store(false)
			f.log.End(n.point)
		}
	}
	f.env.DeferRefresh(ctx, func(ctx context.Context) {
		defer done()
		select {
		case f.refreshes <- struct{}{}:
		case <-ctx.Done():
			return
		}
		defer func() { <-f.refreshes }()
		ctx = flight.Apart(ctx) // the run that found the entry stale does not wait for this one
		if len(ns) == 1 {
			f.refresh(ctx, ns[0].l, ns[0].e, ns[0].point)
			return
		}
		f.refreshAll(ctx, ns)
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
	if why := failure(o); leader && ok && why.Key != "" {
		f.refreshFailed(ctx, why, l)
	}
}

// failure returns why a refresh failed; the zero Attr where it did not, or another container has it.
func failure(o flight.Outcome) slog.Attr {
	switch {
	case o.Panic != nil:
		return slog.String("panic", o.Panic.Error())
	case o.Err != nil && !errors.Is(o.Err, errElsewhere):
		return slog.String("error", o.Err.Error())
	}
	return slog.Attr{}
}

// refreshFailed rests the keys whose refresh failed, and logs that once.
func (f *Function) refreshFailed(ctx context.Context, why slog.Attr, ls ...*Lookup) {
	for _, l := range ls {
		f.rests.begin(l.Key, f.env.Now()+int64(coolDown))
	}
	if f.env.Closed() {
		return
	}
	attrs := []any{"function", f.spec.Name, "retryAfterMs", coolDown.Milliseconds(), why}
	if len(ls) > 1 {
		attrs = append(attrs, "results", len(ls))
	}
	f.env.Log(ctx, slog.LevelWarn, "refresh failed; keeping the stale result until its window ends", attrs...)
}

// errElsewhere says that another container refreshes the entry.
var errElsewhere = errors.New("another container refreshes the entry")

// refused says that a refresh came to a result that is not stored.
var refused = slog.String("error", "the result is not to be cached")

// renew is the run of a refresh. What it comes to is for those who joined only where it is an answer.
func (f *Function) renew(ctx context.Context, call *flight.Call, l *Lookup, e *memory.Entry, point invalidation.Point) flight.Outcome {
	l.refPoint, l.refEpoch = f.records.begin() // what was invalidated before counts against no run of now
	f.inherit(l)
	t := turn{f: f, call: call, l: l, point: point}
	if f.store != nil && f.store.open(ctx) != nil {
		found, busy := t.takeForRefresh(ctx)
		if o, done := t.renewed(ctx, found, busy); done {
			return o
		}
	}
	o := t.run(ctx, EventRefresh)
	if t.unkept(o) {
		f.refreshFailed(ctx, refused, l)
	}
	return o
}

// renewed returns what a refresh comes to that needs no run: another container has renewed the entry, as what was found
// shows, or is at it.
func (t *turn) renewed(ctx context.Context, found *memory.Entry, busy bool) (o flight.Outcome, done bool) {
	f, l := t.f, t.l
	switch {
	case f.isFresh(found):
		f.keepRead(l, t.point, found)
		t.leaveNothing(ctx, backends.Mark{})
		return outcome(replyOf(found)), true
	case busy:
		f.rests.begin(l.Key, f.env.Now()+int64(foreignRefresh))
		return flight.Outcome{Err: errElsewhere, Alone: true}, true
	}
	return flight.Outcome{}, false
}

// unkept reports whether a run has come to a result that is not stored, for another reason than a clear.
func (t *turn) unkept(o flight.Outcome) bool {
	return o.Err == nil && o.Panic == nil && !t.stored && !t.f.log.Void(t.l.Key, t.point)
}

// isFresh reports whether an entry needs no refresh; e may be nil.
func (f *Function) isFresh(e *memory.Entry) bool {
	return e != nil && f.spec.Policy.State(times(e), f.env.Now()) == freshness.Fresh
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
	if err != nil || f.isFresh(found) {
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
