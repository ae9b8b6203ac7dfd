package engine

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// outdated reports whether a reply depends on something that was invalidated since its run began: nobody who asks later may
// get it.
func (f *Function) outdated(o flight.Outcome) bool {
	r, _ := o.Value.(*Reply)
	return r != nil && len(r.refs) > 0 && f.records.local.Void(r.refs, r.point)
}

// runOrJoin answers by a run, or with what the run under way returns. old is what there is that is no answer any more.
func (f *Function) runOrJoin(ctx context.Context, l *Lookup, old *memory.Entry) (*Reply, error) {
	if f.marks.private(l.Key, f.env.Now()) {
		return f.runAlone(ctx, l, old)
	}
	call, leader := f.flights.Begin(ctx, l.Key)
	var inline func()
	if leader {
		point, old := f.beginRun(l, old)
		inline = f.start(l, func() { f.lead(call, l, old, point) })
	} else {
		f.Stats.Waits.Add(1)
	}
	began := time.Now()
	o, ok := f.await(ctx, call, l, old, began, leader, inline)
	if !leader {
		f.emit(ctx, l, Event{Kind: EventWait, Duration: time.Since(began), Err: o.Err})
	}
	if !ok {
		return f.runAlone(ctx, l, old)
	}
	if !leader && f.outdated(o) {
		return f.runOrJoin(ctx, l, nil)
	}
	if !leader {
		if r := f.standInJoined(ctx, l, old, o); r != nil {
			return r, nil
		}
	}
	return f.hand(ctx, o)
}

// standInJoined returns the older value where fail-safe allows it to stand in for a run that a call has joined. That of a
// refresh fails without one, since nobody waits for it who has none.
func (f *Function) standInJoined(ctx context.Context, l *Lookup, old *memory.Entry, o flight.Outcome) *Reply {
	r, _ := o.Value.(*Reply)
	failed := o.Err != nil || r != nil && r.failed
	if !failed || ctx.Err() != nil || errors.Is(o.Err, flight.ErrDeadlock) || errors.Is(o.Err, flight.ErrGoexit) {
		return nil
	}
	t := turn{f: f, l: l, point: l.point, old: old}
	return t.standIn(ctx, o.Err)
}

// runAlone answers by a run that is nobody else's.
func (f *Function) runAlone(ctx context.Context, l *Lookup, old *memory.Entry) (*Reply, error) {
	call := f.flights.Solo(ctx, l.Key)
	if call == nil {
		return nil, ErrRecursive
	}
	point, old := f.beginRun(l, old)
	inline := f.start(l, func() { f.lead(call, l, old, point) })
	o, _ := f.await(ctx, call, l, old, time.Now(), true, inline)
	return f.hand(ctx, o)
}

// start runs lead in a goroutine, so that its caller may leave, or returns it where it has to end with the call.
func (f *Function) start(l *Lookup, lead func()) (inline func()) {
	if l.Arg == Shared {
		return lead
	}
	go lead()
	return nil
}

// await waits for a call. Where a value that may stand in is at hand and the run takes too long, it returns that, and
// the run is finished after the response. The caller waits since began.
func (f *Function) await(ctx context.Context, call *flight.Call, l *Lookup, old *memory.Entry, began time.Time, leader bool, inline func()) (flight.Outcome, bool) {
	soft := f.spec.SoftTimeout
	if soft <= 0 || old == nil || inline != nil || !f.env.Defers(ctx) {
		return call.Wait(ctx, leader, inline)
	}
	t := time.NewTimer(soft - time.Since(began))
	defer t.Stop()
	select {
	case <-call.Done():
	case <-ctx.Done():
	case <-t.C:
		if call.Ended() || !f.spec.Policy.MayStandIn(times(old), f.env.Now()) { // a result is better than what stands in for it
			break
		}
		f.env.Defer(ctx, func(later context.Context) { call.Outlast(later, ctx, leader) })
		f.count(EventStale, TierMemory)
		f.emit(ctx, l, f.about(old, Event{Kind: EventStale, Tier: TierMemory, Reason: "soft timeout"}))
		return flight.Outcome{Value: replyOf(old)}, true
	}
	return call.Wait(ctx, leader, nil)
}

// hand turns an outcome into what the caller gets.
func (f *Function) hand(ctx context.Context, o flight.Outcome) (*Reply, error) {
	if o.Panic != nil {
		panic(o.Panic)
	}
	switch {
	case errors.Is(o.Err, flight.ErrDeadlock):
		return nil, ErrRecursive
	case errors.Is(o.Err, flight.ErrGoexit):
		runtime.Goexit()
	}
	r, _ := o.Value.(*Reply)
	if r != nil {
		f.inheritRefs(ctx, r.refs, r.epoch)
	}
	return r, o.Err
}

// lead computes a call and publishes what it came to.
func (f *Function) lead(call *flight.Call, l *Lookup, old *memory.Entry, point invalidation.Point) {
	run := call.Run()
	defer run.End()
	defer f.log.End(point)
	f.computing(call, func() flight.Outcome { return f.compute(run.Context(), call, l, old, point) })
}

// beginRun takes the point of a run, and drops what the call knew before where that was cleared since.
func (f *Function) beginRun(l *Lookup, old *memory.Entry) (invalidation.Point, *memory.Entry) {
	point := f.log.Begin()
	if old != nil && f.log.Void(l.Key, l.point) {
		old = nil
	}
	return point, old
}
