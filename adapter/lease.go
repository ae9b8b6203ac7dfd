package adapter

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

type leaseState int

const (
	leaseNone leaseState = iota // the store has none, or cannot be asked: run without
	leaseHeld
	leaseBusy // another container runs
)

// hold is a lease that this container has. It is renewed while the function runs, so it may be short: when the
// container dies, the fleet waits for no more than what was left of it.
type hold struct {
	lease backends.Lease
	stop  context.CancelFunc
	done  chan struct{}
	once  sync.Once
}

// acquire tries once to take the lease for the question. Where another container has it, holder tells which, if the
// store knows.
func (r *remote) acquire(ctx context.Context, q *question) (h *hold, state leaseState, holder string) {
	if r.open(ctx) == nil || r.leaser == nil {
		return nil, leaseNone, ""
	}
	if r.core.rt.writes.Down() {
		// What the holder computes would not be written: the fleet would wait for it in vain, one after the other.
		return nil, leaseNone, ""
	}
	lease, _, err := r.takeLease(ctx, q)
	if lease == nil {
		state, holder = r.refused(ctx, err)
		return nil, state, holder
	}
	return r.holdOn(ctx, lease), leaseHeld, ""
}

// takeLease asks for the lease, and reads the slot behind it.
func (r *remote) takeLease(ctx context.Context, q *question) (lease backends.Lease, found backends.Reading, err error) {
	request := backends.LeaseRequest{Token: rand.Text(), TTL: r.core.rt.config.LeaseTTL}
	err = r.core.rt.reads.Do(ctx, func(ctx context.Context) (err error) {
		lease, found, err = r.leaser.Lease(ctx, r.address(q), request, backends.ReadOptions{ForWrite: true})
		return err
	})
	return lease, found, err
}

// acquireAndLook is acquire, and where it gets the lease it looks for what the one who had it before may have written
// since this container looked: an entry that answers the question, or nil.
func (r *remote) acquireAndLook(ctx context.Context, q *question, epoch uint64) (h *hold, e *memory.Entry, state leaseState, holder string) {
	if r.leaser == nil || r.core.rt.writes.Down() || !r.settleClear(ctx) {
		if h, state, holder = r.acquire(ctx, q); state == leaseHeld {
			e = r.lookAgain(ctx, q, epoch)
		}
		return h, e, state, holder
	}
	asked := r.asks()
	lease, found, err := r.takeLease(ctx, q)
	if lease == nil {
		state, holder = r.refused(ctx, err)
		return nil, nil, state, holder
	}
	return r.holdOn(ctx, lease), r.answering(q, r.take(ctx, q, epoch, asked, found, err)), leaseHeld, ""
}

// refused says what it means that there was no lease to have.
func (r *remote) refused(ctx context.Context, err error) (state leaseState, holder string) {
	if !errors.Is(err, backends.ErrLeased) {
		r.noteRead(ctx, err)
		return leaseNone, ""
	}
	if other, ok := errors.AsType[*backends.LeasedError](err); ok {
		holder = other.Holder
	}
	return leaseBusy, holder
}

// holdOn renews the lease until it is given back.
func (r *remote) holdOn(ctx context.Context, lease backends.Lease) *hold {
	h := &hold{lease: lease, done: make(chan struct{})}
	// The renewal outlives the callers' contexts: the lease is given back by whoever took it, not by a timeout.
	var renewal context.Context
	renewal, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	go r.renew(renewal, h)
	return h
}

// renew extends the lease while the function runs. It ends with the run, so it never runs on into a freeze.
func (r *remote) renew(ctx context.Context, h *hold) {
	defer close(h.done)
	ttl := r.core.rt.config.LeaseTTL
	tick := time.NewTicker(ttl / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err := r.core.rt.reads.Do(ctx, func(ctx context.Context) error { return h.lease.Renew(ctx, ttl) })
			if errors.Is(err, backends.ErrLeaseLost) {
				return // another container has taken it: it runs as well, which costs, but is not wrong
			}
		}
	}
}

// rest ends the renewal: the run is over, what is left is to write its result.
func (h *hold) rest() {
	h.once.Do(func() {
		h.stop()
		<-h.done
	})
}

// giveBack releases the lease. h may be nil.
func (c *dataCore) giveBack(ctx context.Context, h *hold) {
	if h == nil {
		return
	}
	h.rest()
	// Through the guard that it was taken through: where writes fail, their breaker must not leave it behind. It expires
	// by itself where this fails.
	_ = c.rt.reads.Do(ctx, func(ctx context.Context) error { return h.lease.Release(ctx, backends.Mark{}) })
}

// release gives the lease back once the response is out, for a run that leaves no entry. h may be nil.
func (c *dataCore) release(ctx context.Context, h *hold) {
	if h == nil {
		return
	}
	h.rest()
	c.rt.after(ctx, func(ctx context.Context) { c.giveBack(ctx, h) })
}

