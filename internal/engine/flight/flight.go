// Package flight lets one caller run for a key while all others who ask for it wait for that run.
//
// It differs from the usual single flight in what it promises around contexts: a run belongs to nobody. A caller whose
// context ends leaves, the first one too, and the run goes on for those who stay; when the last has left, it is
// cancelled. And it refuses to wait where waiting could never end: a run that asks, directly or through other runs,
// for its own result.
package flight

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// ErrDeadlock is returned to a run that would wait for its own result.
var ErrDeadlock = errors.New("a run waits for its own result")

// errGoexit stands for a run that ended its goroutine instead of returning.
var errGoexit = errors.New("the run called runtime.Goexit")

// Group holds the runs under way, one per key. Its zero value is ready; it is safe for concurrent use.
type Group struct {
	mu    sync.Mutex
	calls map[string]*Call
}

// Call is one run.
type Call struct {
	done   chan struct{}
	ctx    *runContext
	cancel context.CancelFunc

	mu         sync.Mutex
	waiters    map[*waiter]struct{}
	leaderGone bool
	dropped    bool

	value    any
	err      error
	panicked *panicValue
}

type panicValue struct{ v any }

// waiter is one caller that waits.
type waiter struct {
	ctx      context.Context
	deadline time.Time
	bounded  bool
	leader   bool
}

// Do returns what run returns for key: it starts run, in a goroutine of its own, unless one for the key is under way.
// joined tells whether it waited for a run that another caller had started. A panic in run is raised again in every
// caller, with its original value.
//
// run gets a context with the values of the first caller's, which ends when every caller has left; its deadline is the
// latest of theirs.
func (g *Group) Do(ctx context.Context, key string, run func(ctx context.Context, call *Call) (any, error)) (v any, joined bool, err error) {
	parent, _ := ctx.Value(callKey{}).(*Call)
	w := newWaiter(ctx)
	g.mu.Lock()
	call := g.calls[key]
	joined = call != nil
	if !joined {
		w.leader = true
		call = newCall(ctx)
		if g.calls == nil {
			g.calls = map[string]*Call{}
		}
		g.calls[key] = call
	}
	call.join(w)
	g.mu.Unlock()
	if !await(parent, call) {
		g.leave(key, call, w)
		return nil, joined, ErrDeadlock
	}
	defer unawait(parent, call)
	if !joined {
		go call.run(g, key, run)
	}
	select {
	case <-call.done:
	case <-ctx.Done():
		select {
		case <-call.done: // both: the result is better than none
		default:
			g.leave(key, call, w)
			return nil, joined, ctx.Err()
		}
	}
	v, err = call.result()
	return v, joined, err
}

// Under reports whether a run for key is under way.
func (g *Group) Under(key string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls[key] != nil
}

// Drop makes the runs under way for key invisible: nobody joins them any more, and Dropped tells them that their result
// must not be kept.
func (g *Group) Drop(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if call := g.calls[key]; call != nil {
		delete(g.calls, key)
		call.drop()
	}
}

// DropAll drops every run under way.
func (g *Group) DropAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, call := range g.calls {
		call.drop()
	}
	clear(g.calls)
}

// leave takes the caller off the call. The last one to leave cancels the run and makes room for a new one: whoever
// asks later must not join a run that is being cancelled.
func (g *Group) leave(key string, call *Call, w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if call.part(w) > 0 {
		return
	}
	call.cancel()
	g.forget(key, call)
}

func (g *Group) forget(key string, call *Call) {
	if g.calls[key] == call {
		delete(g.calls, key)
	}
}

func newWaiter(ctx context.Context) *waiter {
	d, ok := ctx.Deadline()
	return &waiter{ctx: ctx, deadline: d, bounded: ok}
}

func newCall(ctx context.Context) *Call {
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	call := &Call{done: make(chan struct{}), cancel: cancel, waiters: map[*waiter]struct{}{}}
	call.ctx = &runContext{Context: inner, call: call}
	return call
}

func (c *Call) run(g *Group, key string, run func(context.Context, *Call) (any, error)) {
	normal := false
	defer func() {
		if !normal {
			if r := recover(); r != nil {
				c.panicked = &panicValue{r}
			} else {
				c.err = errGoexit
			}
		}
		g.mu.Lock()
		g.forget(key, c)
		g.mu.Unlock()
		close(c.done)
		c.cancel()
	}()
	c.value, c.err = run(c.ctx, c)
	normal = true
}

func (c *Call) result() (any, error) {
	if c.panicked != nil {
		panic(c.panicked.v)
	}
	if errors.Is(c.err, errGoexit) {
		runtime.Goexit()
	}
	return c.value, c.err
}

func (c *Call) join(w *waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiters[w] = struct{}{}
}

func (c *Call) part(w *waiter) (left int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiters, w)
	c.leaderGone = c.leaderGone || w.leader
	return len(c.waiters)
}

func (c *Call) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropped = true
}

// Dropped reports whether the run was dropped, so that its result must not be kept.
func (c *Call) Dropped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped
}

// LeaderGone reports whether the caller that started the run has left it, so that its arguments may be in other use.
func (c *Call) LeaderGone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leaderGone
}

// deadline is the latest deadline of those who wait, and none when one of them has none.
func (c *Call) deadline() (latest time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.waiters {
		if !w.bounded {
			return time.Time{}, false
		}
		if w.deadline.After(latest) {
			latest = w.deadline
		}
	}
	return latest, !latest.IsZero()
}

// Contexts returns the contexts of those who wait.
func (c *Call) Contexts() []context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]context.Context, 0, len(c.waiters))
	for w := range c.waiters {
		all = append(all, w.ctx)
	}
	return all
}
