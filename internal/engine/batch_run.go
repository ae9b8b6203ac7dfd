package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// sideBySide bounds how many runs of a function that computes one at a time a batch has at the same time.
const sideBySide = 16

// runAll answers what is left by runs: first those that this call leads, which are published before anything waits for
// the keys of others, so that no two batches wait for each other.
func (b *batch) runAll(ctx context.Context) {
	if len(b.open) == 0 {
		return
	}
	if b.f.spec.Many == nil {
		b.runEach(ctx, b.open)
		return
	}
	led, joined, alone := b.begin(ctx)
	begun, waited, began := slices.Concat(led, joined), 0, time.Now()
	defer func() { // a panic, or runtime.Goexit: nobody waits for the rest
		for i := waited; i < len(begun); i++ {
			begun[i].leave(ctx, i < len(led))
		}
	}()
	if len(led) > 0 {
		point := b.f.log.Begin()
		for _, it := range led {
			if b.f.log.Void(it.l.Key, b.point) {
				it.old = nil
			}
		}
		go b.lead(led, point)
	}
	for waited < len(begun) {
		it, leader := begun[waited], waited < len(led)
		waited++
		b.wait(ctx, it, began, leader)
	}
	b.runEach(ctx, alone)
}

// leave takes the batch off a call that it has joined, or leads, and does not wait for.
func (it *item) leave(ctx context.Context, leader bool) {
	switch {
	case it.call.Ended():
	case leader:
		it.call.LeaveLed(ctx)
	default:
		it.call.Leave(ctx)
	}
}

// begin begins or joins the flights of what is open.
func (b *batch) begin(ctx context.Context) (led, joined, alone []*item) {
	var keys []string
	var flying []*item
	for _, it := range b.open {
		if b.f.marks.private(it.l.Key, b.f.env.Now()) || it.l.Arg == Shared {
			alone = append(alone, it)
			continue
		}
		keys, flying = append(keys, it.l.Key), append(flying, it)
	}
	calls, leads := b.f.flights.BeginAll(ctx, keys)
	for i, it := range flying {
		it.call = calls[i]
		if leads[i] {
			led = append(led, it)
		} else {
			b.f.Stats.Waits.Add(1)
			joined = append(joined, it)
		}
	}
	return led, joined, alone
}

// wait answers an item by the call that it joined, or leads, for which the batch waits since began.
func (b *batch) wait(ctx context.Context, it *item, began time.Time, leader bool) {
	o, ok := b.f.await(ctx, it.call, it.l, it.old, began, leader, nil)
	recursive := errors.Is(o.Err, flight.ErrDeadlock)
	if !ok || !leader && !recursive && (o.Err != nil || o.Panic != nil) && !errors.Is(o.Err, ctx.Err()) {
		// Who joined a batch that failed runs alone: the failure was perhaps another key's.
		r, err := b.f.runAlone(ctx, it.l, it.old)
		b.answer(it, r, err)
		return
	}
	if !leader && b.f.outdated(o) {
		r, err := b.f.runOrJoin(ctx, it.l, nil)
		b.answer(it, r, err)
		return
	}
	if !leader {
		if r := b.f.standInJoined(ctx, it.l, it.old, o); r != nil {
			b.answer(it, r, nil)
			return
		}
	}
	r, err := b.f.hand(ctx, o)
	b.answer(it, r, err)
}

// runEach runs items one by one, some side by side.
func (b *batch) runEach(ctx context.Context, items []*item) {
	if len(items) == 0 {
		return
	}
	var all crowd
	slots := make(chan struct{}, sideBySide)
	for _, it := range items {
		slots <- struct{}{}
		if err := ctx.Err(); err != nil && it.l.Arg != Shared { // the call would leave its run at once, and make room for the next
			<-slots
			b.answer(it, nil, err)
			continue
		}
		all.Go(func() {
			defer func() { <-slots }()
			r, err := b.f.runOrJoin(ctx, it.l, it.old)
			b.answer(it, r, err)
		})
	}
	all.Wait()
}

