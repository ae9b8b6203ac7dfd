package adapter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

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
// cached for, each once, and returns their results in the same order. Where some failed it returns a [*BatchError] with
// their indices beside the results of the others; any other error is the error of every argument it was given.
//
// [Data.GetAll] asks for many, [Data.Get] for one; both share the same entries. The function must have a name of its own,
// and needs [Name] where it has none, as with CacheData. CacheBatch panics where [NewBatch] returns an error.
func CacheBatch[In, Out any](fn func(context.Context, []In) ([]Out, error), opts ...DataOption) *Data[In, Out] {
	d, err := newBatch(fn, dataOptions(callerPlace(0), opts))
	if err != nil {
		panic(inFull{err})
	}
	return d
}

// NewBatch is [CacheBatch] with an error instead of a panic; see [NewData].
func NewBatch[In, Out any](fn func(context.Context, []In) ([]Out, error), opts ...DataOption) (*Data[In, Out], error) {
	return newBatch(fn, dataOptions(callerPlace(0), opts))
}

func newBatch[In, Out any](fn func(context.Context, []In) ([]Out, error), o *options) (*Data[In, Out], error) {
	if fn == nil {
		return nil, &OptionError{Option: "function", Value: "nil", Place: o.place, Reason: "CacheBatch needs a function"}
	}
	d := &Data[In, Out]{opts: o, many: fn}
	d.fn = func(ctx context.Context, in In) (Out, error) {
		outs, errs := d.callMany(ctx, []In{in})
		return outs[0], errs[0]
	}
	return wrapData(d, fn, nil)
}

// callMany calls the batch function and returns a result and an error for each argument.
func (d *Data[In, Out]) callMany(ctx context.Context, ins []In) ([]Out, []error) {
	outs, err := d.many(ctx, ins)
	errs := make([]error, len(ins))
	var failed *BatchError
	switch {
	case err == nil:
	case errors.As(err, &failed) && failed == nil: // a nil pointer in an error: none failed
	case errors.As(err, &failed):
		for i, e := range failed.Errs {
			if i >= 0 && i < len(errs) {
				errs[i] = e
			}
		}
	default:
		for i := range errs {
			errs[i] = err
		}
	}
	if n := len(outs); n != len(ins) {
		outs = append(outs[:min(n, len(ins)):min(n, len(ins))], make([]Out, max(0, len(ins)-n))...)
		for i := range errs {
			if errs[i] == nil {
				errs[i] = fmt.Errorf("'%s' returned %d results for %d arguments", shortName(d.id.name), n, len(ins))
			}
		}
	}
	return outs, errs
}

// GetAll is [Data.Get] for many arguments: what this container's memory lacks is read from the backend in one round trip,
// and what is missing there is computed by one run where the function is a [CacheBatch], else by several side by side.
// The results are in the order of ins; equal arguments share one lookup, and each element gets a copy of its own.
//
// An element that fails does not lose the others: the error is then a [*BatchError] with the errors by index, and the
// slice has the results of the others.
func (d *Data[In, Out]) GetAll(ctx context.Context, ins []In) ([]Out, error) {
	outs := make([]Out, len(ins))
	if len(ins) == 0 {
		return outs, nil
	}
	errs := map[int]error{}
	s := d.states.of(ctx)
	if s.rt.off() {
		d.computeAll(ctx, ins, outs, errs)
		return outs, batchError(errs)
	}
	scope, cached := d.opts.scopeOf(ctx, s.rt)
	if !cached {
		d.computeAll(ctx, ins, outs, errs)
		return outs, batchError(errs)
	}
	b := d.batchOf(ctx, s, scope, ins, outs, errs)
	switch {
	case len(b.lookups) == 0 && len(b.unkeyed) == 0:
		return outs, batchError(errs)
	case !s.rt.begin():
		d.computeSome(ctx, b.rest(), ins, outs, errs)
		return outs, batchError(errs)
	}
	defer s.rt.end()
	d.computeSome(ctx, b.unkeyed, ins, outs, errs)
	answers := s.f.GetAll(ctx, b.lookups)
	for n, a := range answers {
		for i, at := range append(b.again[n], b.first[n]) {
			out, err := d.hand(ctx, sharedReply(a.Reply, i > 0), ins[at], a.Err)
			outs[at] = out
			if err != nil {
				errs[at] = err
			}
		}
	}
	return outs, batchError(errs)
}

