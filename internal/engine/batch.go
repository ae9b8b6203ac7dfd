package engine

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// Answer is what one lookup of a batch came to.
type Answer struct {
	Reply *Reply
	Err   error
}

// sideBySide bounds how many runs of a function that computes one at a time a batch has at the same time.
const sideBySide = 16

// GetAll answers many lookups, whose keys must differ: those that memory lacks by one round trip to the backend, and what
// is missing there by one run where the function computes many at once.
func (f *Function) GetAll(ctx context.Context, ls []*Lookup) []Answer {
	answers := make([]Answer, len(ls))
	b := batch{f: f, answers: answers}
	items := make([]item, 0, len(ls))
	now := f.env.Now()
	for i, l := range ls {
		l.asked = now
		l.refPoint, l.refEpoch = f.records.begin()
		old := f.remembered(ctx, l)
		if r := f.serve(ctx, l, old, TierMemory); r != nil {
			answers[i].Reply = r
			continue
		}
		items = append(items, item{l: l, index: i, old: old})
	}
	b.open = make([]*item, len(items))
	for i := range items {
		b.open[i] = &items[i]
	}
	b.readAll(ctx)
	b.runAll(ctx)
	return answers
}

// batch is a GetAll on its way.
type batch struct {
	f       *Function
	answers []Answer
	open    []*item // without an answer
}

// item is one lookup of a batch.
type item struct {
	l     *Lookup
	index int
	old   *memory.Entry
	call  *flight.Call
	turn  *turn
	busy  *backends.LeasedError
}

// readAll reads what memory lacks, in one round trip.
func (b *batch) readAll(ctx context.Context) {
	f := b.f
	if len(b.open) == 0 || f.store == nil || f.store.open(ctx) == nil {
		return
	}
	if f.store.batch == nil {
		b.readEach(ctx)
		return
	}
	point := f.log.Begin()
	defer f.log.End(point)
	budget := f.budget(ctx, b.open[0].l)
	left := budget.Enter()
	defer budget.Leave()
	if left <= 0 || !f.records.settle(ctx, left) {
		return
	}
	keys := make([]string, len(b.open))
	for i, it := range b.open {
		if keys[i] = f.store.slot(it.l); !f.store.settle(ctx, keys[i], left) {
			return
		}
	}
	now := f.env.Now()
	mark := f.store.gen.Begin(now) // it is one read
	for _, it := range b.open {
		it.l.readAt, it.l.mark, it.l.before = now, mark, f.spec.Owner.Get(bytesOf(it.l.Key))
	}
	names, at, own := b.records()
	var rs []backends.Reading
	var errs []error
	err := f.env.Reads.Within(ctx, left, func(ctx context.Context, deadline time.Time) (err error) {
		o := backends.ReadOptions{Records: names, Clock: f.spec.TagsOf}
		if f.store.deadlines {
			o.Deadline = deadline
		} else {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline)
			defer cancel()
		}
		rs, errs, err = f.store.batch.ReadAll(ctx, keys, o)
		return err
	})
	if err != nil || len(rs) != len(keys) {
		f.store.note(err)
		return
	}
	b.take(ctx, rs, errs, at, own, point)
}

// records returns the records to read with the batch, for each open item which of them are its own, and which is the
// function's; -1: none.
func (b *batch) records() (names []string, at [][]int, own int) {
	index := map[string]int{}
	at = make([][]int, len(b.open))
	for i, it := range b.open {
		for _, name := range b.f.records.names(it.l) {
			n, there := index[name]
			if !there {
				n = len(names)
				index[name] = n
				names = append(names, name)
			}
			at[i] = append(at[i], n)
		}
	}
	own = -1
	if b.f.store.record.wanted() {
		own = len(names)
		names = append(names, backends.FunctionRecord(b.f.spec.Name))
	}
	return names, at, own
}

