package adapter

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/internal/clone"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/serialize"
)

// dataCore is a cached function without its types. Its methods take the addresses of an argument and of room for a
// result, which may be on the caller's stack: none keeps them beyond the call.
type dataCore struct {
	dataTypes

	states *perRuntime[dataState]
	id     identity
	opts   *options
	keys   *argumentKey
	values *clone.Values
	flat   bool // an assignment is the copy
	codec  *serialize.Codec
	args   *clone.ArgumentPlan
	terms  termFuncs
}

// dataState is a cached function in one Runtime.
type dataState struct {
	rt   *Runtime
	f    *engine.Function
	bare func() *engine.Lookup // one that can decode an entry, without an argument
}

// dataRef is a *dataCore, of which those who have it know nothing.
type dataRef struct{ core any }

func coreOf(r dataRef) *dataCore { return r.core.(*dataCore) }

func dataOptions(place string, opts []DataOption) *options {
	o := &options{place: place}
	for _, opt := range opts {
		if opt != nil {
			opt.applyData(o)
		}
	}
	return o
}

func mustData(r dataRef, err error) dataRef {
	if err != nil {
		panic(inFull{err})
	}
	return r
}

func newData(t dataTypes, o *options, notices ...func(context.Context, *Runtime)) (dataRef, error) {
	if t.wrapped == nil {
		return dataRef{}, &OptionError{Option: "function", Value: "nil", Place: o.place, Reason: "CacheData needs a function"}
	}
	return wrapData(t, o, notices)
}

// wrapData checks what is wrapped, compiles its plans and enters it under its name.
func wrapData(t dataTypes, o *options, notices []func(context.Context, *Runtime)) (dataRef, error) {
	c := &dataCore{dataTypes: t, opts: o}
	id, err := o.check(kindData, t.wrapped, t.in, t.out)
	if err != nil {
		return dataRef{}, err
	}
	c.id = id
	if c.keys, err = compileArgument(t.in, t.assignIn, o, id, false); err != nil {
		return dataRef{}, err
	}
	if c.codec, err = serialize.CodecFor(t.out); err != nil {
		return dataRef{}, unserializable(id.name, err)
	}
	if c.values, err = clone.ValuesOf(t.out, t.kept); err != nil {
		return dataRef{}, uncopyable(id.name, err)
	}
	c.flat = c.values.Flat()
	c.args = clone.ForArgument(t.in)
	c.terms = termFuncsOf(o)
	if c.many != nil {
		c.run = c.runOne
	}
	b := &binding{kind: kindData, id: id, opts: o, notices: notices, in: t.in, out: t.out}
	if c.states, err = bind(b, c.bind); err != nil {
		return dataRef{}, err
	}
	return dataRef{c}, nil
}

// get is Data.Get. Where it returns an address, the result is the value there, which the caller copies by assignment.
func (r dataRef) get(ctx context.Context, in, out ptr) (flat ptr, err error) {
	c := coreOf(r)
	s := c.states.of(ctx)
	if s.rt.off() {
		return nil, c.run(ctx, in, out)
	}
	if devchannel.Linked && s.rt.dev != nil {
		ctx = c.watched(ctx, s, in)
	}
	scope, cached := c.opts.scopeOf(ctx, s.rt)
	if !cached {
		return nil, c.uncached(ctx, s, in, out)
	}
	buf := keyBuffers.Get().(*keyBuffer)
	if buf.enc, cached, err = c.encode(buf.enc[:0], scope, in); err != nil || !cached {
		buf.giveBack()
		if err != nil && !s.rt.withoutKey(ctx, c.id.name, err) {
			return nil, err
		}
		return nil, c.uncached(ctx, s, in, out)
	}
	if flat, ok := c.fresh(ctx, s, scope, buf, in, out); ok {
		buf.giveBack()
		return flat, nil
	}
	l := c.newCall(s, scope, buf, in)
	buf.giveBack()
	if untagged(l) {
		return nil, c.uncached(ctx, s, in, out)
	}
	return nil, c.ask(ctx, s, l, in, out, s.f.Get)
}

// fresh answers the call that buf holds with what memory has fresh, and reports whether there is such an entry: as get
// does, with an address or a copy at out. It is the short way of a hit.
func (c *dataCore) fresh(ctx context.Context, s *dataState, scope callScope, buf *keyBuffer, in, out ptr) (flat ptr, ok bool) {
	e := s.f.Fresh(buf.local())
	if e == nil {
		return nil, false
	}
	if c.flat {
		flat = c.values.At(e.Value)
	} else if c.values.Copy(out, e.Value) != nil {
		return nil, false
	}
	if s.f.Hit(ctx, e) {
		s.f.TellHit(ctx, e, s.f.Digest(c.newCall(s, scope, buf, in)))
	}
	return flat, true
}

// watched notes the call for a local runner that listens.
func (c *dataCore) watched(ctx context.Context, s *dataState, in ptr) context.Context {
	arg := c.keys.boxed(in)
	return s.rt.dev.enter(ctx, s, valueAt(c.in, arg), func() *engine.Lookup {
		_, l, err := c.lookup(ctx, arg)
		if err != nil {
			return nil
		}
		return l
	})
}

