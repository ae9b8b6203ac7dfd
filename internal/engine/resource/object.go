package resource

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/freshness"
)

// object is one opened object.
type object struct {
	key    string
	value  any
	pinned any

	validated  atomic.Int64 // wall clock
	thaws      atomic.Int64 // number of thaws when it was validated
	refreshing atomic.Bool
	retryAt    atomic.Int64 // no refresh before then

	// guarded by Pool.mu
	times      freshness.Times
	prev, next *object // in the order of use
	left       bool    // it is not in the pool any more
	released   bool
	given      bool             // it is its caller's for good
	users      map[any]struct{} // who has it: invocations, contexts, holds
}

// hold is one call of Use.
type hold struct {
	// guarded by Pool.mu
	objects []*object
	over    bool
}

// holdKey is the context key under which a call's hold travels to the run that it waits for. It names the pool: what
// the open function asks of another one is no business of this call.
type holdKey struct{ p *Pool }

// withHold returns a context that carries the call's hold; nil where it has none.
func withHold(ctx context.Context, p *Pool, h *hold) context.Context {
	if h == nil && ctx.Value(holdKey{p}) == nil {
		return ctx
	}
	return context.WithValue(ctx, holdKey{p}, h)
}

func holdOf(ctx context.Context, p *Pool) *hold {
	h, _ := ctx.Value(holdKey{p}).(*hold)
	return h
}

// keep notes who has the object from now on: the call's hold, its invocation or its context. The pool is locked.
func (p *Pool) keep(ctx context.Context, o *object) keeping {
	if o.released {
		return released
	}
	if h := holdOf(ctx, p); h != nil {
		if h.over {
			return over
		}
		if _, there := o.users[h]; !there {
			o.users[h] = struct{}{}
			h.objects = append(h.objects, o)
		}
		return kept
	}
	if inv := p.env.Invocation(ctx); inv != nil {
		added, ok := inv.OnEnd(o, func() { p.done(o, inv) })
		if added {
			o.users[inv] = struct{}{}
		}
		if ok {
			return kept
		}
	}
	done := ctx.Done()
	if done == nil {
		return endless
	}
	if _, there := o.users[done]; !there {
		o.users[done] = struct{}{}
		context.AfterFunc(ctx, func() { p.done(o, done) })
	}
	return kept
}

// keeping is what is known of how long a caller has an object.
type keeping int

const (
	kept     keeping = iota // until it says so
	endless                 // its context never ends: nobody would ever give the object back
	over                    // it is done already
	released                // it cannot have it any more
)

// ends reports whether anything tells when a call with this context is done with an object.
func (p *Pool) ends(ctx context.Context) bool {
	return ctx.Done() != nil || p.env.Invocation(ctx) != nil
}

// done notes that somebody is done with the object. The last one of an object that has left the pool releases it.
func (p *Pool) done(o *object, user any) {
	p.mu.Lock()
	delete(o.users, user)
	ready := p.ready(o)
	p.mu.Unlock()
	if ready {
		p.releaseNow(o)
	}
}

// letGo ends a hold.
func (p *Pool) letGo(ctx context.Context, h *hold) {
	p.mu.Lock()
	h.over = true
	var ready []*object
	for _, o := range h.objects {
		delete(o.users, h)
		if p.ready(o) {
			ready = append(ready, o)
		}
	}
	h.objects = nil
	p.mu.Unlock()
	p.release(ctx, ready)
}

// ready claims the release of an object that nobody has and that is not in the pool. The pool is locked.
func (p *Pool) ready(o *object) bool {
	if !o.left || o.released || o.given || len(o.users) > 0 {
		return false
	}
	o.released = true
	return true
}

// enter puts a new object into the pool, where keep is set, and returns the objects that can be released now and those
// that were pushed out. The pool is locked.
func (p *Pool) enter(o *object, keep bool) (ready, evicted []*object) {
	if !keep {
		o.left = true
		return nil, nil
	}
	if old := p.objects[o.key]; old != nil {
		ready = append(ready, p.leave(old)...)
	}
	p.objects[o.key] = o
	p.recent.add(o)
	for p.spec.MaxEntries > 0 && len(p.objects) > p.spec.MaxEntries {
		last := p.recent.last()
		evicted = append(evicted, last)
		ready = append(ready, p.leave(last)...)
	}
	return ready, evicted
}

// dismiss deals with a new object that is not kept and that nobody is known to have. Where endless callers have it, they
// get some time; one that asked for an object of its own has it for good. The pool is locked.
func (p *Pool) dismiss(o *object, endless int, alone bool) []*object {
	switch {
	case endless == 0:
		o.released = true
		return []*object{o}
	case alone:
		o.given = true
		p.out.Done()
	default:
		time.AfterFunc(p.env.ReleaseTimeout, func() { p.done(o, nil) })
	}
	return nil
}

// leave takes the object out of the pool, and returns it if it can be released now. The pool is locked.
func (p *Pool) leave(o *object) []*object {
	if o.left {
		return nil
	}
	o.left = true
	p.recent.remove(o)
	delete(p.objects, o.key)
	if p.ready(o) {
		return []*object{o}
	}
	return nil
}

func (p *Pool) leaveAll() (ready []*object) {
	for _, o := range p.objects {
		ready = append(ready, p.leave(o)...)
	}
	return ready
}

// recent is the order of use: a ring around an object that is none.
type recent struct{ root object }

func (r *recent) add(o *object) {
	if r.root.next == nil {
		r.root.next, r.root.prev = &r.root, &r.root
	}
	o.prev, o.next = &r.root, r.root.next
	o.prev.next, o.next.prev = o, o
}

func (r *recent) remove(o *object) {
	if o.next == nil {
		return
	}
	o.prev.next, o.next.prev = o.next, o.prev
	o.prev, o.next = nil, nil
}

func (r *recent) touch(o *object) {
	r.remove(o)
	r.add(o)
}

func (r *recent) last() *object { return r.root.prev }
