// Package breaker stands between the cache and its backend, so that a backend that is down, slow or refusing costs a
// call little and fails none: every operation is bounded in time, a breaker (sony/gobreaker) stops trying after a few
// failures in a row and probes now and then, and an outage is reported once, not once per call.
package breaker

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/stillwarm/stillwarm/backends"
)

// ErrOpen is returned without trying while the breaker is open.
var ErrOpen = errors.New("the backend is not asked: it failed repeatedly")

const (
	failuresInARow = 3               // open the breaker
	probeAfter     = 2 * time.Second // a closed breaker again within a few seconds of the backend's return
	probePermanent = 30 * time.Second
	// calm is how long nothing must have failed before an outage counts as over: a backend that answers every other
	// time is one outage, not hundreds.
	calm = 3 * time.Second
	// share is the part of an invocation's remaining time that one operation may take: a call that waits for a
	// backend must still have time to run its function.
	share = 4
)

// errNeutral is what the breaker is told of an operation that says nothing about the backend.
var errNeutral = errors.New("neutral")

// Breaker bounds and breaks one direction, reads or writes: a backend that can be read but not written must not look
// as if it came back with every read. It is safe for concurrent use.
type Breaker struct {
	timeout  time.Duration
	onChange func(ctx context.Context, err error)

	breaker  atomic.Pointer[gobreaker.CircuitBreaker[struct{}]]
	down     atomic.Bool  // the last operation failed
	told     atomic.Bool  // an outage was told, and not yet its end
	failedAt atomic.Int64 // the last failure
	restTill atomic.Int64 // after a permanent failure: no probe before
}

// New returns a breaker that bounds each operation by timeout. onChange is called when an outage begins, with its first
// error, and when it is over, with nil: at the first success after a while without failures.
func New(timeout time.Duration, onChange func(ctx context.Context, err error)) *Breaker {
	g := &Breaker{timeout: timeout, onChange: onChange}
	g.breaker.Store(closed())
	return g
}

// closed returns a breaker that lets everything through until it has seen failures.
func closed() *gobreaker.CircuitBreaker[struct{}] {
	return gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     probeAfter,
		IsExcluded:  func(err error) bool { return errors.Is(err, errNeutral) },
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failuresInARow },
	})
}

// Reset forgets an outage, without a word: the next operation is tried. Tests that end an outage need not wait.
func (g *Breaker) Reset() {
	g.breaker.Store(closed())
	g.restTill.Store(0)
	g.down.Store(false)
	g.told.Store(false)
}

// Down reports whether the last operation failed.
func (g *Breaker) Down() bool { return g.down.Load() }

// Do runs the operation with a context that is bounded by the breaker's timeout and by a share of the time that ctx has left.
// It returns the operation's error, or ErrOpen.
func (g *Breaker) Do(ctx context.Context, op func(context.Context) error) error {
	return g.Before(ctx, func(ctx context.Context, deadline time.Time) error {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		return op(ctx)
	})
}

// Before is Do for an operation that ends at the deadline by itself, and so needs no context with a timer of its own.
// On a hit in a Redis nearby, making and stopping one takes longer than everything else that the client does: the
// runtime wakes a thread to wait for it.
func (g *Breaker) Before(ctx context.Context, op func(ctx context.Context, deadline time.Time) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	if rest := g.restTill.Load(); rest != 0 && now.UnixNano() < rest {
		return ErrOpen
	}
	bound, cut := g.timeout, false
	if deadline, ok := ctx.Deadline(); ok {
		if left := deadline.Sub(now) / share; left < bound {
			bound, cut = left, true
		}
	}
	tried := false
	var err error
	_, _ = g.breaker.Load().Execute(func() (struct{}, error) {
		tried = true
		err = guarded(ctx, now.Add(bound), op)
		return struct{}{}, g.judge(ctx, err, cut)
	})
	if !tried {
		return ErrOpen
	}
	return err
}

// judge takes note of how an operation ended, and returns what the breaker is told of it.
func (g *Breaker) judge(ctx context.Context, err error, cut bool) error {
	switch {
	case harmless(err):
		g.recovered(ctx)
		return nil
	case ctx.Err() != nil, cut && errors.Is(err, context.DeadlineExceeded):
		return errNeutral // the caller's time was over: that says nothing about the backend
	}
	g.failed(ctx, err)
	return err
}

// harmless reports errors that a healthy backend returns.
func harmless(err error) bool {
	return err == nil || errors.Is(err, backends.ErrConflict) || errors.Is(err, backends.ErrTooLarge) ||
		errors.Is(err, backends.ErrLeased) || errors.Is(err, backends.ErrMarked) || errors.Is(err, backends.ErrLeaseLost)
}

func (g *Breaker) failed(ctx context.Context, err error) {
	var e *backends.Error
	if errors.As(err, &e) && e.Permanent {
		g.restTill.Store(time.Now().Add(probePermanent).UnixNano())
	}
	g.down.Store(true)
	g.failedAt.Store(time.Now().UnixNano())
	if g.told.CompareAndSwap(false, true) {
		g.onChange(ctx, err)
	}
}

func (g *Breaker) recovered(ctx context.Context) {
	if !g.told.Load() {
		return
	}
	if g.down.CompareAndSwap(true, false) {
		g.restTill.Store(0)
	}
	if time.Now().UnixNano()-g.failedAt.Load() >= int64(calm) && g.told.CompareAndSwap(true, false) {
		g.onChange(ctx, nil)
	}
}
