// Package resource keeps the shared objects of one cached resource in this container: connections, clients, models. It
// knows neither their types nor the options of users.
//
// An object is opened by one caller while others who ask for its key wait (package flight). It then lives in the pool
// until it expires, is pushed out, fails its validation, is cleared, replaced by a refresh, or the pool shuts down. From
// then on nobody new gets it; it is released, once, when the last of those who have it is done: an invocation, a context
// that ends, or a call of [Pool.Use].
//
// One mutex guards the books; neither users' code nor an observer is called under it.
package resource

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/internal/pending"
)

// ErrInvalid is what a call gets whose newly opened object does not pass its validation either. The error that wraps it
// wraps the validation's cause as well.
var ErrInvalid = errors.New("a newly opened resource is not valid")

// coolDown is how long a refresh that failed is not tried again.
const coolDown = time.Minute

// Env is what a process offers its resources. It does not change.
type Env struct {
	// Now is the wall-clock time in nanoseconds since 1970.
	Now func() int64
	Log func(ctx context.Context, level slog.Level, msg string, args ...any)
	// LogOnce is Log, once per key.
	LogOnce func(ctx context.Context, key string, level slog.Level, msg string, args ...any)
	// Emit tells observers of an event; Observed reports whether there are any.
	Emit     func(ctx context.Context, e Event)
	Observed func(ctx context.Context) bool
	// Defer does a job once the response is out, or as soon as that is possible. It may run the job before it returns.
	Defer func(ctx context.Context, job func(context.Context))
	// DeferRefresh is Defer for a job that no response should wait for: drop is called in its place where one would.
	DeferRefresh func(ctx context.Context, job func(context.Context), drop func())
	// Invocation returns the invocation that a call belongs to, or nil.
	Invocation func(ctx context.Context) *invocation.Invocation
	// Begin counts a call that opens something, so that closing waits for it; it reports false when the process is
	// closing. End ends what Begin counted.
	Begin func() bool
	End   func()
	// Closed reports whether the process is closing: what is opened then is not kept.
	Closed func() bool
	// Used notes a use and returns how often the process was thawed so far; Thaws only returns it.
	Used  func() int64
	Thaws func() int64
	// ReleaseTimeout bounds each release.
	ReleaseTimeout time.Duration
}

// Spec is what a resource's options say. It does not change.
type Spec struct {
	Name          string
	Policy        freshness.Policy
	MaxEntries    int           // zero: no bound
	ValidateEvery time.Duration // zero: at every access
	Release       func(ctx context.Context, value any) error
	// Progress shows that an object is being opened until the function it returns is called.
	Progress func(ctx context.Context) func()
}

// Access is one call.
type Access struct {
	Key string
	// Alone asks for an object of the call's own, which is not kept.
	Alone bool
	Open  func(context.Context) (any, error)
	// Later returns what opens after the call, when the owner of the call's argument may have changed it, or nil: nothing
	// does. Where Later is nil that is Open.
	Later func() func(context.Context) (any, error)
	Valid func(context.Context, any) error // nil: always
	// Pinned is what must stay in memory as long as the object is kept, because the key holds its address.
	Pinned any
}

// Pool holds the objects of one resource. It is safe for concurrent use.
type Pool struct {
	env  *Env
	spec Spec
	// Stats counts what happened.
	Stats Counters

	flights flight.Group
	clears  invalidation.Log // decides whether what was opened may be kept; its lock is taken within mu
	out     pending.Counter  // objects that are being opened, or are not released yet
	alone   atomic.Uint64    // calls that asked for an object of their own

	mu      sync.Mutex
	objects map[string]*object
	recent  recent
}

// New returns an empty pool.
func New(env *Env, spec Spec) *Pool {
	return &Pool{env: env, spec: spec, objects: map[string]*object{}}
}

// Releases reports whether objects have anything to release.
func (p *Pool) Releases() bool { return p.spec.Release != nil }

// Name returns the resource's name.
func (p *Pool) Name() string { return p.spec.Name }

