// Package lease is the right to run for a key in the fleet: the leases that this process holds, and how long it waits for
// the holder of another one (semantics S4 to S8).
package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/breaker"
)

// Run is the run that a lease is for, as its flight knows it.
type Run interface {
	Context() context.Context
	// Abandoned is closed when everybody who wanted the result has left.
	Abandoned() <-chan struct{}
	// LatestDeadline is the latest deadline of those who wait; ok is false where one of them has none.
	LatestDeadline() (at time.Time, ok bool)
}

// Leases are the leases that this process holds. A lease belongs to the process: a call never waits for one that its own
// process holds, it takes it over. It is safe for concurrent use.
type Leases struct {
	reads   *breaker.Breaker // leases are taken, renewed and released through it
	ttl     time.Duration
	timeout time.Duration // of one operation
	maxWait time.Duration
	spread  func(n int64) int64
	process string

	mu      sync.Mutex
	next    uint64
	held    map[string]*Held // by slot
	pending []*Held          // releases that failed
}

// maxPendingReleases bounds the failed releases that are tried again; the others end with their time.
const maxPendingReleases = 256

// Config is what a process says of its leases.
type Config struct {
	Reads   *breaker.Breaker // leases are taken, renewed and released through it
	TTL     time.Duration    // how long a lease lasts unless it is renewed
	Timeout time.Duration    // of one operation
	MaxWait time.Duration    // bounds waiting where there is no deadline
	Spread  func(n int64) int64
}

// New returns the Leases of a process.
func New(c Config) *Leases {
	return &Leases{reads: c.Reads, ttl: c.TTL, timeout: c.Timeout, maxWait: c.MaxWait, spread: c.Spread, process: rand.Text()[:16]}
}

// Token names an attempt to take a lease: first the process, so that its own leases can be told.
func (ls *Leases) Token() string {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.next++
	return ls.process + "/" + strconv.FormatUint(ls.next, 36)
}

// Own reports whether a token names an attempt of this process.
func (ls *Leases) Own(token string) bool { return strings.HasPrefix(token, ls.process+"/") }

// Held is a lease of this process. It is renewed while somebody wants the result, so it may be short: when the container
// dies, the fleet waits for no more than what was left of it.
type Held struct {
	ls    *Leases
	slot  string
	lease backends.Lease
	// attempt is one whose answer was lost, so that the lease may be this process's: lease is nil then.
	attempt backends.LeaseRequest
	leaser  backends.Leaser

	mu       sync.Mutex
	users    int
	run      Run           // whose result is wanted
	quit     chan struct{} // ends the renewal; nil while none runs
	mark     backends.Mark
	released bool
}

// Hold enters a lease that was taken for a run. [Held.Drop] ends its use.
func (ls *Leases) Hold(slot string, lease backends.Lease, run Run) *Held {
	ls.mu.Lock()
	if ls.held == nil {
		ls.held = map[string]*Held{}
	}
	h := &Held{ls: ls, slot: slot, lease: lease}
	ls.held[slot] = h
	ls.mu.Unlock()
	h.use(run)
	return h
}

// Adopt returns the lease that this process holds for a slot, used by one more run; nil where it holds none.
func (ls *Leases) Adopt(slot string, run Run) *Held {
	ls.mu.Lock()
	h := ls.held[slot]
	ls.mu.Unlock()
	if h == nil || !h.use(run) {
		return nil
	}
	return h
}

func (h *Held) use(run Run) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.released {
		return false
	}
	h.users++
	h.run = run
	h.stopRenewal()
	h.quit = make(chan struct{})
	go h.renew(h.quit, run)
	return true
}

// stopRenewal ends the renewal: the run is over, what is left is to write its result. The lease is locked.
func (h *Held) stopRenewal() {
	if h.quit != nil {
		close(h.quit)
		h.quit = nil
	}
}

// Rest ends the renewal where it is for the run that is over: another run of the key may use the lease since.
func (h *Held) Rest(run Run) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.run == run {
		h.stopRenewal()
	}
}

// releaseMargin is how long before the last caller's deadline a lease is given back, whether its run is over or not: a
// container that is killed with a lease lets the fleet wait.
const releaseMargin = 100 * time.Millisecond

