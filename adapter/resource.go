package adapter

import (
	"context"
	"io"
	"reflect"
)

// Resource is a cache of shared objects: connections, clients, models. It is safe for concurrent use, and what it
// returns must be too.
type Resource[In, Out any] struct {
	pools *perRuntime[pool]
	open  func(context.Context, In) (Out, error)
	keys  *argumentKey[In]

	validate     func(context.Context, Out) bool
	validateWith func(context.Context, In, Out) bool
}

// CacheResource returns open with its objects cached: one object for each argument and scope in each container, opened
// once, however many callers wait, and shared by all. It is meant for package-level variables and panics where
// [NewResource] returns an error.
//
// The most important options are [TTL], [MaxEntries], [Spinner] and [Validate].
func CacheResource[In, Out any](open func(context.Context, In) (Out, error), opts ...ResourceOption) *Resource[In, Out] {
	r, err := newResource(open, resourceOptions(callerPlace(0), opts))
	if err != nil {
		panic(err)
	}
	return r
}

// NewResource is [CacheResource] with an error instead of a panic: an [*UnhashableParamError], a [*UserHashError] or an
// [*OptionError].
func NewResource[In, Out any](open func(context.Context, In) (Out, error), opts ...ResourceOption) (*Resource[In, Out], error) {
	return newResource(open, resourceOptions(callerPlace(0), opts))
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

func newResource[In, Out any](open func(context.Context, In) (Out, error), o *options, notices ...func(context.Context, *Runtime)) (*Resource[In, Out], error) {
	if open == nil {
		return nil, &OptionError{Option: "function", Value: "nil", Place: o.place, Reason: "CacheResource needs a function"}
	}
	id, err := o.check(kindResource, open, reflect.TypeFor[In](), reflect.TypeFor[Out]())
	if err != nil {
		return nil, err
	}
	r := &Resource[In, Out]{open: open}
	if r.keys, err = compileArgument[In](o, id, true); err != nil {
		return nil, err
	}
	r.validate, _ = o.validate.fn.(func(context.Context, Out) bool)
	r.validateWith, _ = o.validateWith.fn.(func(context.Context, In, Out) bool)
	release := releaser[Out](o)
	b := &binding{kind: kindResource, id: id, opts: o, releases: release != nil, notices: notices}
	r.pools, err = bind(b, func(rt *Runtime) (*pool, func(context.Context)) { return newPool(rt, id, o, release), nil })
	if err != nil {
		return nil, err
	}
	return r, nil
}

// releaser returns what releases an object: the option's function, the object's own Close, or nil.
func releaser[Out any](o *options) func(context.Context, any) error {
	if hook, ok := o.onRelease.fn.(func(context.Context, Out) error); ok {
		return func(ctx context.Context, v any) error { return hook(ctx, *v.(*Out)) }
	}
	t := reflect.TypeFor[Out]()
	if t.Kind() != reflect.Interface && !t.Implements(reflect.TypeFor[io.Closer]()) && !t.Implements(reflect.TypeFor[quietCloser]()) {
		return nil
	}
	return func(_ context.Context, v any) error {
		switch c := any(*v.(*Out)).(type) {
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
// and panics of the open function reach every caller that waited for it and are not cached. The object is shared. It
// is not released as long as the invocation that got it runs: in Lambda until the handler has returned and the work
// after the response is done; elsewhere until ctx ends, where it can end. A caller whose context never ends should not
// keep the object longer than it needs it.
func (r *Resource[In, Out]) Get(ctx context.Context, in In) (Out, error) {
	var zero Out
	p := r.pools.of(ctx)
	k, cached, err := r.key(ctx, p, in)
	if err != nil {
		return zero, err
	}
	a := access{
		key:      k,
		uncached: !cached,
		open: func(ctx context.Context) (any, error) {
			out, err := r.open(ctx, in)
			return &out, err
		},
	}
	switch {
	case r.validate != nil:
		a.valid = func(ctx context.Context, v any) bool { return r.validate(ctx, *v.(*Out)) }
	case r.validateWith != nil:
		a.valid = func(ctx context.Context, v any) bool { return r.validateWith(ctx, in, *v.(*Out)) }
	}
	v, err := p.get(ctx, a)
	if err != nil {
		return zero, err
	}
	return *v.(*Out), nil
}

// key returns the key of a call. cached is false where the call is to get an object of its own.
func (r *Resource[In, Out]) key(ctx context.Context, p *pool, in In) (k string, cached bool, err error) {
	scope, cached := p.opts.scopeOf(ctx, p.rt)
	if !cached {
		return "", false, nil
	}
	enc, cached, err := r.keys.append(scope.appendTo(make([]byte, 0, 128)), &in)
	if err != nil && p.rt.withoutKey(ctx, p.id.name, err) {
		return "", false, nil
	}
	if err != nil || !cached {
		return "", cached, err
	}
	return string((&keyBuffer{enc: enc}).local()), true, nil
}

// Clear removes every object from this container's cache; each is released when no invocation uses it any more. It
// returns when every later Get opens a new one. Other containers have objects of their own.
func (r *Resource[In, Out]) Clear(ctx context.Context) error {
	r.pools.of(ctx).clear(ctx)
	return nil
}

// ClearFor removes the object for this argument, in the context's scope. It is not an error if there is none.
func (r *Resource[In, Out]) ClearFor(ctx context.Context, in In) error {
	p := r.pools.of(ctx)
	k, cached, err := r.key(ctx, p, in)
	if err != nil || !cached {
		return err
	}
	p.clearFor(ctx, k)
	return nil
}

// Stats returns what happened in this container since the resource was wrapped.
func (r *Resource[In, Out]) Stats() ResourceStats { return r.pools.of(context.Background()).snapshot() }