// sharedReply returns the reply for a second user of a value that was one caller's own.
func sharedReply(r *engine.Reply, again bool) *engine.Reply {
	if r == nil || !again || !r.Own {
		return r
	}
	return &engine.Reply{Value: r.Value}
}

// lookupsOf is what a GetAll has to look up beyond memory's fresh entries.
type lookupsOf struct {
	lookups []*engine.Lookup
	first   []int         // of each lookup, the element that it was made for
	again   map[int][]int // of a lookup, further elements that are equal
	unkeyed []int         // elements that have no key: their function runs
}

// callsAtOnce is how many calls of a batch share one piece of memory, which lasts as long as the last of them.
const callsAtOnce = 16

// rest is every element that has no answer yet.
func (b *lookupsOf) rest() []int {
	rest := append(slices.Clone(b.unkeyed), b.first...)
	for _, more := range b.again {
		rest = append(rest, more...)
	}
	return rest
}

// batchOf answers what memory has fresh, as Get does, and returns the rest.
func (d *Data[In, Out]) batchOf(ctx context.Context, s *dataState, scope callScope, ins []In, outs []Out, errs map[int]error) lookupsOf {
	var b lookupsOf
	var index map[string]int
	var room []call[In, Out]
	buf := keyBuffers.Get().(*keyBuffer)
	defer buf.giveBack()
	for i := range ins {
		var cached bool
		var err error
		if buf.enc, cached, err = d.encode(buf.enc[:0], scope, &ins[i]); err != nil || !cached {
			if err != nil && !s.rt.withoutKey(ctx, d.id.name, err) {
				errs[i] = err
			} else {
				b.unkeyed = append(b.unkeyed, i)
			}
			continue
		}
		if n, there := index[string(buf.local())]; there {
			if b.again == nil {
				b.again = map[int][]int{}
			}
			b.again[n] = append(b.again[n], i)
			continue
		}
		if d.fresh(ctx, s, scope, buf, &ins[i], &outs[i]) {
			continue
		}
		if index == nil {
			index = make(map[string]int, len(ins)-i)
			b.lookups, b.first = make([]*engine.Lookup, 0, len(ins)-i), make([]int, 0, len(ins)-i)
		}
		if len(room) == 0 {
			room = make([]call[In, Out], min(callsAtOnce, len(ins)-i))
		}
		l := room[0].begin(d, s, scope, buf, ins[i])
		room = room[1:]
		if d.untagged(l) {
			b.unkeyed = append(b.unkeyed, i)
			continue
		}
		index[l.Key] = len(b.lookups)
		b.lookups, b.first = append(b.lookups, l), append(b.first, i)
	}
	return b
}

// computeAll runs the function for every element.
func (d *Data[In, Out]) computeAll(ctx context.Context, ins []In, outs []Out, errs map[int]error) {
	all := make([]int, len(ins))
	for i := range all {
		all[i] = i
	}
	d.computeSome(ctx, all, ins, outs, errs)
}

// computeSome runs the function for some elements, uncached.
func (d *Data[In, Out]) computeSome(ctx context.Context, some []int, ins []In, outs []Out, errs map[int]error) {
	if len(some) == 0 {
		return
	}
	if d.many == nil {
		for _, i := range some {
			var err error
			if outs[i], err = d.fn(ctx, ins[i]); err != nil {
				errs[i] = err
			}
		}
		return
	}
	args := make([]In, len(some))
	for n, i := range some {
		args[n] = ins[i]
	}
	got, failed := d.callMany(ctx, args)
	for n, i := range some {
		outs[i] = got[n]
		if failed[n] != nil {
			errs[i] = failed[n]
		}
	}
}

func batchError(errs map[int]error) error {
	if len(errs) == 0 {
		return nil
	}
	return &BatchError{Errs: errs}
}

// runMany runs the batch function for the engine.
func (d *Data[In, Out]) runMany(ctx context.Context, s *dataState, ls []*engine.Lookup) []engine.Result {
	args := make([]In, len(ls))
	for i, l := range ls {
		args[i] = *l.Ops.(*call[In, Out]).arg
	}
	outs, errs := d.callMany(ctx, args)
	results := make([]engine.Result, len(ls))
	for i := range ls {
		results[i] = d.result(ctx, s, args[i], &outs[i], errs[i])
	}
	return results
}
