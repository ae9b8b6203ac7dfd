package slots

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/internal/breaker"
	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/lease"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/internal/runtimeport"
)

// Marked returns the mark of a key that this container knows of.
func (e *Engine) Marked(k port.Key) port.Mark { return e.marks.get(k, e.env.Now()).kind }

// Resting reports whether a marked key need not be asked for in the backend.
func (e *Engine) Resting(k port.Key) bool {
	return e.spec.Manager == nil || e.marks.resting(k, e.env.Now(), e.spec.NearTTL)
}

// Mark marks a key, or removes its mark.
func (e *Engine) Mark(ctx context.Context, k port.Key, m port.Mark, took time.Duration) {
	if m == port.NoMark {
		if e.marks.remove(k) {
			e.later(ctx, func(ctx context.Context, d *driver) {
				_ = e.env.Writes.Do(ctx, func(ctx context.Context) error { return d.mark(ctx, e.address(k), backends.Mark{}) })
			})
		}
		return
	}
	known := e.marks.next(k, m, took, e.env.Now())
	e.marks.set(k, known)
}

// slot names a key's lease in this process.
func (e *Engine) slot(k port.Key) string { return e.spec.Name + "\x00" + e.address(k) }

// seek returns who seeks the lease of a key, with the one that this process has; nil where nobody needs one.
func (e *Engine) seek(ctx context.Context, k port.Key, run *flight.Run, took time.Duration, look func(context.Context) bool) *seeker {
	d := e.backend(ctx)
	if d == nil || d.leaser == nil || e.env.Reads.Down() || e.env.Writes.Down() || e.Marked(k) != port.NoMark {
		// Where writes fail, what the holder computes would not arrive: the fleet would wait in vain.
		return nil
	}
	s := &seeker{e: e, d: d, key: k, run: run, took: took, look: look}
	s.held = e.env.Leases.Adopt(e.slot(k), run)
	return s
}

// Claim asks once for the right to run for a key.
func (e *Engine) Claim(ctx context.Context, k port.Key, run *flight.Run, took time.Duration) port.Lease {
	s := e.seek(ctx, k, run, took, func(context.Context) bool { return false })
	if s == nil {
		return nil
	}
	if s.held == nil {
		_, _, _ = s.Take(ctx, "", e.env.BackendTimeout) // without it nobody waits
	}
	return s.lease()
}

// Lease asks for the right to run for a key, and waits for who has it.
func (e *Engine) Lease(ctx context.Context, k port.Key, run *flight.Run, took time.Duration, look func(context.Context) bool) (port.Lease, lease.Outcome) {
	s := e.seek(ctx, k, run, took, look)
	if s == nil {
		return nil, lease.Free
	}
	if s.held != nil {
		return s.lease(), lease.Free
	}
	budget := s.Budget(ctx)
	left := budget.Enter()
	answered, _, err := s.Take(ctx, "", left)
	budget.Leave()
	var busy *backends.LeasedError
	switch {
	case answered:
		return nil, lease.Answered
	case errors.Is(err, errBudget):
		return nil, lease.Beside
	case !errors.As(err, &busy):
		return s.lease(), lease.Free
	}
	e.stats.fleetWaits.Add(1)
	start := time.Now()
	o := e.env.Leases.Wait(ctx, s, busy)
	e.emit(ctx, "wait", k, nil, runtimeport.Event{Duration: time.Since(start)})
	return s.lease(), o
}

// Watch looks beside a run.
func (e *Engine) Watch(ctx context.Context, look func(context.Context) bool) bool {
	if e.backend(ctx) == nil {
		return false
	}
	return e.env.Leases.Watch(unbudgeted(ctx), func(ctx context.Context) (bool, error) {
		if look(ctx) {
			return true, nil
		}
		if e.env.Reads.Down() {
			return false, errDown
		}
		return false, nil
	})
}

var errDown = errors.New("the backend does not answer")

// seeker is a flight that wants the right to run.
type seeker struct {
	e    *Engine
	d    *driver
	key  port.Key
	run  *flight.Run
	took time.Duration
	look func(context.Context) bool
	held *lease.Held
}

// lease returns the lease that the seeker has, or nil.
func (s *seeker) lease() port.Lease {
	if s.held == nil {
		return nil
	}
	return &held{e: s.e, key: s.key, lease: s.held, run: s.run}
}

func (s *seeker) Look(ctx context.Context, within time.Duration) (bool, error) {
	if s.look(bounded(ctx, within)) {
		return true, nil
	}
	if s.Down() {
		return false, errDown
	}
	return false, nil
}

