package engine

import (
	"context"
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/lease"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/invocation"
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
	if t.held = f.env.leases.Adopt(slot, t.call.Run()); t.held != nil {
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
	by := time.Now().Add(within)
	var reading backends.Reading
	var read bool
	h, err := f.env.leases.Claim(f.store.slot(l), from, t.call.Run(), func(from string) (backends.Lease, error) {
		lease, r, err := f.store.lease(ctx, l, from, f.env.leases.Request(f.knownRun(t.old, 0)), time.Until(by))
		reading, read = r, lease != nil
		return lease, err
	})
	if h != nil {
		t.held = h
		if read && err == nil {
			found = f.store.interpret(ctx, l, reading, t.point)
		}
		return found, nil // the lease was taken, whatever became of the read behind it
	}
	if marked := (*backends.MarkedError)(nil); errors.As(err, &marked) {
		if f.overtaken(l, marked) && !t.unmarked {
			t.unmarked = true
			f.store.mark(ctx, l, backends.Mark{}, time.Until(by))
			return t.take(ctx, "", time.Until(by))
		}
		f.marks.hear(l.Key, marked, f.env.Now())
		return nil, nil
	}
	return nil, err
}

// wait waits for the entry of the container that has the lease. It returns a reply where that answers; otherwise the turn
// has the lease, or runs without one, perhaps beside the other container.
func (t *turn) wait(ctx context.Context, busy *backends.LeasedError) *Reply {
	f, start := t.f, time.Now()
	defer func() {
		f.Stats.FleetWaits.Add(1)
		f.emit(ctx, t.l, Event{Kind: EventWait, Tier: TierBackend, Duration: time.Since(start)})
	}()
	s := &seeker{t: t}
	t.beside = f.env.leases.Wait(ctx, s, busy) == lease.Beside
	return s.reply
}

// seeker is a turn that waits for the right to run.
type seeker struct {
	t     *turn
	reply *Reply
}

func (s *seeker) Look(ctx context.Context, within time.Duration) (bool, error) {
	t := s.t
	found, err := t.f.store.findWithin(ctx, t.l, backends.ReadOptions{}, t.point, within)
	s.reply = t.adopt(ctx, t.l, found)
	return s.reply != nil, err
}

func (s *seeker) Take(ctx context.Context, from string, within time.Duration) (answered, held bool, err error) {
	t := s.t
	found, err := t.take(ctx, from, within)
	if s.reply = t.adopt(ctx, t.l, found); s.reply != nil {
		t.leaveNothing(ctx, backends.Mark{})
	}
	return s.reply != nil, t.held != nil, err
}

func (s *seeker) RunTime(said time.Duration) time.Duration { return s.t.f.knownRun(s.t.old, said) }

func (s *seeker) Budget(ctx context.Context) *invocation.Budget { return s.t.f.budget(ctx, s.t.l) }

func (s *seeker) Deadline() (time.Time, bool) { return s.t.call.Run().EarliestDeadline() }

func (s *seeker) Down() bool { return s.t.f.env.Reads.Down() }

// knownRun returns how long a run takes: as the last run of the key says, or the lease; where neither does, as recent runs
// of the function here say, or its record; zero where nobody knows. One run is a poor witness where runs differ: where the
// function's runs took longer than the key's last one, that is believed up to twice as much.
func (f *Function) knownRun(old *memory.Entry, said time.Duration) time.Duration {
	function := f.recent.longest()
	if function == 0 && f.store != nil {
		function = f.store.recordedRun()
	}
	key := said
	if old != nil && old.RunTime > 0 {
		key = time.Duration(old.RunTime)
	}
	key, function = bounded(key), bounded(function)
	if key == 0 {
		return function
	}
	return max(key, min(function, 2*key))
}

// bounded keeps what a stored entry may claim from overflowing sums.
func bounded(d time.Duration) time.Duration { return min(max(d, 0), 24*time.Hour) }

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
	return replyOf(e)
}

// leaveNothing ends a turn that leaves no entry: the lease is given back, with a mark where there is one, and what could
// not be used is deleted, once the response is out.
func (t *turn) leaveNothing(ctx context.Context, mark backends.Mark) {
	h, f, l := t.held, t.f, t.l
	t.held = nil
	h.Rest(t.flightRun())
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
			f.store.mark(ctx, l, mark, f.env.BackendTimeout)
		}
		h.Drop(ctx, mark)
	})
}
