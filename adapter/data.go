package adapter

import (
	"context"
	"errors"

	"github.com/stillwarm/stillwarm/backends"
)

// None is the In of a function without arguments.
type None = struct{}

// Data is a function whose results are cached. It is safe for concurrent use.
type Data[In, Out any] struct{ ref dataRef }

// CacheData returns fn with its results cached: one run for each argument, scope and ttl, over all containers that share
// a backend. It is meant for package-level variables and panics where [NewData] returns an error.
//
// The most important options are [TTL], [MaxEntries], [Persist] and [Spinner].
func CacheData[In, Out any](fn func(context.Context, In) (Out, error), opts ...DataOption) *Data[In, Out] {
	return &Data[In, Out]{mustData(newData(dataTypesOf(fn), dataOptions(callerPlace(0), opts)))}
}

// NewData is [CacheData] with an error instead of a panic. The error is an [*UnhashableParamError] when In cannot be part
// of a key, an [*UnserializableReturnValueError] when Out cannot be stored and restored exactly, a [*UserHashError] when
// a hash function cannot serve, or an [*OptionError].
func NewData[In, Out any](fn func(context.Context, In) (Out, error), opts ...DataOption) (*Data[In, Out], error) {
	ref, err := newData(dataTypesOf(fn), dataOptions(callerPlace(0), opts))
	if err != nil {
		return nil, err
	}
	return &Data[In, Out]{ref}, nil
}

// Get returns the function's result for in: a copy of the caller's own, from this container's memory, from the
// backend, or from a run of the function. Errors and panics of the function reach every caller that waited for that
// run and are not cached; a nil or zero result is a result.
//
// The key is taken once, before the run. When ctx ends, Get returns its error; a run that others wait for goes on.
// Get never fails because of the cache, except where the argument holds something that cannot be hashed.
func (d *Data[In, Out]) Get(ctx context.Context, in In) (out Out, err error) {
	flat, err := d.ref.get(ctx, argument(&in), hidden(&out))
	if flat != nil {
		out = *(*Out)(flat)
	}
	return out, err
}

// Uncached runs the function without the cache: it reads and stores nothing. Cached functions that it calls are cached
// as always.
func (d *Data[In, Out]) Uncached(ctx context.Context, in In) (out Out, err error) {
	err = d.ref.uncached(ctx, argument(&in), hidden(&out))
	return out, err
}

// Refresh runs the function now, whatever is cached, and replaces the entry, here and in the backend. If the function
// fails, Refresh returns its error and the old entry stays.
func (d *Data[In, Out]) Refresh(ctx context.Context, in In) (out Out, err error) {
	err = d.ref.refresh(ctx, argument(&in), hidden(&out))
	return out, err
}

// Set puts out in as the result for in, as if a run that began now had returned it: in this container at once, and in
// the backend before Set returns. Use it after an update, to save a run. An error means that the backend could not be
// reached: this container has the value, and updates the backend before it uses the entry there. A result that CacheIf
// refuses, or that is private, is not stored.
func (d *Data[In, Out]) Set(ctx context.Context, in In, out Out) error {
	return d.ref.set(ctx, ptr(&in), ptr(&out))
}

// Clear makes every entry of the function a miss. It returns when every later Get in this container misses; other
// containers follow within [NearTTL]. A run under way gives its result to its callers, and it is not stored. The error,
// a [*ClearError], means that the backend could not be reached: this container misses all the same and tries again.
func (d *Data[In, Out]) Clear(ctx context.Context) error { return d.ref.clear(ctx) }

// ClearFor makes the entry for this argument, in the context's scope, a miss: in this container and in the backend. It
// is not an error if there is none. Other containers that have the entry in memory serve it until its ttl ends, or for
// NearTTL if the function is [Coherent].
func (d *Data[In, Out]) ClearFor(ctx context.Context, in In) error {
	return d.ref.clearFor(ctx, argument(&in))
}

// Explain tells what Get would find, without running the function: the key, the tier, the age, or why it would be a miss.
func (d *Data[In, Out]) Explain(ctx context.Context, in In) (Explanation, error) {
	return d.ref.explain(ctx, argument(&in))
}

// Stats returns what happened in this container since the function was wrapped.
func (d *Data[In, Out]) Stats() Stats { return d.ref.stats() }

// ClearError means that a clear took effect in this container, but the backend could not be reached. It wraps
// [backends.ErrClosed] where the [Runtime] was closed before: nobody tells the backend then.
type ClearError struct {
	Function string
	Err      error
}

// Error names the function and the cause.
func (e *ClearError) Error() string {
	if errors.Is(e.Err, backends.ErrClosed) {
		return "clearing '" + shortName(e.Function) + "' in the backend: its Runtime is closed"
	}
	return "clearing '" + shortName(e.Function) + "' in the backend: " + e.Err.Error() +
		" (this container misses, and tells the backend before it reads there again)"
}

// Unwrap returns the cause.
func (e *ClearError) Unwrap() error { return e.Err }