func (s *seeker) Take(ctx context.Context, from string, within time.Duration) (answered, has bool, err error) {
	if within <= 0 {
		return false, false, errBudget
	}
	by := time.Now().Add(within)
	e, slot := s.e, s.e.slot(s.key)
	h, err := e.env.Leases.Claim(slot, from, s.run, func(from string) (l backends.Lease, err error) {
		r := e.env.Leases.Request(s.RunTime(0))
		err = e.env.Reads.Within(ctx, time.Until(by), func(ctx context.Context, deadline time.Time) (err error) {
			ctx, cancel := context.WithDeadline(ctx, deadline)
			defer cancel()
			l, err = s.d.lease(ctx, e.address(s.key), from, r)
			return err
		})
		if l == nil && !errors.Is(err, backends.ErrLeased) && !errors.Is(err, backends.ErrMarked) && !errors.Is(err, breaker.ErrOpen) {
			e.env.Leases.Unsure(e.address(s.key), s.d.leaser, r) // it may have been taken
			e.env.Defer(ctx, e.env.Leases.Retry)
		}
		return l, err
	})
	if marked := (*backends.MarkedError)(nil); errors.As(err, &marked) {
		e.marks.set(s.key, knownMark{
			kind: port.Mark(marked.Mark.Kind), until: e.env.Now() + int64(marked.Left), took: marked.Mark.TTL,
		})
		return false, false, nil
	}
	if h == nil {
		return false, false, err
	}
	s.held = h
	// What the last holder wrote since this container looked is there.
	if s.look(bounded(ctx, time.Until(by))) {
		s.lease().Release(ctx, port.NoMark)
		s.held = nil
		return true, false, nil
	}
	return false, true, nil
}

func (s *seeker) RunTime(said time.Duration) time.Duration {
	if s.took > 0 {
		return min(s.took, longestRun)
	}
	return min(max(said, 0), longestRun)
}

// longestRun keeps what a lease may claim from overflowing sums.
const longestRun = 24 * time.Hour

func (s *seeker) Budget(ctx context.Context) *invocation.Budget {
	return invocation.BudgetOf(ctx, s.e.env.BackendTimeout)
}

func (s *seeker) Deadline() (time.Time, bool) { return s.run.EarliestDeadline() }

func (s *seeker) Down() bool { return s.e.env.Reads.Down() }

// held is a lease that one flight of this container uses.
type held struct {
	e     *Engine
	key   port.Key
	lease *lease.Held
	run   *flight.Run
	once  sync.Once
}

// Release gives the lease back after the response, behind what is written.
func (h *held) Release(ctx context.Context, m port.Mark, written ...<-chan struct{}) {
	h.once.Do(func() {
		h.lease.Rest(h.run)
		h.e.env.Defer(ctx, func(ctx context.Context) {
			for _, w := range written {
				if w != nil {
					<-w
				}
			}
			h.lease.Drop(ctx, h.mark(m))
		})
	})
}

// Let gives the lease back now, beside the run that goes on. The work belongs to the run's invocation, which waits for it.
func (h *held) Let(ctx context.Context, m port.Mark) {
	h.once.Do(func() {
		h.lease.Rest(h.run)
		mark, done := h.mark(m), make(chan struct{})
		go func() {
			defer close(done)
			h.lease.Drop(context.WithoutCancel(ctx), mark)
		}()
		h.e.env.Defer(ctx, func(context.Context) { <-done })
	})
}

func (h *held) mark(m port.Mark) backends.Mark {
	if m == port.NoMark {
		return backends.Mark{}
	}
	return h.e.backendMark(h.key)
}

// heardWithin is how long a mark lasts in the backend at least: those who wait for the lease ask for it every half second. A
// shorter one would be over by then, and they would wait for each other, one after another.
const heardWithin = time.Second

// backendMark is the mark of a key as the backend keeps it, in the slot of the key's lease.
func (e *Engine) backendMark(k port.Key) backends.Mark {
	now := e.env.Now()
	known := e.marks.get(k, now)
	left := time.Duration(known.until - now)
	if known.kind == port.NoMark || left < time.Millisecond {
		return backends.Mark{}
	}
	m := backends.Mark{Kind: byte(known.kind), TTL: max(left, heardWithin)}
	if h := e.heard.Load(); h != nil {
		m.Generation = h.generation
	}
	return m
}
