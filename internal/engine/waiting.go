package engine

import (
	"context"
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// The pauses between two looks at the backend while another container runs.
const (
	firstPause = 5 * time.Millisecond
	longPause  = 250 * time.Millisecond
	// leaseEvery is how often the lease itself is asked for meanwhile: it is a write, and on S3 writes cost.
	leaseEvery = 500 * time.Millisecond
)

// acquire gets the right to run, or waits for what the container with that right computes. It returns a reply where that
// answers; otherwise the turn has the lease, or runs without one.
func (t *turn) acquire(ctx context.Context) *Reply {
	f, l := t.f, t.l
	if f.store.leaser == nil || t.beside || f.env.Reads.Down() || f.env.Writes.Down() {
		// Where writes fail, what the holder computes would not arrive: the fleet would wait in vain.
		return nil
	}
	slot := f.store.slot(l)
	if t.held = f.env.leases.adopt(slot, t.call.Run()); t.held != nil {
		return nil
	}
	left := f.budget(ctx, l).Enter()
	found, err := t.take(ctx, "", left)
	f.budget(ctx, l).Leave()
	if r := t.adopt(ctx, l, found); r != nil {
		t.leaveNothing(ctx, backends.Mark{})
		return r
	}
	t.old = newer(t.old, found)
	var busy *backends.LeasedError
	if errors.As(err, &busy) {
		return t.wait(ctx, busy)
	}
	t.beside = errors.Is(err, errBudget)
	return nil
}

// take tries once to take the lease and reads the slot behind it. from names the holder whose lease is taken over.
func (t *turn) take(ctx context.Context, from string, within time.Duration) (found *memory.Entry, err error) {
	f, l := t.f, t.l
	if within <= 0 {
		return nil, errBudget
	}
	req := backends.LeaseRequest{Token: f.env.leases.token(), TTL: f.env.LeaseTTL, RunTime: f.knownRun(t.old, 0)}
	lease, reading, err := f.store.lease(ctx, l, from, req, within)
	if lease != nil {
		t.held = f.env.leases.hold(f.env, f.store.slot(l), lease, t.call.Run())
		if err == nil {
			found = f.store.interpret(ctx, l, reading, t.point)
		}
		return found, nil // the lease was taken, whatever became of the read behind it
	}
	var busy *backends.LeasedError
	var marked *backends.MarkedError
	switch {
	case errors.As(err, &busy) && from == "" && f.env.leases.own(busy.Holder):
		// An attempt of this process whose answer was lost, or a run that has just ended.
		if t.held = f.env.leases.adopt(f.store.slot(l), t.call.Run()); t.held != nil {
			return nil, nil
		}
		return t.take(ctx, busy.Holder, within)
	case errors.As(err, &marked):
		f.marks.hear(l.Key, marked, f.env.Now())
		return nil, nil
	}
	return nil, err
}

// wait waits for the entry of the container that has the lease. The rule (semantics S5): until the expected end of the
// holder's run with a quarter to spare, and only as long as a run of its own could still begin and be done in time, with
// half as much again to spare. Where no run time is known, for what is left of the invocation's budget. When the time is
// up, one of those who wait takes the lease over; the others wait for that one by the same rule.
func (t *turn) wait(ctx context.Context, busy *backends.LeasedError) *Reply {
	f, start := t.f, time.Now()
	defer func() {
		f.Stats.FleetWaits.Add(1)
		f.emit(ctx, t.l, Event{Kind: EventWait, Tier: TierBackend, Duration: time.Since(start)})
	}()
	for {
		p := t.patience(ctx, busy, start)
		r, next, done := t.waitFor(ctx, busy, p)
		if r != nil || done {
			return r
		}
		if next != nil { // another container has it now
			busy = next
			continue
		}
		if !p.known || !p.mayTakeOver() || ctx.Err() != nil {
			t.beside = true
			return nil
		}
		found, err := t.take(ctx, busy.Holder, f.env.BackendTimeout)
		if r := t.adopt(ctx, t.l, found); r != nil {
			t.leaveNothing(ctx, backends.Mark{})
			return r
		}
		var other *backends.LeasedError
		if !errors.As(err, &other) {
			t.beside = t.held != nil // the former holder may be slow, not dead
			return nil
		}
		busy = other
	}
}

// patience is how long to wait for a holder.
type patience struct {
	known  bool          // how long a run takes
	run    time.Duration // that
	until  time.Time
	latest time.Time // a run of its own must have begun by then; zero: no deadline
}

func (p patience) mayTakeOver() bool { return p.latest.IsZero() || time.Now().Before(p.latest) }

func (t *turn) patience(ctx context.Context, busy *backends.LeasedError, start time.Time) patience {
	f, now := t.f, time.Now()
	p := patience{run: f.knownRun(t.old, busy.RunTime)}
	p.known = p.run > 0
	deadline, bounded := t.call.Run().EarliestDeadline()
	switch {
	case p.known:
		p.until = now.Add(p.run + p.run/4 - busy.Age)
		if bounded {
			p.latest = deadline.Add(-p.run - p.run/2)
		} else {
			p.latest = start.Add(f.env.MaxWait)
		}
		if p.latest.Before(p.until) {
			p.until = p.latest
		}
	default:
		p.until = now.Add(f.budget(ctx, t.l).Left())
	}
	return p
}

// knownRun returns how long a run takes: from the last run of the key, what the lease says, the last run of the function
// here, or its record; zero where nobody knows.
func (f *Function) knownRun(old *memory.Entry, said time.Duration) time.Duration {
	if old != nil && old.RunTime > 0 {
		return bounded(time.Duration(old.RunTime))
	}
	if said > 0 {
		return bounded(said)
	}
	if d := f.lastRun.Load(); d > 0 {
		return bounded(time.Duration(d))
	}
	if f.store != nil {
		return bounded(f.store.recordedRun())
	}
	return 0
}

// bounded keeps what a stored entry may claim from overflowing sums.
func bounded(d time.Duration) time.Duration { return min(max(d, 0), 24*time.Hour) }

// waitFor waits for one holder. It returns a reply; or the next holder; or done, where the turn has the lease or waiting
// is of no use any more.
func (t *turn) waitFor(ctx context.Context, busy *backends.LeasedError, p patience) (r *Reply, next *backends.LeasedError, done bool) {
	f, l := t.f, t.l
	if !p.known {
		b := f.budget(ctx, l)
		b.Enter()
		defer b.Leave()
	}
	pause, sinceLease := firstPause, time.Duration(0)
	for {
		left := time.Until(p.until)
		if left <= 0 || !sleep(ctx, min(pause, left)) {
			return nil, nil, ctx.Err() != nil
		}
		found, err := f.store.findWithin(ctx, l, backends.ReadOptions{}, t.point, f.env.BackendTimeout)
		if r := t.adopt(ctx, l, found); r != nil {
			return r, nil, true
		}
		if err != nil && f.env.Reads.Down() {
			return nil, nil, true
		}
		if sinceLease += pause; sinceLease >= min(leaseEvery, f.env.LeaseTTL/4) {
			sinceLease = 0
			if r, next, done = t.tryAgain(ctx, busy); r != nil || next != nil || done {
				return r, next, done
			}
		}
		pause = f.env.longer(pause)
	}
}

// tryAgain asks whether the lease came free without an entry: its holder failed, or died.
func (t *turn) tryAgain(ctx context.Context, busy *backends.LeasedError) (r *Reply, next *backends.LeasedError, done bool) {
	found, err := t.take(ctx, "", t.f.env.BackendTimeout)
	if r = t.adopt(ctx, t.l, found); r != nil {
		t.leaveNothing(ctx, backends.Mark{})
		return r, nil, true
	}
	var other *backends.LeasedError
	switch {
	case errors.As(err, &other):
		if other.Holder != busy.Holder {
			return nil, other, false
		}
		return nil, nil, false
	default: // the lease, a mark, or a backend that fails
		return nil, nil, true
	}
}

// adopt answers with an entry that another container has made meanwhile: a fresh one, or one whose run ended after the
// lookup began. The latter is what whoever joins a run in its own container gets, too: with a ttl shorter than a run no
// entry would ever be fresh when it can be read, and those who wait would run one after the other.
func (t *turn) adopt(ctx context.Context, l *Lookup, e *memory.Entry) *Reply {
	if e == nil {
		return nil
	}
	f := t.f
	state := f.spec.Policy.State(times(e), f.env.Now())
	ended := freshness.Add(e.Created, time.Duration(e.RunTime)) // or so it says
	if now := f.env.Now(); state > freshness.RefreshAhead && (ended < l.asked || ended > now+int64(time.Second)) {
		return nil
	}
	f.keepRead(l, t.point, e)
	f.Stats.BackendHits.Add(1)
	f.emit(ctx, l, f.about(e, Event{Kind: EventHit, Tier: TierBackend}))
	return &Reply{Value: e.Value, refs: e.Refs}
}

// leaveNothing ends a turn that leaves no entry: the lease is given back, with a mark where there is one, and what could
// not be used is deleted, once the response is out.
func (t *turn) leaveNothing(ctx context.Context, mark backends.Mark) {
	h, f, l := t.held, t.f, t.l
	t.held = nil
	h.rest()
	if f.store == nil {
		return
	}
	bad := l.bad && l.seen != backends.Absent
	unled := h == nil && mark.Kind != 0 && f.store.leaser != nil
	if h == nil && !bad && !unled {
		return
	}
	f.env.Defer(ctx, func(ctx context.Context) {
		if bad {
			f.store.deleteBad(ctx, l)
		}
		if unled {
			f.store.mark(ctx, l, mark)
		}
		h.drop(ctx, mark)
	})
}

// longer is the pause after the next look.
func (env *Env) longer(pause time.Duration) time.Duration {
	pause = min(pause*3/2, longPause)
	return pause + time.Duration(env.Spread(int64(pause)/4+1))
}

// sleep waits for d; it reports false when the context ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
