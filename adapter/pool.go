package adapter

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/pending"
)

// pool holds the objects of one resource in this container.
type pool struct {
	rt      *Runtime
	id      identity
	opts    *options
	release func(context.Context, any) error // nil: nothing to release
	stats   poolCounters

	uncached atomic.Int64 // calls that got an object of their own

	flights flight.Group
	out     pending.Counter // objects that are not released yet

	mu      sync.Mutex
	objects map[string]*object
	recent  *list.List // of *object, the most recently used first
}

// object is one opened object. The fields below mu are guarded by the pool's.
type object struct {
	key   string
	value any // *Out

	validated  atomic.Int64 // wall clock
	thaw       atomic.Int64 // number of thaws when it was validated
	refreshing atomic.Bool
	retryAt    atomic.Int64

	created  int64
	place    *list.Element
	left     bool // it is not in the cache any more
	released bool
	users    map[any]struct{} // invocations and contexts that have it
}

// access is one call.
type access struct {
	key      string
	uncached bool // this call gets an object of its own
	open     func(context.Context) (any, error)
	valid    func(context.Context, any) bool // nil: always
}

func newPool(rt *Runtime, id identity, o *options, release func(context.Context, any) error) *pool {
	p := &pool{rt: rt, id: id, opts: o, release: release, objects: map[string]*object{}, recent: list.New()}
	rt.addPool(p)
	return p
}

// get returns an object that is open and valid, as far as anybody can know.
func (p *pool) get(ctx context.Context, a access) (any, error) {
	if a.uncached {
		a.key = fmt.Sprintf("\x00uncached %d", p.uncached.Add(1))
	}
	if a.uncached || p.rt.off() {
		return p.open(ctx, a)
	}
	thaw := p.rt.thawed()
	o, stale := p.lookup(ctx, a.key)
	if o == nil {
		return p.open(ctx, a)
	}
	if p.valid(ctx, a, o, thaw) {
		p.hit(ctx, a, o, stale)
		return o.value, nil
	}
	p.stats.invalid.Add(1)
	p.discard(ctx, o)
	return p.reopen(ctx, a)
}

func (p *pool) hit(ctx context.Context, a access, o *object, stale bool) {
	e := Event{Kind: EventHit, Function: p.id.name, Tier: TierMemory, Age: time.Duration(p.rt.now() - o.created)}
	if p.opts.ttl > 0 {
		e.Expires, e.TTL = true, p.opts.ttl-e.Age
	}
	if stale {
		e.Kind = EventStale
		p.stats.stale.Add(1)
		p.refreshLater(ctx, a, o)
	} else {
		p.stats.hits.Add(1)
	}
	p.rt.emit(ctx, e)
}

// lookup returns the object under key, in use by ctx, and whether it is in its stale window; nil where there is none.
func (p *pool) lookup(ctx context.Context, key string) (o *object, stale bool) {
	p.mu.Lock()
	o = p.objects[key]
	if o == nil {
		p.mu.Unlock()
		return nil, false
	}
	now := p.rt.now()
	if o.created > now { // the clock was set back: kept no longer than the ttl from now
		o.created = now
	}
	if ttl := p.opts.ttl; ttl > 0 {
		age := time.Duration(now - o.created)
		stale = age >= ttl
		if age >= ttl+p.opts.staleFor {
			ready := p.leave(o)
			p.mu.Unlock()
			p.finish(ctx, ready)
			return nil, false
		}
	}
	p.recent.MoveToFront(o.place)
	p.use(ctx, o)
	p.mu.Unlock()
	return o, stale
}

// valid validates the object unless that may be skipped. It runs outside every lock.
func (p *pool) valid(ctx context.Context, a access, o *object, thaw int64) (ok bool) {
	if a.valid == nil {
		return true
	}
	now := p.rt.now()
	if every := p.opts.validateEvery; every > 0 && o.thaw.Load() == thaw {
		if since := time.Duration(now - o.validated.Load()); since >= 0 && since < every {
			return true
		}
	}
	defer func() {
		if r := recover(); r != nil {
			ok = false
			p.rt.log(ctx, slog.LevelWarn, "validating a resource panicked; it is opened anew", "function", p.id.name, "panic", r)
		}
	}()
	if !a.valid(ctx, o.value) {
		return false
	}
	o.validated.Store(now)
	o.thaw.Store(thaw)
	return true
}

