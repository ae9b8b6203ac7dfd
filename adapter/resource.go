package adapter

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"reflect"
	"sync"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/internal/clone"
	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/resource"
)

// Resource is a cache of shared objects: connections, clients, models. It is safe for concurrent use, and what it
// returns must be too.
type Resource[In, Out any] struct{ ref resourceRef }

// resourceCore is a Resource without its types. An object is an any that holds a pointer to it.
type resourceCore struct {
	resourceTypes

	pools *perRuntime[resourceState]
	keys  *argumentKey
	args  *clone.ArgumentPlan
	valid func(ctx context.Context, in, out ptr) error // nil: always
}

// resourceRef is a *resourceCore, of which those who have it know nothing.
type resourceRef struct{ core any }

func poolOf(r resourceRef) *resourceCore { return r.core.(*resourceCore) }

// resourceState is a resource in one Runtime.
type resourceState struct {
	*resource.Pool
	rt   *Runtime
	opts *options
}

// CacheResource returns open with its objects cached: one object for each argument and scope in each container, opened
// once, however many callers wait, and shared by all. It is meant for package-level variables and panics where
// [NewResource] returns an error.
//
// The most important options are [TTL], [MaxEntries], [Spinner] and [Validate].
func CacheResource[In, Out any](open func(context.Context, In) (Out, error), opts ...ResourceOption) *Resource[In, Out] {
	return &Resource[In, Out]{mustResource(newResource(resourceTypesOf(open), resourceOptions(callerPlace(0), opts)))}
}

// NewResource is [CacheResource] with an error instead of a panic: an [*UnhashableParamError], a [*UserHashError] or an
// [*OptionError].
func NewResource[In, Out any](open func(context.Context, In) (Out, error), opts ...ResourceOption) (*Resource[In, Out], error) {
	ref, err := newResource(resourceTypesOf(open), resourceOptions(callerPlace(0), opts))
	if err != nil {
		return nil, err
	}
	return &Resource[In, Out]{ref}, nil
}

func mustResource(r resourceRef, err error) resourceRef {
	if err != nil {
		panic(inFull{err})
	}
	return r
}

func resourceOptions(place string, opts []ResourceOption) *options {
	o := &options{place: place}
	for _, opt := range opts {
		if opt != nil {
			opt.applyResource(o)
		}
	}
	return o
}

func newResource(t resourceTypes, o *options, notices ...func(context.Context, *Runtime)) (resourceRef, error) {
	if t.wrapped == nil {
		return resourceRef{}, &OptionError{Option: "function", Value: "nil", Place: o.place, Reason: "CacheResource needs a function"}
	}
	id, err := o.check(kindResource, t.wrapped, t.in, t.out)
	if err != nil {
		return resourceRef{}, err
	}
	c := &resourceCore{resourceTypes: t, args: clone.ForArgument(t.in), valid: validator(o)}
	if c.keys, err = compileArgument(t.in, t.assignIn, o, id, true); err != nil {
		return resourceRef{}, err
	}
	release := releaser(t.out, o)
	b := &binding{kind: kindResource, id: id, opts: o, releases: release != nil, notices: notices, in: t.in, out: t.out}
	c.pools, err = bind(b, func(rt *Runtime) (*resourceState, func(context.Context)) {
		s := &resourceState{Pool: resource.New(rt.resources, o.resourceSpec(rt, id, release)), rt: rt, opts: o}
		rt.addPool(s)
		return s, nil
	})
	if err != nil {
		return resourceRef{}, err
	}
	return resourceRef{c}, nil
}

// validator returns what the options say of when an object is valid: nil where they say nothing.
func validator(o *options) func(ctx context.Context, in, out ptr) error {
	if f, ok := o.validateErr.call.(func(context.Context, ptr) error); ok {
		return func(ctx context.Context, _, out ptr) error { return f(ctx, out) }
	}
	var valid func(ctx context.Context, in, out ptr) bool
	if f, ok := o.validate.call.(func(context.Context, ptr) bool); ok {
		valid = func(ctx context.Context, _, out ptr) bool { return f(ctx, out) }
	} else if valid, ok = o.validateWith.call.(func(ctx context.Context, in, out ptr) bool); !ok {
		return nil
	}
	return func(ctx context.Context, in, out ptr) error {
		if !valid(ctx, in, out) {
			return errNotValid
		}
		return nil
	}
}

