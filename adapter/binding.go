package adapter

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/stillwarm/stillwarm/internal/hooks"
)

// The kinds of bindings.
const (
	kindData     = "data"
	kindResource = "resource"
)

// binding is a wrapped function before it meets a Runtime: wrapping touches none. A function that was given one with
// WithRuntime uses that; any other uses the default runtime, which is made at its first use, or in tests the one in the
// context.
type binding struct {
	kind     string
	id       identity
	opts     *options
	releases bool // a resource with something to release
	notices  []func(context.Context, *Runtime)
	in, out  reflect.Type
}

// runtime returns the Runtime that a call with this context uses.
func (b *binding) runtime(ctx context.Context) *Runtime {
	if b.opts.runtime != nil {
		return b.opts.runtime
	}
	return runtimeIn(ctx)
}

// runtimeIn returns the default runtime, or in tests the one that the context carries.
func runtimeIn(ctx context.Context) *Runtime {
	if hooks.Testing.Load() {
		if rt, _ := hooks.RuntimeIn(ctx).(*Runtime); rt != nil {
			return rt
		}
	}
	return Default()
}

// announce says what there is to say about the wrap itself, such as that its name is deprecated. Each notice takes care
// that it is said once.
func (b *binding) announce(ctx context.Context, rt *Runtime) {
	for _, notice := range b.notices {
		notice(ctx, rt)
	}
}

// perRuntime is a function's state in each Runtime that it is used with: one in production.
type perRuntime[T any] struct {
	b *binding
	// build makes the state, and returns what is to be said in the log about that, or nil. It runs under a lock that
	// every call of the function may need, so it neither logs nor calls the user's code.
	build func(*Runtime) (state *T, say func(context.Context))

	bound  atomic.Pointer[T] // the state in production
	mu     sync.Mutex
	states map[*Runtime]*T
}

func newPerRuntime[T any](b *binding, build func(*Runtime) (*T, func(context.Context))) *perRuntime[T] {
	return &perRuntime[T]{b: b, build: build}
}

// of returns the function's state in the Runtime that a call with this context uses.
func (p *perRuntime[T]) of(ctx context.Context) *T {
	if t := p.bound.Load(); t != nil && !hooks.Testing.Load() {
		return t
	}
	return p.in(ctx, p.b.runtime(ctx))
}

// in returns the function's state in a Runtime, made at the first use.
func (p *perRuntime[T]) in(ctx context.Context, rt *Runtime) *T {
	p.mu.Lock()
	t := p.states[rt]
	if t != nil {
		p.mu.Unlock()
		return t
	}
	t, say := p.build(rt)
	if p.states == nil {
		p.states = map[*Runtime]*T{}
	}
	p.states[rt] = t
	if p.b.opts.runtime != nil || !hooks.Testing.Load() {
		p.bound.Store(t)
	}
	p.mu.Unlock()
	p.b.announce(ctx, rt)
	if say != nil {
		say(ctx)
	}
	return t
}

// ensure makes the state in a Runtime.
func (p *perRuntime[T]) ensure(ctx context.Context, rt *Runtime) { p.in(ctx, rt) }

// forget drops the state in a Runtime.
func (p *perRuntime[T]) forget(rt *Runtime) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.states[rt]; t != nil && p.bound.Load() == t {
		p.bound.Store(nil)
	}
	delete(p.states, rt)
}

// states is a perRuntime of any type.
type states interface {
	ensure(ctx context.Context, rt *Runtime)
	forget(rt *Runtime)
}

// bind enters a function under its name where it is wrapped: in its Runtime, or in the program. The same function with
// the same options again gets the states of the first time; anything else under the name is an error that names both
// places. Where the Runtime exists already, the function is bound to it at once, so that what there is to say is said
// then.
func bind[T any](b *binding, build func(*Runtime) (*T, func(context.Context))) (*perRuntime[T], error) {
	r := &unbound
	if rt := b.opts.runtime; rt != nil {
		r = rt.registry
	}
	made, problem := r.enter(b, func() states { return newPerRuntime(b, build) })
	if problem != nil {
		return nil, problem
	}
	p := made.(*perRuntime[T])
	ctx := context.Background()
	switch rt := existingDefault(); {
	case b.opts.runtime != nil:
		p.in(ctx, b.opts.runtime)
		b.announce(ctx, b.opts.runtime) // a second wrap has notices of its own
	case rt != nil:
		b.announce(ctx, rt)
	}
	return p, nil
}