// lead computes what this call leads: leases for all, one run for what it got, then the rest by waiting.
func (b *batch) lead(led []*item, point invalidation.Point) {
	b.computing(led, point, func(ctx context.Context) {
		for _, it := range led {
			it.turn.old = it.old
		}
		rest := b.missing(ctx, led)
		if len(rest) == 0 {
			return
		}
		taken, busy := b.acquire(ctx, rest)
		b.runMany(ctx, taken, EventRun)
		var wg sync.WaitGroup
		for _, it := range busy {
			wg.Go(func() {
				b.f.computing(it.call, func() flight.Outcome {
					if r := it.turn.wait(ctx, it.busy); r != nil {
						return outcome(r)
					}
					return it.turn.run(ctx, EventRun)
				})
			})
		}
		wg.Wait()
	})
}

// computing gives each item that the batch leads a turn, and publishes what compute leaves without an outcome, also where
// it panics or ends its goroutine.
func (b *batch) computing(led []*item, point invalidation.Point, compute func(ctx context.Context)) {
	f, run := b.f, led[0].call.Run()
	defer run.End()
	defer f.log.End(point)
	for _, it := range led {
		f.inherit(it.l)
		it.turn = &turn{f: f, call: it.call, l: it.l, point: point}
	}
	var o flight.Outcome
	defer func() {
		o.Alone = len(led) > 1
		for _, it := range led {
			it.call.Publish(o) // those that have an outcome keep it
		}
	}()
	defer catch(&o)()
	compute(run.Context())
	o = flight.Outcome{Err: errNoResult}
}

var errNoResult = errors.New("the batch gave no result for the key")

// missing publishes what the runs before this one, which have just ended, have left in memory, and returns the rest.
func (b *batch) missing(ctx context.Context, led []*item) (rest []*item) {
	for _, it := range led {
		if e := b.f.Fresh(bytesOf(it.l.Key)); e != nil {
			if r := b.f.serve(ctx, it.l, e, TierMemory); r != nil { // unless the entry has expired between the two
				it.call.Publish(outcome(r))
				continue
			}
		}
		rest = append(rest, it)
	}
	return rest
}

// acquire takes the leases of what is led, together where the store can. Those whose entry has come meanwhile are
// published.
func (b *batch) acquire(ctx context.Context, led []*item) (taken, busy []*item) {
	if !b.leases() || b.budget(ctx).Left() <= 0 {
		return led, nil
	}
	budget := b.budget(ctx)
	left := budget.Enter()
	defer budget.Leave() // what is found behind the leases may need records
	got := b.leaseAll(ctx, led, left)
	if got == nil {
		return led, nil
	}
	entries := b.behind(ctx, led, got)
	for i, it := range led {
		found := entries[i]
		if it.busy != nil {
			busy = append(busy, it)
			continue
		}
		if r := it.turn.adopt(ctx, it.l, found); r != nil {
			it.turn.leaveNothing(ctx, backends.Mark{})
			it.call.Publish(outcome(r))
			continue
		}
		it.turn.old = newer(it.turn.old, found)
		taken = append(taken, it)
	}
	return taken, busy
}

// leases reports whether leases of several keys are to be had.
func (b *batch) leases() bool {
	f := b.f
	return f.store != nil && f.store.leases != nil && !f.env.Reads.Down() && !f.env.Writes.Down()
}

// leaseAll tries once to take the leases of all items. It returns nil where the backend has no answer.
func (b *batch) leaseAll(ctx context.Context, led []*item, within time.Duration) (got []backends.LeaseResult) {
	f := b.f
	keys := make([]string, len(led))
	reqs := make([]backends.LeaseRequest, len(led))
	for i, it := range led {
		keys[i] = f.store.slot(it.l)
		reqs[i] = f.env.leases.Request(f.knownRun(it.old, 0))
		it.l.readAt, it.l.by, it.l.owed = f.env.Now(), time.Now().Add(within), f.store.owes(keys[i])
		it.l.mark, it.l.before = f.store.gen.Begin(it.l.readAt), f.spec.Owner.Get(bytesOf(it.l.Key))
	}
	err := f.store.do(ctx, within, func(ctx context.Context) (err error) {
		got, err = f.store.leases.LeaseAll(ctx, keys, reqs, backends.ReadOptions{ForWrite: true, Clock: f.spec.TagsOf})
		return err
	})
	if err == nil && len(got) == len(led) {
		return got
	}
	f.store.note(err)
	for i := range reqs {
		f.store.unanswered(ctx, keys[i], reqs[i], err)
	}
	return nil
}

