package slots

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/httpcache/internal/port"
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

// held is a lease that this container has, renewed until it is given back.
type held struct {
	e     *Engine
	key   port.Key
	lease backends.Lease
	stop  context.CancelFunc
	done  chan struct{}
	once  sync.Once
}

// Lease asks for the right to run for a key, and waits for who has it.
func (e *Engine) Lease(ctx context.Context, k port.Key, runTime time.Duration) (port.Lease, port.Slot) {
	none := port.Slot{Key: k}
	d := e.backend(ctx)
	if d == nil || e.env.Writes.Down() || e.Marked(k) != port.NoMark {
		return nil, none
	}
	w := waiting{e: e, d: d, key: k, until: time.Now().Add(e.patience(ctx, runTime))}
	for {
		l, busy := w.try(ctx, runTime)
		if l != nil {
			// What the last holder wrote since this container looked is there.
			return l, e.Reread(ctx, k)[0]
		}
		if !busy {
			return nil, none
		}
		w.count()
		slot, over := w.wait(ctx)
		if over || slot.Entry != nil {
			return nil, slot
		}
	}
}

// patience is how long to wait for another container: its run's expected length with a quarter to spare where that is
// known, else a backend timeout; and never so long that the own run could not be done in time.
func (e *Engine) patience(ctx context.Context, runTime time.Duration) time.Duration {
	patience := e.env.BackendTimeout
	if runTime > 0 {
		patience = runTime + runTime/4
	}
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		patience = min(patience, max(0, left-runTime-runTime/2), left/2)
	}
	return patience
}

// waiting is the wait for one key's holder.
type waiting struct {
	e       *Engine
	d       *driver
	key     port.Key
	until   time.Time
	pause   time.Duration
	counted bool
}

func (w *waiting) count() {
	if !w.counted {
		w.counted = true
		w.e.stats.fleetWaits.Add(1)
	}
}

// try takes the lease where it is free; busy says that another container has it.
func (w *waiting) try(ctx context.Context, runTime time.Duration) (l *held, busy bool) {
	var lease backends.Lease
	err := w.e.reads(ctx, func(ctx context.Context) (err error) {
		lease, err = w.d.lease(ctx, w.e.address(w.key), w.e.env.LeaseTTL, runTime)
		return err
	})
	var marked *backends.MarkedError
	if errors.As(err, &marked) {
		w.e.marks.set(w.key, knownMark{
			kind: port.Mark(marked.Mark.Kind), until: w.e.env.Now() + int64(marked.Left), took: marked.Mark.TTL,
		})
	}
	if err != nil || lease == nil {
		return nil, errors.Is(err, backends.ErrLeased)
	}
	return w.e.hold(ctx, w.key, lease), false
}

const (
	firstPause   = 5 * time.Millisecond
	longestPause = 100 * time.Millisecond
)

// wait pauses and looks. It returns the entry where it is there now, and whether waiting is over.
func (w *waiting) wait(ctx context.Context) (port.Slot, bool) {
	w.pause = min(max(firstPause, w.pause*2), longestPause)
	pause := min(w.pause, time.Until(w.until))
	if pause <= 0 {
		return port.Slot{Key: w.key}, true
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return port.Slot{Key: w.key}, true
	case <-t.C:
	}
	return w.e.Reread(ctx, w.key)[0], false
}

// hold renews the lease until it is given back.
func (e *Engine) hold(ctx context.Context, k port.Key, lease backends.Lease) *held {
	h := &held{e: e, key: k, lease: lease, done: make(chan struct{})}
	// The renewal outlives the callers' contexts: the lease is given back by whoever took it, not by a timeout.
	var renewal context.Context
	renewal, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	go h.renew(renewal)
	return h
}

func (h *held) renew(ctx context.Context) {
	defer close(h.done)
	ttl := h.e.env.LeaseTTL
	tick := time.NewTicker(ttl / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err := h.e.env.Reads.Do(ctx, func(ctx context.Context) error { return h.lease.Renew(ctx, ttl) })
			if errors.Is(err, backends.ErrLeaseLost) {
				return // another container has taken it: it runs as well, which costs, but is not wrong
			}
		}
	}
}

// Release gives the lease back after the response, behind what is written.
func (h *held) Release(ctx context.Context, m port.Mark, written ...<-chan struct{}) {
	h.once.Do(func() {
		h.stop()
		h.e.env.Defer(ctx, func(ctx context.Context) {
			for _, w := range written {
				if w != nil {
					<-w
				}
			}
			h.giveBack(ctx, m)
		})
	})
}

// Let gives the lease back now, beside the run that goes on. The work belongs to the run's invocation, which waits for it.
func (h *held) Let(ctx context.Context, m port.Mark) {
	h.once.Do(func() {
		h.stop()
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.giveBack(context.WithoutCancel(ctx), m)
		}()
		h.e.env.Defer(ctx, func(context.Context) { <-done })
	})
}

func (h *held) giveBack(ctx context.Context, m port.Mark) {
	<-h.done
	mark := backends.Mark{}
	if m != port.NoMark {
		mark = h.e.backendMark(h.key)
	}
	release := func(ctx context.Context) error { return h.lease.Release(ctx, mark) }
	if err := h.e.env.Writes.Do(ctx, release); err != nil { // it lapses by itself; one more try spares others the wait
		_ = h.e.env.Writes.Do(ctx, release)
	}
}

// backendMark is the mark of a key as the backend keeps it, in the slot of the key's lease.
func (e *Engine) backendMark(k port.Key) backends.Mark {
	now := e.env.Now()
	known := e.marks.get(k, now)
	left := time.Duration(known.until - now)
	if known.kind == port.NoMark || left < time.Millisecond {
		return backends.Mark{}
	}
	m := backends.Mark{Kind: byte(known.kind), TTL: left}
	if h := e.heard.Load(); h != nil {
		m.Generation = h.generation
	}
	return m
}
