package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/flight"
)

// leases are the leases that this process holds. A lease belongs to the process: a call never waits for one that its own
// process holds, it takes it over.
type leases struct {
	process string

	mu      sync.Mutex
	next    uint64
	held    map[string]*held // by slot
	pending []*held          // releases that failed
}

// maxPendingReleases bounds the failed releases that are tried again; the others end with their time.
const maxPendingReleases = 256

func newProcessID() string { return rand.Text()[:16] }

// token names an attempt to take a lease: first the process, so that its own leases can be told.
func (ls *leases) token() string {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.next++
	return ls.process + "/" + strconv.FormatUint(ls.next, 36)
}

func (ls *leases) own(token string) bool { return strings.HasPrefix(token, ls.process+"/") }

// held is a lease of this process. It is renewed while somebody wants the result, so it may be short: when the container
// dies, the fleet waits for no more than what was left of it.
type held struct {
	env   *Env
	slot  string
	lease backends.Lease
	// attempt is one whose answer was lost, so that the lease may be this process's: lease is nil then.
	attempt backends.LeaseRequest
	leaser  backends.Leaser

	mu       sync.Mutex
	users    int
	run      *flight.Run   // whose result is wanted
	quit     chan struct{} // ends the renewal; nil while none runs
	mark     backends.Mark
	released bool
}

// hold enters a lease that was taken, or adds a user to it.
func (ls *leases) hold(env *Env, slot string, lease backends.Lease, run *flight.Run) *held {
	ls.mu.Lock()
	if ls.held == nil {
		ls.held = map[string]*held{}
	}
	h := &held{env: env, slot: slot, lease: lease}
	ls.held[slot] = h
	ls.mu.Unlock()
	h.use(run)
	return h
}

// adopt returns the lease that this process holds for a slot, used by one more run; nil where it holds none.
func (ls *leases) adopt(slot string, run *flight.Run) *held {
	ls.mu.Lock()
	h := ls.held[slot]
	ls.mu.Unlock()
	if h == nil || !h.use(run) {
		return nil
	}
	return h
}

func (h *held) use(run *flight.Run) bool {
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
func (h *held) stopRenewal() {
	if h.quit != nil {
		close(h.quit)
		h.quit = nil
	}
}

// rest is stopRenewal for the run that is over.
func (h *held) rest() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopRenewal()
}

// releaseMargin is how long before the last caller's deadline a lease is given back, whether its run is over or not: a
// container that is killed with a lease lets the fleet wait.
const releaseMargin = 100 * time.Millisecond

// renew extends the lease while a run goes on that somebody waits for. It ends with the run, so it never runs on into a
// freeze.
func (h *held) renew(quit <-chan struct{}, run *flight.Run) {
	ttl := h.env.LeaseTTL
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
		err := h.env.Reads.Within(ctx, h.env.BackendTimeout, func(ctx context.Context, deadline time.Time) error {
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
func (h *held) abandon(run *flight.Run) {
	h.mu.Lock()
	if h.run != run || h.released {
		h.mu.Unlock()
		return
	}
	h.released = true
	h.mu.Unlock()
	h.env.leases.remove(h)
	h.release(context.WithoutCancel(run.Context()))
}

// drop ends one use of the lease; the last one gives it back, with the mark of whoever left one.
func (h *held) drop(ctx context.Context, mark backends.Mark) {
	if h == nil {
		return
	}
	h.mu.Lock()
	h.users--
	if mark.Kind != 0 {
		h.mark = mark
	}
	if h.users > 0 || h.released {
		h.mu.Unlock()
		return
	}
	h.released = true
	h.stopRenewal()
	h.mu.Unlock()
	h.env.leases.remove(h)
	h.release(ctx)
	h.env.leases.retry(ctx)
}

func (ls *leases) remove(h *held) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.held[h.slot] == h {
		delete(ls.held, h.slot)
	}
}

// release gives the lease back through the breaker that it was taken through: where writes fail, theirs must not leave
// it behind. A release that fails is tried again.
func (h *held) release(ctx context.Context) {
	err := h.env.Reads.Within(ctx, h.env.BackendTimeout, func(ctx context.Context, deadline time.Time) error {
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
		h.env.leases.later(h)
	}
}

func (ls *leases) later(h *held) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if len(ls.pending) < maxPendingReleases {
		ls.pending = append(ls.pending, h)
	}
}

// retry tries failed releases again.
func (ls *leases) retry(ctx context.Context) {
	ls.mu.Lock()
	pending := ls.pending
	ls.pending = nil
	ls.mu.Unlock()
	for i, h := range pending {
		if ctx.Err() != nil || h.env.Reads.Down() {
			ls.mu.Lock()
			ls.pending = append(ls.pending, pending[i:]...)
			ls.mu.Unlock()
			return
		}
		h.release(ctx)
	}
}
