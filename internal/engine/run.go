package engine

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/panics"
)

// computing publishes what compute comes to, also where it panics or ends its goroutine.
func (f *Function) computing(call *flight.Call, compute func() flight.Outcome) {
	var o flight.Outcome
	defer func() { call.Publish(o) }()
	defer catch(&o)()
	o = compute()
}

// catch returns what turns the panic, or the end, of a goroutine into an outcome. What it returns must be deferred.
func catch(o *flight.Outcome) func() {
	*o = flight.Outcome{Err: flight.ErrGoexit} // unless somebody says otherwise
	return func() {
		if r := recover(); r != nil {
			*o = flight.Outcome{Panic: panics.Capture(r)}
		}
	}
}

// run runs the function and sees to its result: memory now, backend and lease after the response.
func (t *turn) run(ctx context.Context, kind Kind) flight.Outcome {
	if t.beside {
		return t.runBeside(ctx, kind)
	}
	began := t.f.env.Now()
	res, took := t.execute(ctx, kind)
	return t.finish(ctx, res, began, took)
}

// execute calls the function under its progress line. A panic gives the lease back on its way.
func (t *turn) execute(ctx context.Context, kind Kind) (res Result, took time.Duration) {
	f, start, returned := t.f, time.Now(), false
	if f.spec.Progress != nil {
		defer f.spec.Progress(ctx)()
	}
	defer func() {
		took = time.Since(start)
		err := res.Err
		if !returned {
			err = errors.New("panic")
			t.leaveNothing(ctx, backends.Mark{})
		}
		f.Stats.Runs.Add(1)
		if err != nil {
			f.Stats.Errors.Add(1)
		}
		f.emit(ctx, t.l, Event{Kind: kind, Duration: took, Err: err})
	}()
	res = t.l.Run(ctx)
	returned = true
	return res, took
}

// runBeside runs the function while the backend is asked for what another container may write: whichever comes first
// answers. A run that lost is cancelled, and its result is dropped.
func (t *turn) runBeside(ctx context.Context, kind Kind) flight.Outcome {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	own := make(chan flight.Outcome, 1)
	won := make(chan struct{})
	held, looking := t.f.log.Hold(t.point), t.l.forWatching() // the run may end after the call has, and change the lookup
	go func() {
		defer t.f.log.End(held)
		var o flight.Outcome
		defer func() { own <- o }()
		defer catch(&o)()
		began := t.f.env.Now()
		res, took := t.execute(ctx, kind)
		select {
		case <-won:
			t.leaveNothing(ctx, backends.Mark{})
			o = flight.Outcome{}
		default:
			o = t.finish(ctx, res, began, took)
		}
	}()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	found := make(chan *Reply, 1)
	go func() { found <- t.watch(watching, looking) }()
	select {
	case o := <-own:
		return o
	case r := <-found:
		if r == nil {
			return <-own
		}
		close(won)
		cancel()
		if t.l.Arg == Shared {
			<-own // it must not work on the argument any longer than the call takes
		}
		return outcome(r)
	}
}

// watch asks the backend until it has an entry that answers the lookup l; nil when ctx ends or the backend fails.
func (t *turn) watch(ctx context.Context, l *Lookup) (r *Reply) {
	t.f.env.leases.Watch(ctx, func(ctx context.Context) (bool, error) {
		found, err := t.f.store.findWithin(ctx, l, backends.ReadOptions{}, t.point, t.f.env.BackendTimeout)
		r = t.adopt(ctx, l, found)
		return r != nil, err
	})
	return r
}