// errNotValid is the cause where a validation says no more than that.
var errNotValid = errors.New("its validation returned false")

// releaser returns what releases an object: the option's function, the object's own Close, or nil.
func releaser(t reflect.Type, o *options) func(context.Context, any) error {
	if hook, ok := o.onRelease.call.(func(context.Context, ptr) error); ok {
		return func(ctx context.Context, v any) error { return hook(ctx, target(v)) }
	}
	if t.Kind() != reflect.Interface && !t.Implements(reflect.TypeFor[io.Closer]()) && !t.Implements(reflect.TypeFor[quietCloser]()) {
		return nil
	}
	return func(_ context.Context, v any) error {
		switch c := valueAt(t, target(v)).(type) {
		case io.Closer:
			return c.Close()
		case quietCloser:
			c.Close()
		}
		return nil
	}
}

type quietCloser interface{ Close() }

// Get returns the object for in: the one that this container has, after its validation, or a newly opened one. Errors
// and panics of the open function reach every caller that waited for it and are not cached; [ErrInvalid] says that a new
// object, opened in place of an invalid one, was not valid either. The object is shared. It is not released as long as
// the invocation that got it runs: in Lambda until the handler has returned and the work after the response is done;
// elsewhere until ctx ends. Where ctx never ends nothing keeps the object open: use [Resource.Use].
func (r *Resource[In, Out]) Get(ctx context.Context, in In) (out Out, err error) {
	v, err := r.ref.get(ctx, ptr(&in))
	if v != nil {
		out = *(*Out)(v)
	}
	return out, err
}

func (r resourceRef) get(ctx context.Context, in ptr) (ptr, error) {
	c := poolOf(r)
	p := c.pools.of(ctx)
	if devchannel.Linked && p.rt.dev != nil {
		ctx = p.rt.dev.enter(ctx, nil, valueAt(c.in, in), nil)
	}
	a, opening, err := c.access(ctx, p, in)
	if err != nil {
		return nil, err
	}
	defer opening.end()
	v, err := p.Get(ctx, a)
	if err != nil {
		return nil, recursive(err)
	}
	return target(v), nil
}

// Use calls use with the object that Get would return, and keeps the object open exactly as long as use runs, whatever
// happens to the cache meanwhile. Prefer it where contexts may never end: in a service, or in a background loop. Its
// error is that of Get, or that of use. Do not keep the object after use returns.
func (r *Resource[In, Out]) Use(ctx context.Context, in In, use func(Out) error) error {
	return r.ref.use(ctx, ptr(&in), func(out ptr) error { return use(*(*Out)(out)) })
}

func (r resourceRef) use(ctx context.Context, in ptr, use func(out ptr) error) error {
	c := poolOf(r)
	p := c.pools.of(ctx)
	a, opening, err := c.access(ctx, p, in)
	if err != nil {
		return err
	}
	defer opening.end()
	used := false
	err = p.Use(ctx, a, func(v any) error {
		used = true
		return use(target(v))
	})
	if used {
		return err
	}
	return recursive(err)
}

// recursive turns what package flight reports into the error of this package.
func recursive(err error) error {
	if errors.Is(err, flight.ErrDeadlock) {
		return ErrRecursive
	}
	return err
}

// opening keeps an open function from working on an argument that its owner may change: it begins before the call ends
// or not at all, and the call ends when it has returned. It is nil for an argument that nobody can change.
type opening struct {
	mu    sync.Mutex
	over  bool
	stop  context.CancelFunc // of the open function under way
	under sync.WaitGroup
}

// begin returns the context of an open function that begins now; ok is false where the call is over.
func (o *opening) begin(ctx context.Context) (_ context.Context, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return ctx, false
	}
	o.under.Add(1)
	ctx, o.stop = context.WithCancel(ctx)
	return ctx, true
}

// end ends the call: what it opens is stopped, and waited for. Others who wait for that open for themselves.
func (o *opening) end() {
	if o == nil {
		return
	}
	o.mu.Lock()
	o.over = true
	if o.stop != nil {
		o.stop()
	}
	o.mu.Unlock()
	o.under.Wait()
}