// behind takes note of what became of leases, and returns the entries behind them that may be used.
func (b *batch) behind(ctx context.Context, led []*item, got []backends.LeaseResult) []*memory.Entry {
	read := make([]bool, len(led))
	for i, it := range led {
		read[i] = b.leased(ctx, it, got[i])
	}
	return b.f.findAll(ctx, led, led[0].l.by, func(i int) *memory.Entry {
		if !read[i] {
			return nil
		}
		l := led[i].l
		refs := l.refs
		defer func() { l.refs = refs }()
		return b.f.store.interpret(ctx, l, got[i].Reading, led[i].turn.point)
	})
}

// leased takes note of what became of one lease, and reports whether the slot was read behind it.
func (b *batch) leased(ctx context.Context, it *item, got backends.LeaseResult) (read bool) {
	f, t := b.f, it.turn
	if got.Lease == nil {
		var busy *backends.LeasedError
		var marked *backends.MarkedError
		switch {
		case errors.As(got.Err, &busy) && f.env.leases.Own(busy.Holder):
			t.held = f.env.leases.Adopt(f.store.slot(it.l), it.call.Run())
		case errors.As(got.Err, &busy):
			it.busy = busy
		case errors.As(got.Err, &marked) && f.overtaken(it.l, marked):
			f.store.mark(ctx, it.l, backends.Mark{}, time.Until(it.l.by))
		case errors.As(got.Err, &marked):
			f.marks.hear(it.l.Key, marked, f.env.Now())
		}
		return false
	}
	t.held = f.env.leases.Hold(f.store.slot(it.l), got.Lease, it.call.Run())
	return got.Err == nil
}

// runMany runs the function for what was taken and publishes each result.
func (b *batch) runMany(ctx context.Context, taken []*item, kind Kind) {
	if len(taken) == 0 {
		return
	}
	f := b.f
	ls := make([]*Lookup, len(taken))
	for i, it := range taken {
		ls[i] = it.l
		if kind == EventRun {
			f.Stats.Misses.Add(1)
			f.emit(ctx, it.l, Event{Kind: EventMiss, Reason: it.l.why})
		}
	}
	results, began, took := b.execute(ctx, ls, taken, kind)
	for i, it := range taken {
		res := Result{Err: errors.New("the batch function returned too few results")}
		if i < len(results) {
			res = results[i]
		}
		o := it.turn.finish(ctx, res, began, took)
		it.unkept = it.turn.unkept(o)
		o.Alone = o.Alone || o.Err != nil && len(taken) > 1 // the failure was perhaps another key's
		it.call.Publish(o)
	}
}

// execute calls the batch function; a panic gives the leases back on its way.
func (b *batch) execute(ctx context.Context, ls []*Lookup, taken []*item, kind Kind) (results []Result, began int64, took time.Duration) {
	f, start, returned := b.f, time.Now(), false
	began = f.env.Now()
	if f.spec.Progress != nil {
		defer f.spec.Progress(ctx)()
	}
	defer func() {
		took = time.Since(start)
		var err error
		if !returned {
			err = errors.New("panic")
			for _, it := range taken {
				it.turn.leaveNothing(ctx, backends.Mark{})
			}
			f.Stats.Errors.Add(1)
		}
		f.Stats.Runs.Add(1)
		f.emit(ctx, nil, Event{Kind: kind, Duration: took, Err: err})
	}()
	results = f.spec.Many(ctx, ls)
	returned = true
	return results, began, took
}