// finish decides what becomes of a result.
func (t *turn) finish(ctx context.Context, res Result, began int64, took time.Duration) flight.Outcome {
	f, l := t.f, t.l
	o := flight.Outcome{Err: res.Err}
	refs, point, epoch := t.dependencies(ctx)
	if res.Value != nil {
		o.Value = &Reply{
			Value: res.Value, Own: res.Terms.Lossy, failed: res.Terms.Failed, point: point, epoch: epoch,
			refs: append(refs[:len(refs):len(refs)], f.records.localRefs(res.Terms.Tags)...),
		}
	}
	if res.Err == nil {
		f.recent.note(took)
	}
	switch terms := res.Terms; {
	case res.Err != nil || terms.Failed:
		if r := t.standIn(ctx, res.Err); r != nil {
			t.leaveNothing(ctx, backends.Mark{})
			return outcome(r)
		}
		o.Alone = terms.Lossy || terms.Private // what cannot be copied is one caller's
		if terms.Private {
			t.leaveNothing(ctx, f.privateMark(l))
		} else {
			t.leaveNothing(ctx, f.refusedMark(l, took, res.Err == nil))
		}
		return o
	case terms.Private, terms.Lossy:
		o.Alone = true
		t.leaveNothing(ctx, f.privateMark(l))
		return o
	case terms.Refused, terms.TTL == 0:
		t.leaveNothing(ctx, f.refusedMark(l, took, true))
		return o
	}
	e := f.entry(l, res, began, took)
	e.Refs = append(refs[:len(refs):len(refs)], f.records.localRefs(res.Terms.Tags)...)
	e.RefPoint.Store(point)
	e.RefEpoch.Store(epoch)
	if f.records.void(e) || !t.keep(e) { // cleared meanwhile
		t.voidOlder(ctx)
		t.leaveNothing(ctx, backends.Mark{})
		return o
	}
	t.stored = true
	f.rests.end(l.Key)
	if t.replacing {
		t.replaceLater(ctx, e, len(res.Terms.Tags))
		return o
	}
	t.write(ctx, e, len(res.Terms.Tags))
	return o
}

// dependencies returns the invalidation records that the result depends on: its own tags', and those of the cached
// results that the run used.
func (t *turn) dependencies(ctx context.Context) (refs []invalidation.Ref, point, epoch uint64) {
	refs = t.l.refs
	if refs == nil {
		refs = t.f.records.localRefs(t.l.Tags)
	}
	if run := flight.Of(ctx); run != nil {
		more, seen := run.Inherited()
		refs = append(refs[:len(refs):len(refs)], more...)
		for _, s := range seen {
			if s.By == t.f.records && s.Epoch != t.l.refEpoch {
				return refs, t.l.refPoint, uncompared
			}
		}
	}
	return refs, t.l.refPoint, t.l.refEpoch
}

// uncompared is an epoch that there never is: what has it is compared with the records before memory serves it again.
// A result has it that was made of one which could not be compared when it was used, or was up to another epoch.
const uncompared = math.MaxUint64

// entry makes the entry of a result. Its age counts from the beginning of the run: what it says may be that old.
func (f *Function) entry(l *Lookup, res Result, began int64, took time.Duration) *memory.Entry {
	at := f.spec.Policy.Times(began, res.Terms.TTL)
	e := &memory.Entry{
		Value: res.Value, Created: at.Created, Fresh: at.Fresh, End: f.spec.Policy.End(at), RunTime: int64(took),
		Cost: l.Size(res.Value), Generation: l.generation,
	}
	e.Checked.Store(began)
	if f.spec.Coherent && l.answered {
		seen := strings.Clone(string(l.seen)) // it may lie in the memory of an entry
		e.Seen = &seen
	}
	return e
}

// coolDown is how long a failed function is left alone while an older value stands in.
const coolDown = time.Minute

// standIn returns the older value where fail-safe allows it to stand in for a failed run.
func (t *turn) standIn(ctx context.Context, err error) *Reply {
	f, old := t.f, t.old
	if f.spec.Policy.FailSafe <= 0 || old == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	now := f.env.Now()
	if !f.spec.Policy.MayStandIn(times(old), now) || f.log.Void(t.l.Key, t.point) || f.records.void(old) {
		return nil
	}
	cause := "its result counts as a failure"
	if err != nil {
		cause = err.Error()
	}
	if t.call != nil || !f.rests.resting(t.l.Key, now) { // otherwise many may have waited for the run
		f.rests.begin(t.l.Key, now+int64(coolDown))
		f.env.Log(ctx, slog.LevelError, "function failed; serving its last result", "function", f.spec.Name, "error", cause,
			"ageMs", freshness.Age(times(old), now).Milliseconds())
	}
	if f.spec.Owner.Get(bytesOf(t.l.Key)) == nil {
		f.keep(t.l, t.point, old)
	}
	f.count(EventStale, TierMemory)
	f.emit(ctx, t.l, f.about(old, Event{Kind: EventStale, Tier: TierMemory, Err: err}))
	return replyOf(old)
}