// take answers with what the backend has.
func (b *batch) take(ctx context.Context, rs []backends.Reading, errs []error, at [][]int, own int, point invalidation.Point) {
	f := b.f
	var open []*item
	for i, it := range b.open {
		if len(errs) == len(rs) && errs[i] != nil {
			f.store.note(errs[i])
			open = append(open, it)
			continue
		}
		r := rs[i]
		r.Records = pick(r.Records, at[i], own)
		found := f.store.interpret(ctx, it.l, r, point)
		it.l.looked = true
		if found != nil {
			f.keepRead(it.l, point, found)
			if reply := f.serve(ctx, it.l, found, TierBackend); reply != nil {
				b.answers[it.index].Reply = reply
				continue
			}
			it.old = newer(it.old, found)
		}
		open = append(open, it)
	}
	b.open = open
}

// pick returns the records of one item: its own, and last the function's where that was asked for.
func pick(all []backends.Record, at []int, asked int) []backends.Record {
	if len(at) == 0 && asked < 0 {
		return nil
	}
	picked := make([]backends.Record, 0, len(at)+1)
	for _, n := range at {
		if n < len(all) {
			picked = append(picked, all[n])
		}
	}
	if asked >= 0 && asked < len(all) {
		picked = append(picked, all[asked])
	}
	return picked
}

// readEach reads one after the other, for stores that cannot do better.
func (b *batch) readEach(ctx context.Context) {
	open := b.open[:0:0]
	for _, it := range b.open {
		r, found := b.f.readInline(ctx, it.l)
		if r != nil {
			b.answers[it.index].Reply = r
			continue
		}
		it.old = newer(it.old, found)
		open = append(open, it)
	}
	b.open = open
}

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
	if len(led) > 0 {
		go b.lead(led)
	}
	for _, it := range led {
		b.wait(ctx, it, true)
	}
	for _, it := range joined {
		b.wait(ctx, it, false)
	}
	b.runEach(ctx, alone)
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

func (b *batch) wait(ctx context.Context, it *item, leader bool) {
	o, ok := it.call.Wait(ctx, leader, nil)
	a := &b.answers[it.index]
	recursive := errors.Is(o.Err, flight.ErrDeadlock)
	if !ok || !leader && !recursive && (o.Err != nil || o.Panic != nil) && !errors.Is(o.Err, ctx.Err()) {
		// Who joined a batch that failed runs alone: the failure was perhaps another key's.
		a.Reply, a.Err = b.f.runAlone(ctx, it.l, it.old)
		return
	}
	a.Reply, a.Err = b.f.hand(ctx, o)
}

// runEach runs items one by one, some side by side.
func (b *batch) runEach(ctx context.Context, items []*item) {
	if len(items) == 0 {
		return
	}
	slots := make(chan struct{}, sideBySide)
	var wg sync.WaitGroup
	var first sync.Once
	var raised any
	var exited atomic.Bool
	for _, it := range items {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			returned := false
			defer func() {
				if r := recover(); r != nil {
					first.Do(func() { raised = r })
				} else if !returned {
					exited.Store(true)
				}
			}()
			a := &b.answers[it.index]
			a.Reply, a.Err = b.f.runOrJoin(ctx, it.l, it.old)
			returned = true
		})
	}
	wg.Wait()
	if raised != nil {
		panic(raised)
	}
	if exited.Load() { // a run ended its goroutine, as it would have ended the caller's
		runtime.Goexit()
	}
}

// lead computes what this call leads: leases for all, one run for what it got, then the rest by waiting.
func (b *batch) lead(led []*item) {
	f, run := b.f, led[0].call.Run()
	defer run.End()
	point := f.log.Begin()
	defer f.log.End(point)
	for _, it := range led {
		f.inherit(it.l)
		it.turn = &turn{f: f, call: it.call, l: it.l, point: point, old: it.old}
	}
	var o flight.Outcome
	defer func() {
		o.Alone = len(led) > 1
		for _, it := range led {
			it.call.Publish(o) // those that have an outcome keep it
		}
	}()
	defer catch(&o)()
	ctx := run.Context()
	taken, busy := b.acquire(ctx, led)
	b.runMany(ctx, taken)
	var wg sync.WaitGroup
	for _, it := range busy {
		wg.Go(func() {
			f.computing(it.call, func() flight.Outcome {
				if r := it.turn.wait(ctx, it.busy); r != nil {
					return outcome(r)
				}
				return it.turn.run(ctx, EventRun)
			})
		})
	}
	wg.Wait()
	o = flight.Outcome{Err: errors.New("the batch gave no result for the key")}
}

