package lease

import (
	"context"
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// The pauses between two looks at the backend while another container runs.
const (
	firstPause = 5 * time.Millisecond
	// LongPause is the longest of them.
	LongPause = 250 * time.Millisecond
	// leaseEvery is how often the lease itself is asked for meanwhile: it is a write, and on S3 writes cost.
	leaseEvery = 500 * time.Millisecond
)

// Claim tries once to take a lease for a run, over from a holder where from names one. take asks the store. A lease that
// this process holds already is used by one more run; one whose answer was lost, or whose run has just ended, is taken over.
// A Held is returned whenever there is one; then the error says something of the read behind the lease only.
func (ls *Leases) Claim(slot, from string, run Run, take func(from string) (backends.Lease, error)) (*Held, error) {
	l, err := take(from)
	var busy *backends.LeasedError
	if l == nil && from == "" && errors.As(err, &busy) && ls.Own(busy.Holder) {
		if h := ls.Adopt(slot, run); h != nil {
			return h, nil
		}
		l, err = take(busy.Holder)
	}
	if l == nil {
		return nil, err
	}
	return ls.Hold(slot, l, run), err
}

// Request returns the request of one more attempt.
func (ls *Leases) Request(runTime time.Duration) backends.LeaseRequest {
	return backends.LeaseRequest{Token: ls.Token(), TTL: ls.ttl, RunTime: runTime}
}

// Seeker is a lookup that wants the right to run, while another container has it.
type Seeker interface {
	// Look asks the backend once; answered says that what it holds answers the lookup.
	Look(ctx context.Context, within time.Duration) (answered bool, err error)
	// Take tries once to take the lease, over from a holder where from names one, and looks at the slot behind it. held says
	// that the lookup has it. The error matches backends.ErrLeased where another container has it.
	Take(ctx context.Context, from string, within time.Duration) (answered, held bool, err error)
	// RunTime returns how long a run takes, zero where nobody knows. said is what the lease says.
	RunTime(said time.Duration) time.Duration
	// Budget is what the invocation may spend before runs.
	Budget(ctx context.Context) *invocation.Budget
	// Deadline is the earliest deadline of those who want the result.
	Deadline() (at time.Time, ok bool)
	// Down reports whether the backend cannot be asked now.
	Down() bool
}

// Outcome is what waiting came to.
type Outcome uint8

// The outcomes.
const (
	// Answered: the backend had the answer.
	Answered Outcome = iota
	// Free: the lookup may run: it has the lease, or needs none.
	Free
	// Beside: the lookup runs while another container may be about to write the answer; see [Leases.Watch].
	Beside
)

// Wait waits for what the container with the lease computes. The rule (semantics S5): until the expected end of the
// holder's run with a quarter to spare, and only as long as a run of its own could still begin and be done in time, with
// half as much again to spare. Where no run time is known, for what is left of the invocation's budget. When the time is
// up, one of those who wait takes the lease over; the others wait for that one by the same rule.
func (ls *Leases) Wait(ctx context.Context, s Seeker, busy *backends.LeasedError) Outcome {
	w := wait{ls: ls, s: s, start: time.Now()}
	for {
		p := w.patience(ctx, busy)
		next, o, done := w.forHolder(ctx, busy, p)
		if done {
			return o
		}
		if next != nil { // another container has it now
			busy = next
			continue
		}
		if !p.known || !p.mayTakeOver() || ctx.Err() != nil {
			return Beside
		}
		answered, held, err := s.Take(ctx, busy.Holder, ls.within(p))
		if answered {
			return Answered
		}
		var other *backends.LeasedError
		if !errors.As(err, &other) {
			if held {
				return Beside // the former holder may be slow, not dead
			}
			return Free
		}
		busy = other
	}
}

type wait struct {
	ls    *Leases
	s     Seeker
	start time.Time
}

// patience is how long to wait for a holder.
type patience struct {
	known  bool // how long a run takes
	until  time.Time
	latest time.Time // a run of its own must have begun by then; zero: no deadline
}

// within is how long one request may take: a backend that does not answer any more must not keep a run from its time.
func (ls *Leases) within(p patience) time.Duration {
	switch {
	case !p.known:
		return min(ls.timeout, time.Until(p.until))
	case !p.latest.IsZero():
		return min(ls.timeout, time.Until(p.latest))
	}
	return ls.timeout
}

func (p patience) mayTakeOver() bool { return p.latest.IsZero() || time.Now().Before(p.latest) }

func (w *wait) patience(ctx context.Context, busy *backends.LeasedError) patience {
	now, run := time.Now(), w.s.RunTime(busy.RunTime)
	p := patience{known: run > 0}
	if !p.known {
		p.until = now.Add(w.s.Budget(ctx).Left())
		return p
	}
	p.until = now.Add(run + run/4 - busy.Age)
	if deadline, bounded := w.s.Deadline(); bounded {
		p.latest = deadline.Add(-run - run/2)
	} else {
		p.latest = w.start.Add(w.ls.maxWait)
	}
	if p.latest.Before(p.until) {
		p.until = p.latest
	}
	return p
}

// forHolder waits for one holder. It returns the next holder, or what waiting came to where it is done; neither where the
// time is up.
func (w *wait) forHolder(ctx context.Context, busy *backends.LeasedError, p patience) (next *backends.LeasedError, o Outcome, done bool) {
	if !p.known {
		b := w.s.Budget(ctx)
		b.Enter()
		defer b.Leave()
	}
	pause, sinceLease := firstPause, time.Duration(0)
	for {
		left := time.Until(p.until)
		if left <= 0 || !sleep(ctx, min(pause, left)) {
			return nil, Free, ctx.Err() != nil
		}
		within := w.ls.within(p)
		if within <= 0 {
			return nil, Free, false
		}
		answered, err := w.s.Look(ctx, within)
		if answered {
			return nil, Answered, true
		}
		if err != nil && w.s.Down() {
			return nil, Free, true
		}
		sinceLease += pause
		if within = w.ls.within(p); within > 0 && sinceLease >= min(leaseEvery, w.ls.ttl/4) {
			sinceLease = 0
			if next, o, done = w.again(ctx, busy, within); next != nil || done {
				return next, o, done
			}
		}
		pause = w.ls.longer(pause)
	}
}

// again asks whether the lease came free without an entry: its holder failed, or died.
func (w *wait) again(ctx context.Context, busy *backends.LeasedError, within time.Duration) (next *backends.LeasedError, o Outcome, done bool) {
	answered, _, err := w.s.Take(ctx, "", within)
	if answered {
		return nil, Answered, true
	}
	var other *backends.LeasedError
	switch {
	case !errors.As(err, &other): // the lease, a mark, or a backend that fails
		return nil, Free, true
	case other.Holder != busy.Holder:
		return other, Free, false
	}
	return nil, Free, false
}

// Watch looks again and again, beside a run, until the backend has the answer; it reports false when ctx ends or the backend
// fails.
func (ls *Leases) Watch(ctx context.Context, look func(context.Context) (answered bool, err error)) bool {
	for pause := firstPause; ; pause = ls.longer(pause) {
		answered, err := look(ctx)
		if answered {
			return true
		}
		if err != nil || !sleep(ctx, pause) {
			return false
		}
	}
}

// longer is the pause after the next look.
func (ls *Leases) longer(pause time.Duration) time.Duration {
	pause = min(pause*3/2, LongPause)
	return pause + time.Duration(ls.spread(int64(pause)/4+1))
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