// access is what the pool needs to know of a call, and what ends with it.
func (c *resourceCore) access(ctx context.Context, p *resourceState, in ptr) (resource.Access, *opening, error) {
	a := resource.Access{Open: func(ctx context.Context) (any, error) { return c.open(ctx, in) }}
	var own *opening
	if c.args.ByType() != clone.Immutable {
		own = new(opening)
		a.Open = func(ctx context.Context) (any, error) {
			ctx, ok := own.begin(ctx)
			if !ok {
				return nil, context.Canceled
			}
			defer own.under.Done()
			return c.open(ctx, in)
		}
		a.Later = func() func(context.Context) (any, error) {
			arg, custody := c.args.Take(c.assignIn, in)
			if custody == clone.Borrowed || c.keys.plan.MayHoldAddresses() {
				return nil
			}
			return func(ctx context.Context) (any, error) { return c.open(ctx, arg) }
		}
	}
	if c.valid != nil {
		a.Valid = func(ctx context.Context, v any) error { return c.valid(ctx, in, target(v)) }
		if devchannel.Linked && p.rt.dev != nil {
			a.Valid = p.rt.dev.validating(p.Name(), a.Valid)
		}
	}
	k, cached, pinned, err := c.key(ctx, p, in)
	a.Key, a.Alone, a.Pinned = k, !cached, pinned
	return a, own, err
}

// key returns the key of a call, and what must stay in memory as long as an object is kept under it: what the key holds
// the addresses of. cached is false where the call is to get an object of its own.
func (c *resourceCore) key(ctx context.Context, p *resourceState, in ptr) (k string, cached bool, pinned any, err error) {
	scope, cached := p.opts.scopeOf(ctx, p.rt)
	if !cached {
		return "", false, nil, nil
	}
	enc, cached, pinned, err := c.keys.appendPinned(scope.appendTo(make([]byte, 0, 128)), in)
	if err != nil && p.rt.withoutKey(ctx, p.Name(), err) {
		return "", false, nil, nil
	}
	if err != nil || !cached {
		return "", cached, nil, err
	}
	return localKey(enc), true, pinned, nil
}

// longestKey is where a key in memory stops being the argument itself and becomes its digest.
const longestKey = 512

// localKey returns a key for this container's memory: the encoding itself, or its digest where it is long.
func localKey(enc []byte) string {
	if len(enc) <= longestKey {
		return string(enc)
	}
	sum := sha256.Sum256(enc)
	return "\xff" + string(sum[:]) // no scope is so long that a frame begins so
}

// Clear removes every object from this container's cache; each is released when nobody has it any more. It returns when
// every later Get opens a new one. Other containers have objects of their own.
func (r *Resource[In, Out]) Clear(ctx context.Context) error {
	r.ref.clear(ctx)
	return nil
}

func (r resourceRef) clear(ctx context.Context) {
	p := poolOf(r).pools.of(ctx)
	p.opts.warnAtClear(ctx, p.rt)
	p.Clear(ctx)
}

// ClearFor removes the object for this argument, in the context's scope. It is not an error if there is none.
func (r *Resource[In, Out]) ClearFor(ctx context.Context, in In) error {
	return r.ref.clearFor(ctx, ptr(&in))
}

func (r resourceRef) clearFor(ctx context.Context, in ptr) error {
	c := poolOf(r)
	p := c.pools.of(ctx)
	p.opts.warnAtClear(ctx, p.rt)
	k, cached, _, err := c.key(ctx, p, in)
	if err != nil {
		return err
	}
	if !cached {
		return p.opts.knowsScope(ctx, p.rt)
	}
	p.ClearFor(ctx, k)
	return nil
}

// Stats returns what happened in this container since the resource was wrapped.
func (r *Resource[In, Out]) Stats() ResourceStats { return r.ref.stats() }

//go:noinline
func (r resourceRef) stats() ResourceStats {
	return poolOf(r).pools.of(context.Background()).snapshot()
}

//go:noinline
func (r resourceRef) name() string { return poolOf(r).pools.b.id.name }
