// Package flight lets one caller run for a key while all others who ask for it wait for that run.
//
// It differs from the usual single flight in what it promises around contexts and outcomes. A run belongs to nobody: a
// caller whose context ends leaves, the first one too, and the run goes on for those who stay; when the last has left
// it is cancelled, and stays known to clears. An outcome that is not for everybody (a private result, an error of the
// first caller's context) reaches the caller whose run it was; the others are told to run for themselves. And a run
// that asks, directly or through other runs, for its own result is refused instead of waiting for ever.
package flight

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/internal/panics"
)

// ErrDeadlock is returned to a run that would wait for its own result.
var ErrDeadlock = errors.New("a run waits for its own result")

// ErrGoexit stands for a run that ended its goroutine instead of returning.
var ErrGoexit = errors.New("the function called runtime.Goexit")

// Outcome is what a run came to.
type Outcome struct {
	Value any
	Err   error
	// Panic is set where the run panicked; it holds the original value and the stack of the run.
	Panic panics.Carrier
	// Alone says that the outcome is for the caller whose run it was, and for nobody else.
	Alone bool
}

// Group holds the runs under way, one per key. Its zero value is ready; it is safe for concurrent use.
type Group struct {
	mu    sync.Mutex
	calls map[string]*Call
}

// Call is one key of a run under way. A run has one key, or several where a batch computes them together.
type Call struct {
	Key string
	run *Run

	group   *Group // nil: nobody can join
	alone   *Group // the group of a call that nobody can join
	done    chan struct{}
	outcome Outcome // set before done is closed

	// guarded by run.mu
	waiters map[*waiter]struct{}
	closed  bool // done is closed, or about to be: nobody joins
	letGo   chan struct{}
	gone    bool
	dropped atomic.Bool
}

// waiter is one caller that waits for a call.
type waiter struct {
	ctx      context.Context
	first    bool
	deadline time.Time
	bounded  bool
}

// newWaiter asks the context for its deadline before any lock is held: it may be that of a run, which has locks of its
// own.
func newWaiter(ctx context.Context, first bool) *waiter {
	w := &waiter{ctx: ctx, first: first}
	w.deadline, w.bounded = ctx.Deadline()
	return w
}

// same reports whether both are the same caller, or callers that nothing tells apart: a user's context may be of a type
// that cannot be compared.
func (w *waiter) same(o *waiter) bool {
	if w.first != o.first {
		return false
	}
	a, b := reflect.ValueOf(w.ctx), reflect.ValueOf(o.ctx)
	if a.IsValid() && b.IsValid() && a.Comparable() && b.Comparable() {
		return w.ctx == o.ctx
	}
	return a.IsValid() == b.IsValid() && w.bounded == o.bounded && w.deadline.Equal(o.deadline)
}

func (w *waiter) copy() *waiter {
	c := *w
	return &c
}

// Begin returns the call under way for key, or a new one that the caller leads. The caller has joined it either way:
// it must call [Call.Wait]. A leader must also see to it that [Call.Publish] is called.
func (g *Group) Begin(ctx context.Context, key string) (c *Call, leader bool) {
	calls, led := g.BeginAll(ctx, []string{key})
	return calls[0], led[0]
}

// BeginAll is Begin for several keys, which must differ. All calls that the caller leads belong to one run.
func (g *Group) BeginAll(ctx context.Context, keys []string) (calls []*Call, leads []bool) {
	calls, leads = make([]*Call, len(keys)), make([]bool, len(keys))
	var run *Run
	joining, leading := newWaiter(ctx, false), newWaiter(ctx, true)
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, key := range keys {
		if c := g.calls[key]; c != nil && c.join(joining.copy()) {
			calls[i] = c
			continue
		}
		if run == nil {
			run = newRun(ctx)
		}
		c := run.add(g, key, leading.copy())
		if g.calls == nil {
			g.calls = map[string]*Call{}
		}
		g.calls[key] = c
		calls[i], leads[i] = c, true
	}
	return calls, leads
}

// Solo returns a call that nobody can join: for a result that is nobody else's. It is nil where ctx belongs to a run that
// computes the key, or was begun by one: that would wait for itself.
func (g *Group) Solo(ctx context.Context, key string) *Call {
	for r := runOf(ctx); r != nil; r = r.parent {
		if r.computes(g, key) {
			return nil
		}
	}
	c := newRun(ctx).add(nil, key, newWaiter(ctx, true))
	c.alone = g
	return c
}

// Under reports whether a run for key is under way.
func (g *Group) Under(key string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls[key] != nil
}

// Detach makes the call under way for key invisible: later callers begin a new one.
func (g *Group) Detach(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.calls, key)
}

// DetachAll detaches every call under way.
func (g *Group) DetachAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.calls)
}

// Attach makes a call that was detached the one under way for its key again, in place of another: whoever asks from now on
// joins it.
func (g *Group) Attach(c *Call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.calls == nil {
		g.calls = map[string]*Call{}
	}
	g.calls[c.Key] = c
}

func (g *Group) forget(c *Call) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.calls[c.Key] == c {
		delete(g.calls, c.Key)
	}
}

func (c *Call) join(w *waiter) bool {
	c.run.mu.Lock()
	defer c.run.mu.Unlock()
	if c.closed || c.run.cancelled {
		return false
	}
	c.waiters[w] = struct{}{}
	c.run.settle()
	return true
}

