package adapter

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/internal/clone"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/serialize"
)

// None is the In of a function without arguments.
type None = struct{}

// Data is a function whose results are cached. It is safe for concurrent use.
type Data[In, Out any] struct {
	states *perRuntime[dataState]
	id     identity
	opts   *options

	fn    func(context.Context, In) (Out, error)
	many  func(context.Context, []In) ([]Out, error) // nil: fn computes one at a time
	keys  *argumentKey[In]
	out   *clone.Plan
	flat  bool // an assignment is the copy
	codec *serialize.Codec
	args  *clone.ArgumentPlan
	terms termFuncs[In, Out]
}

// dataState is a cached function in one Runtime.
type dataState struct {
	rt *Runtime
	f  *engine.Function
}

// CacheData returns fn with its results cached: one run for each argument, scope and ttl, over all containers that share
// a backend. It is meant for package-level variables and panics where [NewData] returns an error.
//
// The most important options are [TTL], [MaxEntries], [Persist] and [Spinner].
func CacheData[In, Out any](fn func(context.Context, In) (Out, error), opts ...DataOption) *Data[In, Out] {
	d, err := newData(fn, dataOptions(callerPlace(0), opts))
	if err != nil {
		panic(inFull{err})
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
	return wrapData(&Data[In, Out]{fn: fn, opts: o}, fn, notices)
}

// wrapData checks what is wrapped, compiles its plans and enters it under its name.
func wrapData[In, Out any](d *Data[In, Out], wrapped any, notices []func(context.Context, *Runtime)) (*Data[In, Out], error) {
	in, out := reflect.TypeFor[In](), reflect.TypeFor[Out]()
	id, err := d.opts.check(kindData, wrapped, in, out)
	if err != nil {
		return nil, err
	}
	d.id = id
	if d.keys, err = compileArgument[In](d.opts, id, false); err != nil {
		return nil, err
	}
	if d.codec, err = serialize.CodecFor(out); err != nil {
		return nil, unserializable(id.name, err)
	}
	if d.out, err = clone.Compile(out); err != nil {
		return nil, uncopyable(id.name, err)
	}
	d.flat = d.out.Flat()
	d.args = clone.ForArgument(in)
	d.terms = termFuncsOf[In, Out](d.opts)
	b := &binding{kind: kindData, id: id, opts: d.opts, notices: notices, in: in, out: out}
	if d.states, err = bind(b, d.bind); err != nil {
		return nil, err
	}
	return d, nil
}

// Get returns the function's result for in: a copy of the caller's own, from this container's memory, from the
// backend, or from a run of the function. Errors and panics of the function reach every caller that waited for that
// run and are not cached; a nil or zero result is a result.
//
// The key is taken once, before the run. When ctx ends, Get returns its error; a run that others wait for goes on.
// Get never fails because of the cache, except where the argument holds something that cannot be hashed.
func (d *Data[In, Out]) Get(ctx context.Context, in In) (out Out, err error) {
	s := d.states.of(ctx)
	if s.rt.off() {
		return d.fn(ctx, in)
	}
	if devchannel.Linked && s.rt.dev != nil {
		ctx = d.watched(ctx, s, in)
	}
	scope, cached := d.opts.scopeOf(ctx, s.rt)
	if !cached {
		return d.uncached(ctx, s, in)
	}
	buf := keyBuffers.Get().(*keyBuffer)
	if buf.enc, cached, err = d.encode(buf.enc[:0], scope, &in); err != nil || !cached {
		buf.giveBack()
		if err != nil && !s.rt.withoutKey(ctx, d.id.name, err) {
			return out, err
		}
		return d.uncached(ctx, s, in)
	}
	if e := s.f.Fresh(buf.local()); e != nil { // as in fresh, written out: a call more is felt here
		kept := e.Value.(*clone.Kept[Out])
		if d.flat {
			out = kept.Value
		} else {
			err = clone.Copy(d.out, &out, kept)
		}
		if err == nil {
			if s.f.Hit(ctx, e) {
				s.f.TellHit(ctx, e, s.f.Digest(newCall(d, s, scope, buf, in)))
			}
			buf.giveBack()
			return out, nil
		}
	}
	l := newCall(d, s, scope, buf, in)
	buf.giveBack()
	if d.untagged(l) {
		return d.uncached(ctx, s, in)
	}
	return d.ask(ctx, s, l, in, s.f.Get)
}

// fresh sets *out to a copy of what memory has fresh for the call that buf holds, and reports whether there is such an
// entry. It is the short way of a hit.
func (d *Data[In, Out]) fresh(ctx context.Context, s *dataState, scope callScope, buf *keyBuffer, in *In, out *Out) bool {
	e := s.f.Fresh(buf.local())
	if e == nil {
		return false
	}
	kept := e.Value.(*clone.Kept[Out])
	if d.flat {
		*out = kept.Value
	} else if clone.Copy(d.out, out, kept) != nil {
		return false
	}
	if s.f.Hit(ctx, e) {
		s.f.TellHit(ctx, e, s.f.Digest(newCall(d, s, scope, buf, *in)))
	}
	return true
}

// watched notes the call for a local runner that listens.
func (d *Data[In, Out]) watched(ctx context.Context, s *dataState, in In) context.Context {
	return s.rt.dev.enter(ctx, s, in, func() *engine.Lookup {
		_, l, err := d.lookup(ctx, in)
		if err != nil {
			return nil
		}
		return l
	})
}

// ask answers a call that goes beyond memory. A Runtime that is being closed waits for it.
func (d *Data[In, Out]) ask(ctx context.Context, s *dataState, l *engine.Lookup, in In,
	how func(context.Context, *engine.Lookup) (*engine.Reply, error),
) (Out, error) {
	if !s.rt.begin() {
		return d.fn(ctx, in)
	}
	defer s.rt.end()
	r, err := how(ctx, l)
	return d.hand(ctx, r, in, err)
}

// Uncached runs the function without the cache: it reads and stores nothing. Cached functions that it calls are cached
// as always.
func (d *Data[In, Out]) Uncached(ctx context.Context, in In) (Out, error) {
	return d.uncached(ctx, d.states.of(ctx), in)
}

// uncached runs the function for a call that is not cached.
func (d *Data[In, Out]) uncached(ctx context.Context, s *dataState, in In) (out Out, err error) {
	start, returned := time.Now(), false
	defer func() {
		if !returned {
			err = errors.New("panic")
		}
		s.f.Ran(ctx, time.Since(start), err)
	}()
	out, err = d.fn(ctx, in)
	returned = true
	return out, err
}

// hand gives the caller its own copy of a reply.
func (d *Data[In, Out]) hand(ctx context.Context, r *engine.Reply, in In, err error) (Out, error) {
	var out Out
	if r == nil || r.Value == nil {
		return out, err
	}
	v := r.Value.(*clone.Kept[Out])
	if r.Own {
		return v.Value, err
	}
	if copyErr := clone.Copy(d.out, &out, v); copyErr == nil {
		return out, err
	}
	return d.fn(ctx, in) // what others may hold cannot be copied: this caller gets a result of its own
}

// Refresh runs the function now, whatever is cached, and replaces the entry, here and in the backend. If the function
// fails, Refresh returns its error and the old entry stays.
func (d *Data[In, Out]) Refresh(ctx context.Context, in In) (Out, error) {
	s, l, err := d.lookup(ctx, in)
	if l == nil {
		if err == nil {
			return d.uncached(ctx, s, in)
		}
		var zero Out
		return zero, err
	}
	if d.untagged(l) {
		if err := d.cleared(s.f.ClearFor(ctx, l)); err != nil {
			s.rt.logOnce(ctx, "refresh "+d.id.name, slog.LevelWarn, "could not clear the older result", "function", d.id.name, "error", err.Error())
		}
		return d.uncached(ctx, s, in)
	}
	return d.ask(ctx, s, l, in, s.f.Refresh)
}

// Set puts out in as the result for in, as if a run that began now had returned it: in this container at once, and in
// the backend before Set returns. Use it after an update, to save a run. An error means that the backend could not be
// reached: this container has the value, and updates the backend before it uses the entry there. A result that CacheIf
// refuses, or that is private, is not stored.
func (d *Data[In, Out]) Set(ctx context.Context, in In, out Out) error {
	s, l, err := d.lookup(ctx, in)
	if l == nil || !s.rt.begin() {
		return err
	}
	defer s.rt.end()
	res := d.result(ctx, s, in, &out, nil)
	if d.untagged(l) || res.Terms.Private || res.Terms.Lossy || res.Terms.Refused || res.Terms.Failed || res.Terms.TTL == 0 {
		return d.cleared(s.f.ClearFor(ctx, l))
	}
	return d.cleared(s.f.Set(ctx, l, res))
}

// lookup makes the lookup of a call that does not take the short way; nil where there is nothing to look up.
func (d *Data[In, Out]) lookup(ctx context.Context, in In) (*dataState, *engine.Lookup, error) {
	s := d.states.of(ctx)
	if s.rt.off() {
		return s, nil, nil
	}
	scope, cached := d.opts.scopeOf(ctx, s.rt)
	if !cached {
		return s, nil, nil
	}
	enc, cached, err := d.encode(nil, scope, &in)
	if err != nil && s.rt.withoutKey(ctx, d.id.name, err) {
		return s, nil, nil
	}
	if err != nil || !cached {
		return s, nil, err
	}
	return s, newCall(d, s, scope, &keyBuffer{enc: enc}, in), nil
}

// Clear makes every entry of the function a miss. It returns when every later Get in this container misses; other
// containers follow within [NearTTL]. A run under way gives its result to its callers, and it is not stored. The error,
// a [*ClearError], means that the backend could not be reached: this container misses all the same and tries again.
func (d *Data[In, Out]) Clear(ctx context.Context) error {
	s := d.states.of(ctx)
	if s.rt.off() {
		return nil
	}
	d.opts.warnAtClear(ctx, s.rt)
	return d.cleared(s.f.Clear(ctx))
}

// ClearFor makes the entry for this argument, in the context's scope, a miss: in this container and in the backend. It
// is not an error if there is none. Other containers that have the entry in memory serve it until its ttl ends, or for
// NearTTL if the function is [Coherent].
func (d *Data[In, Out]) ClearFor(ctx context.Context, in In) error {
	s, l, err := d.lookup(ctx, in)
	if l == nil {
		if err == nil && !s.rt.off() {
			err = d.cleared(d.opts.knowsScope(ctx, s.rt))
		}
		return err
	}
	d.opts.warnAtClear(ctx, s.rt)
	return d.cleared(s.f.ClearFor(ctx, l))
}

func (d *Data[In, Out]) cleared(err error) error {
	if err == nil {
		return nil
	}
	return &ClearError{Function: d.id.name, Err: err}
}

// Explain tells what Get would find, without running the function: the key, the tier, the age, or why it would be a miss.
func (d *Data[In, Out]) Explain(ctx context.Context, in In) (Explanation, error) {
	s, l, err := d.lookup(ctx, in)
	switch {
	case err != nil:
		return Explanation{}, err
	case l == nil && s.rt.off():
		return Explanation{Function: d.id.name, Why: "the cache is switched off"}, nil
	case l == nil:
		return Explanation{Function: d.id.name, Why: "this call is not cached"}, nil
	}
	return explanation(d.id.name, s.f.Explain(ctx, l)), nil
}

// Stats returns what happened in this container since the function was wrapped.
func (d *Data[In, Out]) Stats() Stats { return d.states.of(context.Background()).stats() }

// ClearError means that a clear took effect in this container, but the backend could not be reached.
type ClearError struct {
	Function string
	Err      error
}

// Error names the function and the cause.
func (e *ClearError) Error() string {
	return "clearing '" + shortName(e.Function) + "' in the backend: " + e.Err.Error() +
		" (this container misses, and tells the backend before it reads there again)"
}

// Unwrap returns the cause.
func (e *ClearError) Unwrap() error { return e.Err }