// leaveNothing ends the question for a run that leaves no entry: the lease is given back, and what could not be used
// is deleted, once the response is out.
func (c *dataCore) leaveNothing(ctx context.Context, q *question, h *hold) {
	if h != nil {
		h.rest()
	}
	if h == nil && !q.bad {
		return
	}
	c.rt.after(ctx, func(ctx context.Context) {
		c.remote.dropBad(ctx, q)
		c.giveBack(ctx, h)
	})
}

// The pauses between two looks at the store while another container runs.
const (
	firstPause = 5 * time.Millisecond
	longPause  = 250 * time.Millisecond
	// leaseEvery is how often the lease itself is asked for meanwhile: it is a write, and on S3 writes cost.
	leaseEvery = 500 * time.Millisecond
	// patience is how often the lease may change hands without leaving an entry before those who wait run for
	// themselves: once when a holder died; more often only where the function fails, or its results are not cached,
	// and waiting would make a call slower than it is without the cache.
	patience = 2
)

// lease gets the right to run for the question, or waits for what the container with that right computes. It returns an
// answer, or a hold, or neither: then the function runs without a lease, because there is none to have or because the
// wait would not fit in the time that is left.
func (r *remote) lease(ctx context.Context, call *flight.Call, q *question, epoch uint64) (*answer, *hold) {
	if r.core.rt.reads.Down() {
		return nil, nil // the read before this has just failed: asking on would cost the call a second timeout
	}
	h, e, state, holder := r.acquireAndLook(ctx, q, epoch)
	switch {
	case state == leaseBusy:
		return r.await(ctx, call, q, epoch, holder)
	case e != nil:
		r.core.release(ctx, h)
		return r.core.adopt(ctx, call, q, e), nil
	}
	return nil, h
}

// lookAgain returns the entry if it answers the question: a fresh one, or one whose run ended after the question was
// asked. The latter is what whoever joins a run in its own container gets, too. With a ttl shorter than a run no entry
// would ever be fresh when it can be read, and those who wait would run one after the other.
func (r *remote) lookAgain(ctx context.Context, q *question, epoch uint64) *memory.Entry {
	return r.answering(q, r.find(ctx, q, epoch))
}

// answering returns the entry if it answers the question, else nil. See lookAgain.
func (r *remote) answering(q *question, e *memory.Entry) *memory.Entry {
	if e != nil && (r.core.rt.now() < e.Fresh || after(e.Created, time.Duration(e.RunTime)) >= q.asked) {
		return e
	}
	return nil
}

// adopt answers with an entry that another container has made meanwhile.
func (c *dataCore) adopt(ctx context.Context, call *flight.Call, q *question, e *memory.Entry) *answer {
	c.keep(q, call, e)
	c.stats.backendHits.Add(1)
	c.tell(ctx, EventHit, TierBackend, e)
	return &answer{value: e.Value}
}

// await waits for the entry of the container that has the lease, and takes the lease over when it comes free without
// one: the holder failed, or died. It gives up when the wait would no longer fit.
func (r *remote) await(ctx context.Context, call *flight.Call, q *question, epoch uint64, holder string) (*answer, *hold) {
	c := r.core
	start := time.Now()
	defer func() {
		c.stats.fleetWaits.Add(1)
		c.rt.emit(ctx, Event{Kind: EventWait, Function: c.id.name, Tier: TierBackend, Duration: time.Since(start)})
	}()
	pause, sinceLease, changes := firstPause, time.Duration(0), 0
	for r.mayWait(ctx, start, pause) && sleep(ctx, pause) {
		if e := r.lookAgain(ctx, q, epoch); e != nil {
			return c.adopt(ctx, call, q, e), nil
		}
		if sinceLease += pause; sinceLease >= min(leaseEvery, c.rt.config.LeaseTTL/4) {
			sinceLease = 0
			h, e, state, now := r.acquireAndLook(ctx, q, epoch)
			if now != holder {
				changes++
				holder = now
			}
			if state == leaseNone || state == leaseBusy && changes >= patience {
				return nil, nil
			}
			if e != nil {
				c.release(ctx, h)
				return c.adopt(ctx, call, q, e), nil
			}
			if state == leaseHeld {
				return nil, h
			}
		}
		pause = min(pause*3/2, longPause)
		pause += time.Duration(mathrand.Int64N(int64(pause)/4 + 1)) //nolint:gosec // spreading, not secrecy
	}
	return nil, nil
}

// mayWait reports whether another pause leaves enough of the invocation to run the function: half of what was left when
// the wait began, and twice what the last known run took. One run in twenty may take much longer than the last.
func (r *remote) mayWait(ctx context.Context, start time.Time, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	if !ok {
		return time.Since(start)+pause < r.core.rt.config.MaxWait
	}
	left := time.Until(deadline) - pause
	// Not twice the run: an entry may claim any run time, and the sum would overflow.
	return left > deadline.Sub(start)/2 && left/2 > time.Duration(r.lastRun.Load())
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