// acquire takes the leases of what is led, together where the store can. Those whose entry has come meanwhile are
// published.
func (b *batch) acquire(ctx context.Context, led []*item) (taken, busy []*item) {
	f := b.f
	if f.store == nil || f.store.leases == nil || f.env.Reads.Down() || f.env.Writes.Down() || f.budget(ctx, led[0].l).Left() <= 0 {
		return led, nil
	}
	keys := make([]string, len(led))
	reqs := make([]backends.LeaseRequest, len(led))
	for i, it := range led {
		keys[i] = f.store.slot(it.l)
		reqs[i] = f.env.leases.Request(f.knownRun(it.old, 0))
		it.l.readAt = f.env.Now()
		it.l.mark, it.l.before = f.store.gen.Begin(it.l.readAt), f.spec.Owner.Get(bytesOf(it.l.Key))
	}
	var got []backends.LeaseResult
	budget := f.budget(ctx, led[0].l)
	left := budget.Enter()
	err := f.store.do(ctx, left, func(ctx context.Context) (err error) {
		got, err = f.store.leases.LeaseAll(ctx, keys, reqs, backends.ReadOptions{ForWrite: true})
		return err
	})
	budget.Leave()
	if err != nil || len(got) != len(led) {
		f.store.note(err)
		for i := range reqs {
			f.store.unanswered(ctx, keys[i], reqs[i], err)
		}
		return led, nil
	}
	for i, it := range led {
		switch done := b.leased(ctx, it, got[i]); {
		case done != nil:
			it.call.Publish(outcome(done))
		case it.busy != nil:
			busy = append(busy, it)
		default:
			taken = append(taken, it)
		}
	}
	return taken, busy
}

// leased takes what became of one lease, and returns a reply where the entry has come meanwhile.
func (b *batch) leased(ctx context.Context, it *item, got backends.LeaseResult) *Reply {
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
			f.store.mark(ctx, it.l, backends.Mark{})
		case errors.As(got.Err, &marked):
			f.marks.hear(it.l.Key, marked, f.env.Now())
		}
		return nil
	}
	t.held = f.env.leases.Hold(f.store.slot(it.l), got.Lease, it.call.Run())
	if got.Err != nil {
		return nil
	}
	refs := it.l.refs
	found := f.store.interpret(ctx, it.l, got.Reading, t.point)
	it.l.refs = refs
	if r := t.adopt(ctx, it.l, found); r != nil {
		t.leaveNothing(ctx, backends.Mark{})
		return r
	}
	t.old = newer(t.old, found)
	return nil
}

// runMany runs the function for what was taken and publishes each result.
func (b *batch) runMany(ctx context.Context, taken []*item) {
	if len(taken) == 0 {
		return
	}
	f := b.f
	ls := make([]*Lookup, len(taken))
	for i, it := range taken {
		ls[i] = it.l
		f.Stats.Misses.Add(1)
		f.emit(ctx, it.l, Event{Kind: EventMiss, Reason: it.l.why})
	}
	results, began, took := b.execute(ctx, ls, taken)
	for i, it := range taken {
		res := Result{Err: errors.New("the batch function returned too few results")}
		if i < len(results) {
			res = results[i]
		}
		o := it.turn.finish(ctx, res, began, took)
		o.Alone = o.Alone || o.Err != nil && len(taken) > 1 // the failure was perhaps another key's
		it.call.Publish(o)
	}
}

// execute calls the batch function; a panic gives the leases back on its way.
func (b *batch) execute(ctx context.Context, ls []*Lookup, taken []*item) (results []Result, began int64, took time.Duration) {
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
		f.emit(ctx, nil, Event{Kind: EventRun, Duration: took, Err: err})
	}()
	results = f.spec.Many(ctx, ls)
	returned = true
	return results, began, took
}
