package adapter

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/internal/clone"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/key"
	"github.com/stillwarm/stillwarm/serialize"
)

// None is the In of a function without arguments.
type None = struct{}

// Data is a function whose results are cached. It is safe for concurrent use.
type Data[In, Out any] struct {
	cores *perRuntime[dataCore]
	fn    func(context.Context, In) (Out, error)
	keys  *argumentKey[In]
	out   *clone.Plan
	codec *serialize.Codec
	args  argumentPlan
	keep  func(Out) bool
}

// CacheData returns fn with its results cached: one run for each argument, scope and ttl, over all containers that share
// a backend. It is meant for package-level variables and panics where [NewData] returns an error.
//
// The most important options are [TTL], [MaxEntries], [Persist] and [Spinner].
func CacheData[In, Out any](fn func(context.Context, In) (Out, error), opts ...DataOption) *Data[In, Out] {
	d, err := newData(fn, dataOptions(callerPlace(0), opts))
	if err != nil {
		panic(err)
	}
	return d
}

// NewData is [CacheData] with an error instead of a panic. The error is an [*UnhashableParamError] when In cannot be part
// of a key, an [*UnserializableReturnValueError] when Out cannot be stored and restored exactly, a [*UserHashError] when
// a hash function cannot serve, or an [*OptionError].
func NewData[In, Out any](fn func(context.Context, In) (Out, error), opts ...DataOption) (*Data[In, Out], error) {
	return newData(fn, dataOptions(callerPlace(0), opts))
}

func dataOptions(place string, opts []DataOption) *options {
	o := &options{place: place}
	for _, opt := range opts {
		if opt != nil {
			opt.applyData(o)
		}
	}
	return o
}

