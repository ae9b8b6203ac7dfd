package adapter

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"unsafe"

	"github.com/stillwarm/stillwarm/internal/engine"
)

// BatchError is what [Data.GetAll] returns if some elements have no result, with their errors by index. A function
// given to [CacheBatch] may return one too. Elements without an error have their results.
type BatchError struct {
	Errs map[int]error // by index in the slice of arguments
}

// Error names how many elements failed and the first of them.
func (e *BatchError) Error() string {
	if len(e.Errs) == 0 {
		return "no element of the batch failed"
	}
	first := slices.Min(slices.Collect(maps.Keys(e.Errs)))
	if len(e.Errs) == 1 {
		return fmt.Sprintf("element %d of the batch failed: %v", first, e.Errs[first])
	}
	return fmt.Sprintf("%d elements of the batch failed; the first, %d: %v", len(e.Errs), first, e.Errs[first])
}

// Unwrap returns the errors in the order of their elements.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, 0, len(e.Errs))
	for _, i := range slices.Sorted(maps.Keys(e.Errs)) {
		errs = append(errs, e.Errs[i])
	}
	return errs
}

// CacheBatch is [CacheData] for a function that computes many results at once: it gets just the arguments that nothing is
// cached for, each once, in a slice of its own, and returns their results in the same order. Where some failed it returns a
// [*BatchError] with their indices beside the results of the others. Any other error is the error of every argument it was
// given; so is one that wraps a *BatchError, whose indices are those of another batch. An index that no argument has makes
// every argument fail that has no error of its own.
//
// [Data.GetAll] asks for many, [Data.Get] for one; both share the same entries. The function must have a name of its own,
// and needs [Name] where it has none, as with CacheData. CacheBatch panics where [NewBatch] returns an error.
func CacheBatch[In, Out any](fn func(context.Context, []In) ([]Out, error), opts ...DataOption) *Data[In, Out] {
	return &Data[In, Out]{mustData(newBatch(batchTypesOf(fn), dataOptions(callerPlace(0), opts)))}
}

// NewBatch is [CacheBatch] with an error instead of a panic; see [NewData].
func NewBatch[In, Out any](fn func(context.Context, []In) ([]Out, error), opts ...DataOption) (*Data[In, Out], error) {
	ref, err := newBatch(batchTypesOf(fn), dataOptions(callerPlace(0), opts))
	if err != nil {
		return nil, err
	}
	return &Data[In, Out]{ref}, nil
}

func newBatch(t dataTypes, o *options) (dataRef, error) {
	if t.wrapped == nil {
		return dataRef{}, &OptionError{Option: "function", Value: "nil", Place: o.place, Reason: "CacheBatch needs a function"}
	}
	return wrapData(t, o, nil)
}

// runOne runs the batch function for one argument.
func (c *dataCore) runOne(ctx context.Context, in, out ptr) error {
	outs, errs := c.callMany(ctx, []ptr{c.keys.boxed(in)})
	c.values.Assign(out, outs[0])
	return errs[0]
}

// callMany calls the batch function and returns a result and an error for each argument.
func (c *dataCore) callMany(ctx context.Context, ins []ptr) (outs []ptr, errs []error) {
	first, n, err := c.many(ctx, ins)
	errs = make([]error, len(ins))
	failed, byIndex := err.(*BatchError) //nolint:errorlint // one that it wraps is another batch's, with indices of that
	switch {
	case err == nil:
	case byIndex:
		c.assignErrors(errs, failed)
	default:
		for i := range errs {
			errs[i] = err
		}
	}
	outs = make([]ptr, len(ins))
	for i := range outs {
		if i < n {
			outs[i] = element(first, c.out.Size(), i)
		} else {
			outs[i] = newOf(c.out)
		}
		if n != len(ins) && errs[i] == nil {
			errs[i] = fmt.Errorf("'%s' returned %d results for %d arguments", shortName(c.id.name), n, len(ins))
		}
	}
	return outs, errs
}

// assignErrors gives each argument the error that a batch function returned for it; nil says that none failed. An index that
// no argument has says that some argument failed and not which: then all without an error of their own have.
func (c *dataCore) assignErrors(errs []error, failed *BatchError) {
	if failed == nil {
		return
	}
	stray, strayed := 0, false
	for i, e := range failed.Errs {
		switch {
		case e == nil:
		case i >= 0 && i < len(errs):
			errs[i] = e
		case !strayed || i < stray:
			stray, strayed = i, true
		}
	}
	if !strayed {
		return
	}
	err := fmt.Errorf("'%s' returned an error for index %d of %d arguments: %w", shortName(c.id.name), stray, len(errs), failed.Errs[stray])
	for i := range errs {
		if errs[i] == nil {
			errs[i] = err
		}
	}
}

// GetAll is [Data.Get] for many arguments: what this container's memory lacks is read from the backend in one round trip,
// and what is missing there is computed by one run where the function is a [CacheBatch], else by several side by side.
// What is due for a refresh after the response likewise. The results are in the order of ins; equal arguments share one lookup, and each element gets a copy of its own.
//
// An element that fails does not lose the others: the error is then a [*BatchError] with the errors by index, and the
// slice has the results of the others.
func (d *Data[In, Out]) GetAll(ctx context.Context, ins []In) ([]Out, error) {
	outs := make([]Out, len(ins))
	err := d.ref.getAll(ctx, len(ins), ptr(unsafe.SliceData(ins)), ptr(unsafe.SliceData(outs)))
	return outs, err
}

// getAll is Data.GetAll for n arguments and results, which are on the heap.
func (r dataRef) getAll(ctx context.Context, n int, ins, outs ptr) error {
	if n == 0 {
		return nil
	}
	c := coreOf(r)
	s := c.states.of(ctx)
	g := gathering{c: c, s: s, ctx: ctx, n: n, ins: ins, outs: outs}
	if s.rt.off() {
		g.compute(g.all())
		return g.err()
	}
	scope, cached := c.opts.scopeOf(ctx, s.rt)
	if !cached {
		g.uncached(g.all())
		return g.err()
	}
	g.scope = scope
	g.gather()
	switch {
	case len(g.elements) == 0 && len(g.unkeyed) == 0:
		return g.err()
	case !s.rt.begin():
		g.compute(g.rest())
		return g.err()
	}
	defer s.rt.end()
	s.f.GetAll(ctx, engine.Batch{Scope: g.scope.text(), Elements: g.elements, Lookup: g.lookup, Answer: g.answer})
	g.uncached(g.unkeyed)          // last: the function may change what it gets as it is, and others may share parts of it (K18)
	for _, i := range g.uncopied { // what others may hold cannot be copied: these get results of their own
		g.fail(i, c.run(ctx, g.in(i), g.out(i)))
	}
	return g.err()
}

// runMany runs the batch function for the engine.
func (c *dataCore) runMany(ctx context.Context, s *dataState, ls []*engine.Lookup) []engine.Result {
	args, seen := make([]ptr, len(ls)), make([]ptr, len(ls))
	for i, l := range ls {
		args[i] = l.Ops.(*call).arg
		seen[i] = c.unchanged(args[i])
	}
	outs, errs := c.callMany(ctx, args)
	results := make([]engine.Result, len(ls))
	for i := range ls {
		results[i] = c.result(ctx, s, seen[i], outs[i], errs[i])
	}
	return results
}