// renew extends the lease while a run goes on that somebody waits for. It ends with the run, so it never runs on into a
// freeze.
func (h *Held) renew(quit <-chan struct{}, run Run) {
	ttl := h.ls.ttl
	for {
		pause := ttl / 3
		last, bounded := run.LatestDeadline()
		if bounded {
			pause = min(pause, max(0, time.Until(last)-releaseMargin))
		}
		t := time.NewTimer(pause)
		select {
		case <-quit:
			t.Stop()
			return
		case <-run.Abandoned():
			t.Stop()
			h.abandon(run)
			return
		case <-t.C:
		}
		if last, bounded = run.LatestDeadline(); bounded && time.Until(last) <= releaseMargin {
			h.abandon(run)
			return
		}
		ctx := context.WithoutCancel(run.Context())
		err := h.ls.reads.Within(ctx, h.ls.timeout, func(ctx context.Context, deadline time.Time) error {
			ctx, cancel := context.WithDeadline(ctx, deadline)
			defer cancel()
			return h.lease.Renew(ctx, ttl)
		})
		if errors.Is(err, backends.ErrLeaseLost) {
			return // another container has taken it: it runs as well, which costs, but is not wrong
		}
	}
}

// abandon gives the lease back now: nobody in this process wants the result of its run any more.
func (h *Held) abandon(run Run) {
	h.mu.Lock()
	if h.run != run || h.released {
		h.mu.Unlock()
		return
	}
	h.released = true
	h.mu.Unlock()
	h.ls.remove(h)
	h.release(context.WithoutCancel(run.Context()))
}

// Drop ends one use of the lease; the last one gives it back, with the mark of whoever left one.
func (h *Held) Drop(ctx context.Context, mark backends.Mark) {
	if h == nil {
		return
	}
	h.mu.Lock()
	h.users--
	if mark.Kind != 0 && !h.released { // what has been given back keeps no mark
		h.mark = mark
	}
	if h.users > 0 || h.released {
		h.mu.Unlock()
		return
	}
	h.released = true
	h.stopRenewal()
	h.mu.Unlock()
	h.ls.remove(h)
	h.release(ctx)
	h.ls.Retry(ctx)
}

func (ls *Leases) remove(h *Held) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.held[h.slot] == h {
		delete(ls.held, h.slot)
	}
}

// release gives the lease back through the breaker that it was taken through: where writes fail, theirs must not leave
// it behind. A release that fails is tried again.
func (h *Held) release(ctx context.Context) {
	err := h.ls.reads.Within(ctx, h.ls.timeout, func(ctx context.Context, deadline time.Time) error {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		if h.lease == nil {
			var err error
			if h.lease, _, err = h.leaser.Lease(ctx, h.slot, h.attempt, backends.ReadOptions{}); h.lease == nil {
				if errors.Is(err, backends.ErrLeased) || errors.Is(err, backends.ErrMarked) {
					return nil // it is not
				}
				return err
			}
		}
		return h.lease.Release(ctx, h.mark)
	})
	if err != nil && !errors.Is(err, backends.ErrClosed) {
		h.ls.later(h)
	}
}

// Unsure notes an attempt whose answer was lost: the lease may be this process's, and [Leases.Retry] gives it back then.
// Leave a call of that for after the response.
func (ls *Leases) Unsure(slot string, leaser backends.Leaser, attempt backends.LeaseRequest) {
	ls.later(&Held{ls: ls, slot: slot, leaser: leaser, attempt: attempt})
}

func (ls *Leases) later(h *Held) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if len(ls.pending) < maxPendingReleases {
		ls.pending = append(ls.pending, h)
	}
}

// Retry tries failed releases again.
func (ls *Leases) Retry(ctx context.Context) {
	ls.mu.Lock()
	pending := ls.pending
	ls.pending = nil
	ls.mu.Unlock()
	for i, h := range pending {
		if ctx.Err() != nil || i > 0 && h.ls.reads.Down() { // the first one asks whether the backend works again
			ls.mu.Lock()
			ls.pending = append(ls.pending, pending[i:]...)
			ls.mu.Unlock()
			return
		}
		h.release(ctx)
	}
}
