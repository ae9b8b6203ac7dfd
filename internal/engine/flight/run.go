package flight

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
)

// Run is one run of a function, for one key or for a batch of them.
type Run struct {
	ctx    *runContext
	cancel context.CancelFunc
	parent *Run // whose function began it

	mu        sync.Mutex
	calls     []*Call
	cancelled bool
	abandoned chan struct{} // closed when the last caller has left
	latest    time.Time     // deadline; zero: none
	bounded   bool
	refs      []invalidation.Ref            // of what the run used
	known     map[invalidation.Ref]struct{} // refs, where they are many
	seen      []invalidation.Seen           // how far they were compared
}

func newRun(ctx context.Context) *Run {
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &Run{cancel: cancel, parent: runOf(ctx), abandoned: make(chan struct{})}
	r.ctx = &runContext{Context: inner, run: r}
	return r
}

func (r *Run) add(g *Group, key string, w *waiter) *Call {
	c := &Call{Key: key, run: r, group: g, done: make(chan struct{}), letGo: make(chan struct{})}
	c.waiters = map[*waiter]struct{}{w: {}}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
	if w.bounded && w.deadline.After(r.latest) {
		r.latest = w.deadline
	}
	// As settle would have it, without asking everybody again: a batch adds thousands.
	r.bounded = (r.bounded || len(r.calls) == 1) && w.bounded && !r.latest.IsZero()
	return c
}

// settle recomputes the deadline: the latest of those who wait, none where one of them has none. It never moves to an
// earlier time, since a context's deadline must not. The run is locked.
func (r *Run) settle() {
	latest, bounded := r.latest, true
	for _, c := range r.calls {
		for w := range c.waiters {
			if !w.bounded {
				bounded = false
			} else if w.deadline.After(latest) {
				latest = w.deadline
			}
		}
	}
	r.latest, r.bounded = latest, bounded && !latest.IsZero()
}

// Context is what the function runs under: the values of the first caller's context, the latest deadline of all who
// wait, cancelled when the last has left or [Run.End] is called.
func (r *Run) Context() context.Context { return r.ctx }

// End releases the run's context.
func (r *Run) End() { r.cancel() }

// Abandoned is closed when every caller has left.
func (r *Run) Abandoned() <-chan struct{} { return r.abandoned }

// EarliestDeadline is the earliest deadline of those who wait.
func (r *Run) EarliestDeadline() (at time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		for w := range c.waiters {
			if w.bounded && (!ok || w.deadline.Before(at)) {
				at, ok = w.deadline, true
			}
		}
	}
	return at, ok
}

// LatestDeadline is the latest deadline of those who wait; ok is false where one of them has none.
func (r *Run) LatestDeadline() (at time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.latest, r.bounded
}

// computes reports whether the run is under way and one of its calls is for the key.
func (r *Run) computes(g *Group, key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		if c.Key == key && (c.group == g || c.alone == g) && !isClosed(c.done) {
			return true
		}
	}
	return false
}

func (r *Run) all() []*Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// abandonIfEmpty cancels the run where nobody waits for any of its calls, and reports whether this call did.
func (r *Run) abandonIfEmpty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		if len(c.waiters) > 0 && !isClosed(c.done) {
			return false
		}
	}
	if r.cancelled {
		return false
	}
	r.cancelled = true
	r.cancel()
	close(r.abandoned)
	return true
}

// Inherit notes the records that something depends on which the run used, and how far they were compared: its own result
// depends on them too.
func (r *Run) Inherit(refs []invalidation.Ref, seen invalidation.Seen) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.seen, seen) {
		r.seen = append(r.seen, seen)
	}
	for _, ref := range refs {
		if !r.inherited(ref) {
			r.refs = append(r.refs, ref)
		}
	}
}

// fewRefs is how many are compared one by one.
const fewRefs = 16

// inherited reports whether a record was noted before, and notes it where they are many. The run is locked.
func (r *Run) inherited(ref invalidation.Ref) bool {
	if len(r.refs) < fewRefs {
		return slices.Contains(r.refs, ref)
	}
	if r.known == nil {
		r.known = map[invalidation.Ref]struct{}{}
		for _, ref := range r.refs {
			r.known[ref] = struct{}{}
		}
	}
	_, there := r.known[ref]
	r.known[ref] = struct{}{}
	return there
}

// Inherited returns what was noted.
func (r *Run) Inherited() ([]invalidation.Ref, []invalidation.Seen) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.refs), slices.Clone(r.seen)
}