func newData[In, Out any](fn func(context.Context, In) (Out, error), o *options, notices ...func(context.Context, *Runtime)) (*Data[In, Out], error) {
	if fn == nil {
		return nil, &OptionError{Option: "function", Value: "nil", Place: o.place, Reason: "CacheData needs a function"}
	}
	id, err := o.check(kindData, fn, reflect.TypeFor[In](), reflect.TypeFor[Out]())
	if err != nil {
		return nil, err
	}
	d := &Data[In, Out]{fn: fn, args: argumentPlanFor(reflect.TypeFor[In]())}
	if d.keys, err = compileArgument[In](o, id, false); err != nil {
		return nil, err
	}
	if d.codec, err = serialize.CodecFor(reflect.TypeFor[Out]()); err != nil {
		return nil, unserializable(id.name, err)
	}
	if d.out, err = clone.Compile(reflect.TypeFor[Out]()); err != nil {
		return nil, uncopyable(id.name, err)
	}
	if o.cacheIf.fn != nil {
		d.keep = o.cacheIf.fn.(func(Out) bool)
	}
	b := &binding{kind: kindData, id: id, opts: o, notices: notices}
	d.cores, err = bind(b, func(rt *Runtime) (*dataCore, func(context.Context)) {
		c := newDataCore(rt, id, o, d.keys.fingerprint(), key.Fingerprint(reflect.TypeFor[Out]()))
		return c, c.announce
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// keyBuffers holds the buffers in which keys are made: what is there is copied only on a miss.
var keyBuffers = sync.Pool{New: func() any { return &keyBuffer{enc: make([]byte, 0, longKey)} }}

// Get returns the function's result for in: a copy of the caller's own, from this container's memory, from the
// backend, or from a run of the function. Errors and panics of the function reach every caller that waited for that
// run and are not cached; a nil or zero result is a result.
//
// The key is taken once, before the run. When ctx ends, Get returns its error; a run that others wait for goes on.
// Get never fails because of the cache, except where the argument holds something that cannot be hashed.
func (d *Data[In, Out]) Get(ctx context.Context, in In) (out Out, err error) {
	c := d.cores.of(ctx)
	if c.rt.off() {
		return d.fn(ctx, in)
	}
	scope, cached := c.opts.scopeOf(ctx, c.rt)
	if !cached {
		return d.uncached(ctx, c, in)
	}
	buf := keyBuffers.Get().(*keyBuffer)
	if buf.enc, cached, err = d.encode(c, buf.enc[:0], scope, &in); err != nil || !cached {
		buf.giveBack()
		if err != nil && !c.rt.withoutKey(ctx, c.id.name, err) {
			return out, err
		}
		return d.uncached(ctx, c, in)
	}
	if e := c.fresh(buf.local()); e != nil {
		if clone.Copy(d.out, &out, e.Value.(*Out)) == nil {
			c.hit(ctx, e)
			buf.giveBack()
			return out, nil
		}
	}
	q := newCall(d, c, scope, buf, in)
	buf.giveBack()
	return d.ask(ctx, c, q, in, c.answer)
}

// ask answers a call that goes beyond memory.
func (d *Data[In, Out]) ask(ctx context.Context, c *dataCore, q *question, in In,
	how func(context.Context, *question) (*answer, error),
) (Out, error) {
	if !c.rt.begin() {
		return d.fn(ctx, in)
	}
	defer c.rt.end()
	a, err := how(ctx, q)
	return d.hand(ctx, a, in, err)
}

// uncached runs the function for a call that is not cached.
func (d *Data[In, Out]) uncached(ctx context.Context, c *dataCore, in In) (out Out, err error) {
	start := time.Now()
	defer func() {
		c.stats.runs.Add(1)
		if err != nil {
			c.stats.errors.Add(1)
		}
		c.rt.emit(ctx, Event{Kind: EventRun, Function: c.id.name, Duration: time.Since(start), Err: err})
	}()
	return d.fn(ctx, in)
}

// encode writes the key of the call behind the function's number and the scope. After an error dst is as it was.
func (d *Data[In, Out]) encode(c *dataCore, dst []byte, scope callScope, in *In) (enc []byte, cached bool, err error) {
	enc, cached, err = d.keys.append(c.prefix(dst, scope), in)
	if err != nil || !cached {
		return dst, cached, err
	}
	return enc, true, nil
}

// freeze copies what is not cached where it can be copied, so that every caller who waited gets its own.
func (d *Data[In, Out]) freeze(_ context.Context, out *Out) any {
	frozen := new(Out)
	if clone.Copy(d.out, frozen, out) != nil {
		return out
	}
	return frozen
}

// hand gives the caller its own copy of the answer.
func (d *Data[In, Out]) hand(ctx context.Context, a *answer, in In, err error) (Out, error) {
	var out Out
	if a == nil {
		return out, err
	}
	v := a.value.(*Out)
	if a.own {
		return *v, err
	}
	if copyErr := clone.Copy(d.out, &out, v); copyErr == nil {
		return out, err
	}
	if !a.joined {
		return *v, err // nobody else gets it: the others run for themselves
	}
	return d.fn(ctx, in)
}

// Refresh runs the function now, whatever is cached, and puts the result in its place, here and in the backend. If the
// function fails, the error is returned and what was cached stays.
func (d *Data[In, Out]) Refresh(ctx context.Context, in In) (Out, error) {
	c := d.cores.of(ctx)
	if c.rt.off() {
		return d.fn(ctx, in)
	}
	q, err := d.question(ctx, c, in)
	if err != nil {
		var zero Out
		return zero, err
	}
	if q == nil {
		return d.uncached(ctx, c, in)
	}
	return d.ask(ctx, c, q, in, c.refreshNow)
}

// question makes the whole question of a call that does not take the short way; nil where the call is not cached.
func (d *Data[In, Out]) question(ctx context.Context, c *dataCore, in In) (*question, error) {
	scope, cached := c.opts.scopeOf(ctx, c.rt)
	if !cached {
		return nil, nil
	}
	enc, cached, err := d.encode(c, nil, scope, &in)
	if err != nil && c.rt.withoutKey(ctx, c.id.name, err) {
		return nil, nil
	}
	if err != nil || !cached {
		return nil, err
	}
	return newCall(d, c, scope, &keyBuffer{enc: enc}, in), nil
}

// Clear makes every entry of the function a miss. It returns when every later Get in this container misses; other
// containers follow within [NearTTL]. A run under way gives its result to its callers, and it is not stored. The error
// says that the backend could not be told: this container misses all the same and tries again.
func (d *Data[In, Out]) Clear(ctx context.Context) error { return d.cores.of(ctx).clear(ctx) }

// ClearFor makes the entry for this argument, in the context's scope, a miss: in this container and in the backend. It
// is not an error if there is none. Other containers that have the entry in their memory serve it until its ttl is
// over; where that matters, use Clear.
func (d *Data[In, Out]) ClearFor(ctx context.Context, in In) error {
	c := d.cores.of(ctx)
	q, err := d.question(ctx, c, in)
	if err != nil || q == nil {
		return err
	}
	return c.clearFor(ctx, q)
}

// Explain tells what Get would find, without running the function: the key, the tier, the age, or why it would be a miss.
func (d *Data[In, Out]) Explain(ctx context.Context, in In) (Explanation, error) {
	c := d.cores.of(ctx)
	q, err := d.question(ctx, c, in)
	if err != nil {
		return Explanation{}, err
	}
	if q == nil {
		return Explanation{Function: c.id.name, Why: "this call is not cached"}, nil
	}
	return c.explain(ctx, q), nil
}

// Stats returns what happened in this container since the function was wrapped.
func (d *Data[In, Out]) Stats() Stats { return d.cores.of(context.Background()).snapshot() }

// hit counts and tells of a fresh entry from memory.
func (c *dataCore) hit(ctx context.Context, e *memory.Entry) {
	c.stats.memoryHits.Add(1)
	c.tell(ctx, EventHit, TierMemory, e)
}