// ask answers a call that goes beyond memory. A Runtime that is being closed waits for it.
func (c *dataCore) ask(ctx context.Context, s *dataState, l *engine.Lookup, in, out ptr,
	how func(context.Context, *engine.Lookup) (*engine.Reply, error),
) error {
	if !s.rt.begin() {
		return c.run(ctx, in, out)
	}
	defer s.rt.end()
	r, err := how(ctx, l)
	return c.hand(ctx, r, in, out, err)
}

func (r dataRef) uncached(ctx context.Context, in, out ptr) error {
	c := coreOf(r)
	return c.uncached(ctx, c.states.of(ctx), in, out)
}

// uncached runs the function for a call that is not cached.
func (c *dataCore) uncached(ctx context.Context, s *dataState, in, out ptr) (err error) {
	start, returned := time.Now(), false
	defer func() {
		if !returned {
			err = errors.New("panic")
		}
		s.f.Ran(ctx, time.Since(start), err)
	}()
	err = c.run(ctx, in, out)
	returned = true
	return err
}

// hand gives the caller its own copy of a reply.
func (c *dataCore) hand(ctx context.Context, r *engine.Reply, in, out ptr, err error) error {
	if r == nil || r.Value == nil {
		return err
	}
	if r.Own {
		c.values.Assign(out, c.values.At(r.Value))
		return err
	}
	if c.values.Copy(out, r.Value) == nil {
		return err
	}
	return c.run(ctx, in, out) // what others may hold cannot be copied: this caller gets a result of its own
}

func (r dataRef) refresh(ctx context.Context, in, out ptr) error {
	c := coreOf(r)
	s, l, err := c.lookup(ctx, in)
	if l == nil {
		if err == nil {
			return c.uncached(ctx, s, in, out)
		}
		return err
	}
	if untagged(l) {
		if err := c.cleared(s.f.ClearFor(ctx, l)); err != nil {
			s.rt.logOnce(ctx, "refresh "+c.id.name, slog.LevelWarn, "could not clear the older result", "function", c.id.name, "error", err.Error())
		}
		return c.uncached(ctx, s, in, out)
	}
	return c.ask(ctx, s, l, in, out, s.f.Refresh)
}

func (r dataRef) set(ctx context.Context, in, out ptr) error {
	c := coreOf(r)
	s, l, err := c.lookup(ctx, in)
	if l == nil {
		return cmp.Or(err, s.unheard())
	}
	if !s.rt.begin() {
		return s.unheard()
	}
	defer s.rt.end()
	res := c.result(ctx, s, in, out, nil)
	if untagged(l) || res.Terms.Private || res.Terms.Lossy || res.Terms.Refused || res.Terms.Failed || res.Terms.TTL == 0 {
		return c.cleared(s.f.ClearFor(ctx, l))
	}
	return c.cleared(s.f.Set(ctx, l, res))
}

// lookup makes the lookup of a call that does not take the short way; nil where there is nothing to look up.
func (c *dataCore) lookup(ctx context.Context, in ptr) (*dataState, *engine.Lookup, error) {
	s := c.states.of(ctx)
	if s.rt.off() {
		return s, nil, nil
	}
	scope, cached := c.opts.scopeOf(ctx, s.rt)
	if !cached {
		return s, nil, nil
	}
	enc, cached, err := c.encode(nil, scope, in)
	if err != nil && s.rt.withoutKey(ctx, c.id.name, err) {
		return s, nil, nil
	}
	if err != nil || !cached {
		return s, nil, err
	}
	return s, c.newCall(s, scope, &keyBuffer{enc: enc}, in), nil
}

func (r dataRef) clear(ctx context.Context) error {
	c := coreOf(r)
	s := c.states.of(ctx)
	if s.rt.off() {
		return s.unheard()
	}
	c.opts.warnAtClear(ctx, s.rt)
	return c.cleared(s.f.Clear(ctx))
}

func (r dataRef) clearFor(ctx context.Context, in ptr) error {
	c := coreOf(r)
	s, l, err := c.lookup(ctx, in)
	if l == nil {
		if err == nil && !s.rt.off() {
			err = c.cleared(c.opts.knowsScope(ctx, s.rt))
		}
		return cmp.Or(err, s.unheard())
	}
	c.opts.warnAtClear(ctx, s.rt)
	return c.cleared(s.f.ClearFor(ctx, l))
}

func (c *dataCore) cleared(err error) error {
	if err == nil {
		return nil
	}
	return &ClearError{Function: c.id.name, Err: err}
}

func (r dataRef) explain(ctx context.Context, in ptr) (Explanation, error) {
	c := coreOf(r)
	s, l, err := c.lookup(ctx, in)
	switch {
	case err != nil:
		return Explanation{}, err
	case l == nil && s.rt.off():
		return Explanation{Function: c.id.name, Why: "the cache is switched off"}, nil
	case l == nil:
		return Explanation{Function: c.id.name, Why: "this call is not cached"}, nil
	}
	return explanation(c.id.name, s.f.Explain(ctx, l)), nil
}

//go:noinline
func (r dataRef) stats() Stats { return coreOf(r).states.of(context.Background()).stats() }

//go:noinline
func (r dataRef) name() string { return coreOf(r).id.name }
