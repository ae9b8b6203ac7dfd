package adapter

import (
	"context"
	"fmt"
	"reflect"
	"time"
)

// Validate checks an object before each use; see [ValidateEvery] to check less often. Where it returns false, or
// panics, the object leaves the cache and a new one is opened, once per call; an invalid new one is an error. It runs
// outside every lock, with the caller's context. Changing the function does not invalidate anything.
//
// After a thaw, a gap between invocations in which the container was probably frozen, it runs even where ValidateEvery
// would skip it: idle connections rarely survive a freeze.
func Validate[Out any](valid func(context.Context, Out) bool) ResourceOption {
	return onlyResource{func(c *options) {
		if valid == nil {
			c.problem("Validate", "nil", "needs a function")
			return
		}
		c.validate = typedFunc{
			fn: valid, out: reflect.TypeFor[Out](),
			call: func(ctx context.Context, out ptr) bool { return valid(ctx, *(*Out)(out)) },
		}
	}}
}

// ValidateErr is [Validate] with a function that says why an object is not valid. Where a new object is not valid either,
// the call's error wraps that cause beside [ErrInvalid].
func ValidateErr[Out any](valid func(context.Context, Out) error) ResourceOption {
	return onlyResource{func(c *options) {
		if valid == nil {
			c.problem("ValidateErr", "nil", "needs a function")
			return
		}
		c.validateErr = typedFunc{
			fn: valid, out: reflect.TypeFor[Out](),
			call: func(ctx context.Context, out ptr) error { return valid(ctx, *(*Out)(out)) },
		}
	}}
}

// ValidateWith is [Validate] with a function that also gets the argument the object was asked for with.
func ValidateWith[In, Out any](valid func(context.Context, In, Out) bool) ResourceOption {
	return onlyResource{func(c *options) {
		if valid == nil {
			c.problem("ValidateWith", "nil", "needs a function")
			return
		}
		c.validateWith = typedFunc{
			fn: valid, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
			call: func(ctx context.Context, in, out ptr) bool { return valid(ctx, *(*In)(in), *(*Out)(out)) },
		}
	}}
}

// ValidateEvery skips validation for an object that was found valid less than d ago.
func ValidateEvery(d time.Duration) ResourceOption {
	return onlyResource{func(c *options) {
		if d <= 0 {
			c.problem("ValidateEvery", fmt.Sprint(d), "must be longer than zero; leave the option out to validate at every access")
			return
		}
		c.validateEvery = d
	}}
}

// OnRelease runs exactly once for every object that leaves the cache: expired, evicted, invalid, cleared, replaced,
// opened by a run that was cleared meanwhile, or at [Runtime.Close]. It never runs while an invocation that got the
// object still runs. Its context is bounded; its error or panic is logged. Without it, an object's Close method is
// the hook where it has one.
func OnRelease[Out any](release func(context.Context, Out) error) ResourceOption {
	return onlyResource{func(c *options) {
		if release == nil {
			c.problem("OnRelease", "nil", "needs a function")
			return
		}
		c.onRelease = typedFunc{
			fn: release, out: reflect.TypeFor[Out](),
			call: func(ctx context.Context, out ptr) error { return release(ctx, *(*Out)(out)) },
		}
	}}
}
