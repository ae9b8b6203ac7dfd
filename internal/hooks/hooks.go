// Package hooks is what other packages of this module need of package adapter beyond its public names. Package adapter
// fills it in when it is initialized; a runtime is passed as the *adapter.Runtime that it is, which this package cannot
// name.
package hooks

import (
	"context"
	"reflect"
	"sync/atomic"
	"time"
)

// Runtime is an *adapter.Runtime with what is not for users.
type Runtime interface {
	// Development reports whether the program is being developed rather than deployed.
	Development() bool
	// BackendTimeout returns the bound on one read of the backend.
	BackendTimeout() time.Duration
	// NeedsRelease reports whether a resource wrapped so far has something to release at shutdown.
	NeedsRelease() bool
	// WaitIdle waits until no work that calls left for later is under way, and reports false where ctx ends first.
	WaitIdle(ctx context.Context) bool
	// ForgetOutage makes the next operation ask the backend, whatever it answered before.
	ForgetOutage()
	// Forget drops what functions that are bound to the default runtime keep for this one. A test calls it when it is
	// done with its runtime.
	Forget()
}

// Of returns the hooks of an *adapter.Runtime.
var Of func(rt any) Runtime

// DataOptions is what options of cached data add up to, for those who take them for something else.
type DataOptions struct {
	Name, Version                    string
	TTL, StaleFor, FailSafe, NearTTL time.Duration // zero: not given
	PersistSet, PersistOn            bool
	PersistName                      string
	Runtime                          any            // an *adapter.Runtime, or nil
	Others                           []string       // names of options that are given beside these
	HashTypes                        []reflect.Type // types that HashFunc is given for
	Err                              error          // options that cannot be used
}

// ReadDataOptions reads values of type adapter.DataOption.
var ReadDataOptions func(opts []any) DataOptions

// At returns an adapter.DataOption that says where, as file:line, a function is wrapped on somebody's behalf.
var At func(place string) any

// ObserveRequests returns a context that reports the kind of each event of an HTTP cache to fn, as adapter.Observe does with those
// of cached calls. fn must be quick and safe for concurrent use.
var ObserveRequests func(ctx context.Context, fn func(kind string)) context.Context

// Testing is set, for good, by package adaptertest. While it is not, cached functions do not look for a runtime in the
// context.
var Testing atomic.Bool

// runtimeKey is the context key of a test's runtime.
type runtimeKey struct{}

// WithRuntime returns a context in which functions that are bound to the default runtime use rt, an *adapter.Runtime,
// in its place. It has an effect only while Testing is set.
func WithRuntime(ctx context.Context, rt any) context.Context {
	return context.WithValue(ctx, runtimeKey{}, rt)
}

// RuntimeIn returns the runtime that WithRuntime put into the context, or nil.
func RuntimeIn(ctx context.Context) any { return ctx.Value(runtimeKey{}) }

// SwapDefault makes rt, an *adapter.Runtime, the default one, and returns what undoes it. Testing must be set.
var SwapDefault func(rt any) (restore func())