// Publish ends the call with an outcome, once; later outcomes are dropped.
func (c *Call) Publish(o Outcome) {
	c.run.mu.Lock()
	if c.closed && isClosed(c.done) {
		c.run.mu.Unlock()
		return
	}
	c.closed = true
	c.outcome = o
	close(c.done)
	c.run.mu.Unlock()
	c.group.forget(c)
}

// LetGo tells everybody but the first caller to run for themselves, and lets nobody join any more: it is known that the
// result will not be for them.
func (c *Call) LetGo() {
	c.run.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.letGo)
	}
	c.run.mu.Unlock()
	c.group.forget(c)
}

// Wait returns the call's outcome; ok is false where the caller has to run for itself. When ctx ends, the caller leaves
// the call and gets the context's error.
//
// A leader whose argument nobody else may hold longer than the call passes the run itself as inline: it runs on the
// caller's goroutine, ends when ctx does, and Wait returns when it has returned.
func (c *Call) Wait(ctx context.Context, leader bool, inline func()) (o Outcome, ok bool) {
	parent := runOf(ctx)
	if !await(parent, c.run) {
		c.leave(ctx, leader)
		return Outcome{Err: ErrDeadlock}, true
	}
	defer unawait(parent, c.run)
	if inline != nil {
		stop := context.AfterFunc(ctx, c.run.cancel)
		defer stop()
		inline()
	}
	var letGo chan struct{}
	if !leader {
		letGo = c.letGo
	}
	select {
	case <-c.done:
	case <-letGo:
		return Outcome{}, false
	case <-ctx.Done():
		if !isClosed(c.done) { // both: the result is better than none
			c.leave(ctx, leader)
			return Outcome{Err: ctx.Err()}, true
		}
	}
	if !leader && c.notFor() {
		return Outcome{}, false
	}
	return c.outcome, true
}

// notFor reports whether the outcome is nothing for a caller who joined. The error of a context says something of the
// first caller's time, and any error says little once that caller has left: the run was perhaps cut short.
func (c *Call) notFor() bool {
	if c.outcome.Alone {
		return true
	}
	err := c.outcome.Err
	if err == nil {
		return false
	}
	var timeout interface{ Timeout() bool }
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return true
	}
	c.run.mu.Lock()
	defer c.run.mu.Unlock()
	return c.gone
}

// leave takes a caller off the call. The last one to leave the run cancels it and makes room for a new one: whoever asks
// later must not join a run that is being cancelled.
func (c *Call) leave(ctx context.Context, first bool) {
	leaving := newWaiter(ctx, first)
	c.run.mu.Lock()
	for w := range c.waiters {
		if w.same(leaving) {
			delete(c.waiters, w)
			break
		}
	}
	c.gone = c.gone || first
	c.run.mu.Unlock()
	if c.run.abandonIfEmpty() {
		for _, other := range c.run.all() {
			other.group.forget(other)
		}
	}
}

// Leave takes a caller off that joined the call and does not wait for it.
func (c *Call) Leave(ctx context.Context) { c.leave(ctx, false) }

// LeaveLed is Leave for the caller who began the call.
func (c *Call) LeaveLed(ctx context.Context) { c.leave(ctx, true) }

// Outlast waits for the call, until ctx ends, in the place of a caller who has waited with the context of and got an answer
// from elsewhere: the run goes on when that context has ended. No run waits for the call on behalf of that caller any more.
func (c *Call) Outlast(ctx, of context.Context, leader bool) {
	c.succeed(newWaiter(of, leader), newWaiter(ctx, leader))
	var letGo chan struct{}
	if !leader {
		letGo = c.letGo
	}
	select {
	case <-c.done:
	case <-letGo:
	case <-ctx.Done():
		if !isClosed(c.done) {
			c.leave(ctx, leader)
		}
	}
}

// succeed puts one caller in the place of another.
func (c *Call) succeed(old, successor *waiter) {
	c.run.mu.Lock()
	defer c.run.mu.Unlock()
	for w := range c.waiters {
		if w.same(old) {
			delete(c.waiters, w)
			break
		}
	}
	c.waiters[successor] = struct{}{}
	c.run.settle()
}

// LetGone is closed when everybody but the first caller has to run for themselves.
func (c *Call) LetGone() <-chan struct{} { return c.letGo }

// Await notes that the run of ctx, if there is one, waits for the call, until stop is called. It reports false where that
// would be for ever: the call waits for that run. It is for callers who do not use [Call.Wait].
func (c *Call) Await(ctx context.Context) (stop func(), ok bool) {
	parent := runOf(ctx)
	if !await(parent, c.run) {
		return nil, false
	}
	return func() { unawait(parent, c.run) }, true
}

// Run returns the run that computes the call.
func (c *Call) Run() *Run { return c.run }

// Done is closed when the outcome is there.
func (c *Call) Done() <-chan struct{} { return c.done }

// Ended reports whether the outcome is there.
func (c *Call) Ended() bool { return isClosed(c.done) }

// FirstGone reports whether the caller who began the call has left it.
func (c *Call) FirstGone() bool {
	c.run.mu.Lock()
	defer c.run.mu.Unlock()
	return c.gone
}

// Contexts returns the contexts of those who wait.
func (c *Call) Contexts() []context.Context {
	c.run.mu.Lock()
	defer c.run.mu.Unlock()
	all := make([]context.Context, 0, len(c.waiters))
	for w := range c.waiters {
		all = append(all, w.ctx)
	}
	return all
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