// open returns an object that one caller opens while the others wait.
func (p *pool) open(ctx context.Context, a access) (any, error) {
	for {
		start := time.Now()
		v, joined, err := p.flights.Do(ctx, a.key, func(ctx context.Context, call *flight.Call) (any, error) {
			return p.make(ctx, call, a)
		})
		if joined {
			p.stats.waits.Add(1)
			p.rt.emit(ctx, Event{Kind: EventWait, Function: p.id.name, Duration: time.Since(start), Err: err})
		}
		if errors.Is(err, flight.ErrDeadlock) {
			return nil, ErrRecursive
		}
		if err != nil {
			return nil, err
		}
		o := v.(*object)
		p.mu.Lock()
		alive := p.use(ctx, o)
		p.mu.Unlock()
		if alive {
			return o.value, nil
		}
	}
}

// reopen is open after a failed validation: what it opens must be valid.
func (p *pool) reopen(ctx context.Context, a access) (any, error) {
	v, err := p.open(ctx, a)
	if err != nil || a.valid == nil {
		return v, err
	}
	p.mu.Lock()
	o := p.objects[a.key]
	p.mu.Unlock()
	if o == nil || o.value != v {
		o = &object{value: v} // cleared meanwhile: it is this caller's all the same
	}
	if p.valid(ctx, a, o, -1) {
		o.thaw.Store(p.rt.thaws.Load())
		return v, nil
	}
	p.stats.invalid.Add(1)
	if o.place != nil {
		p.discard(ctx, o)
	}
	return nil, fmt.Errorf("%w: '%s' was opened again after it had failed its validation, and failed it again",
		ErrInvalid, shortName(p.id.name))
}

// make runs the open function and puts the object into the cache.
func (p *pool) make(ctx context.Context, call *flight.Call, a access) (any, error) {
	p.mu.Lock()
	if o := p.objects[a.key]; o != nil && !p.expired(o) && !call.Dropped() && !o.refreshing.Load() {
		p.mu.Unlock()
		return o, nil // opened by the run before this one
	}
	p.mu.Unlock()
	v, err := p.run(ctx, a)
	if err != nil {
		return nil, err
	}
	now := p.rt.now()
	o := &object{key: a.key, value: v, created: now, users: map[any]struct{}{}}
	o.validated.Store(now)
	o.thaw.Store(p.rt.thaws.Load())
	p.out.Add()
	p.mu.Lock()
	// Whoever waits has it from now on, so that it cannot be released between here and there.
	for _, waiting := range call.Contexts() {
		p.use(waiting, o)
	}
	ready := p.enter(o, !a.uncached && !call.Dropped() && !p.rt.off())
	p.mu.Unlock()
	p.finish(ctx, ready)
	return o, nil
}

func (p *pool) expired(o *object) bool {
	return p.opts.ttl > 0 && time.Duration(p.rt.now()-o.created) >= p.opts.ttl
}

func (p *pool) run(ctx context.Context, a access) (v any, err error) {
	p.stats.misses.Add(1)
	p.rt.emit(ctx, Event{Kind: EventMiss, Function: p.id.name})
	start := time.Now()
	defer p.opts.spinner.start(ctx, p.rt, p.id.name)()
	defer func() {
		p.stats.opens.Add(1)
		if err != nil {
			p.stats.errors.Add(1)
		}
		p.rt.emit(ctx, Event{Kind: EventRun, Function: p.id.name, Duration: time.Since(start), Err: err})
	}()
	return a.open(ctx)
}

// refreshLater opens a new object after the response, in place of one past its ttl.
func (p *pool) refreshLater(ctx context.Context, a access, o *object) {
	if p.rt.now() < o.retryAt.Load() || !o.refreshing.CompareAndSwap(false, true) {
		return
	}
	p.rt.after(ctx, func(ctx context.Context) {
		defer o.refreshing.Store(false)
		_, _, err := p.flights.Do(ctx, a.key, func(ctx context.Context, call *flight.Call) (any, error) {
			return p.make(ctx, call, a)
		})
		if err != nil {
			o.retryAt.Store(p.rt.now() + int64(refreshCoolDown))
			p.rt.log(ctx, slog.LevelWarn, "a refresh failed; the stale resource is kept until its window ends",
				"function", p.id.name, "error", err.Error(), "next", refreshCoolDown.String())
		}
	})
}

func (p *pool) snapshot() ResourceStats {
	p.mu.Lock()
	open := len(p.objects)
	p.mu.Unlock()
	s := &p.stats
	return ResourceStats{
		Hits: s.hits.Load(), Stale: s.stale.Load(), Misses: s.misses.Load(), Opens: s.opens.Load(), Errors: s.errors.Load(),
		Waits: s.waits.Load(), Invalid: s.invalid.Load(), Releases: s.releases.Load(), Open: open,
	}
}