// Get returns an object that is open and valid, as far as anybody can know. The call's invocation has it until that is
// over, or the call's context until it ends; a context that never ends keeps nothing.
func (p *Pool) Get(ctx context.Context, a Access) (any, error) {
	o, err := p.acquire(ctx, a, nil)
	if err != nil {
		return nil, err
	}
	return o.value, nil
}

// Use calls use with an object that is open and valid, and keeps it just as long as use runs.
func (p *Pool) Use(ctx context.Context, a Access, use func(any) error) error {
	h := &hold{}
	defer p.letGo(ctx, h)
	o, err := p.acquire(ctx, a, h)
	if err != nil {
		return err
	}
	return use(o.value)
}

// acquire returns an object that the call has from now on: by its hold, or where that is nil by its context.
func (p *Pool) acquire(ctx context.Context, a Access, h *hold) (*object, error) {
	ctx = withHold(ctx, p, h)
	if a.Alone || p.env.Closed() {
		return p.openAlone(ctx, a)
	}
	thaws := p.env.Used()
	o, state := p.lookup(ctx, a.Key)
	if o == nil {
		return p.open(ctx, a)
	}
	cause := p.validate(ctx, a, o, thaws)
	if cause == nil {
		p.hit(ctx, a, o, state)
		return o, nil
	}
	if err := ctx.Err(); err != nil { // the call's time is over: that says nothing about the object
		return nil, err
	}
	p.discard(ctx, o)
	return p.reopen(ctx, a)
}

// lookup returns the object under key, in use by the call, and how fresh it is; nil where there is none.
func (p *Pool) lookup(ctx context.Context, key string) (*object, freshness.State) {
	p.mu.Lock()
	o := p.objects[key]
	if o == nil {
		p.mu.Unlock()
		return nil, freshness.Expired
	}
	state := p.age(o)
	if state > freshness.Stale {
		ready := p.leave(o)
		p.mu.Unlock()
		p.release(ctx, ready)
		return nil, freshness.Expired
	}
	p.recent.touch(o)
	p.keep(ctx, o)
	p.mu.Unlock()
	return o, state
}

// age returns how fresh the object is. Where the clock was set back it is kept no longer than its ttl from now. The pool
// is locked.
func (p *Pool) age(o *object) freshness.State {
	now := p.env.Now()
	o.times, _ = freshness.Present(o.times, now)
	return p.spec.Policy.State(o.times, now)
}

func (p *Pool) hit(ctx context.Context, a Access, o *object, state freshness.State) {
	kind := Hit
	if state == freshness.Stale {
		kind = Stale
		p.Stats.Stale.Add(1)
		p.refreshLater(ctx, a, o)
	} else {
		p.Stats.Hits.Add(1)
	}
	p.tell(ctx, kind, o)
}

// Clear takes every object out; each is released when nobody has it any more. Objects that are being opened go to their
// callers and are not kept.
func (p *Pool) Clear(ctx context.Context) {
	p.release(ctx, p.clearAll())
}

func (p *Pool) clearAll() (ready []*object) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clears.Clear(nil)
	p.flights.DropAll()
	return p.leaveAll()
}

// ClearFor is Clear for one key.
func (p *Pool) ClearFor(ctx context.Context, key string) {
	p.mu.Lock()
	p.clears.ClearKey(key, nil)
	p.flights.Drop(key)
	var ready []*object
	if o := p.objects[key]; o != nil {
		ready = p.leave(o)
	}
	p.mu.Unlock()
	p.release(ctx, ready)
}

// Shutdown takes every object out and waits until all are released, or ctx ends. The Env says by then that the process is
// closing.
func (p *Pool) Shutdown(ctx context.Context) error {
	for _, o := range p.clearAll() {
		go p.releaseNow(o)
	}
	if !p.out.Wait(ctx) {
		return errors.New("objects of '" + p.spec.Name + "' are still in use, or their release takes too long")
	}
	return nil
}

// Len returns the number of objects in the pool.
func (p *Pool) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.objects)
}
