package lambda

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"sync"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/hooks"
	"github.com/stillwarm/stillwarm/lambda/internal/eventkind"
)

// CacheHandler returns a handler that answers equal events from the cache: [adapter.CacheData] around the whole handler,
// with what package events of aws-lambda-go says about them.
//
// HTTP requests follow the rules of HTTP caching, as with [CacheHTTP]: TTL is the lifetime of answers that name none, StaleFor and
// FailSafe are the stale windows, Name, Version, Persist, NearTTL and WithRuntime are what they are; other options are
// refused.
//
// Events that ask for an answer (authorizers, AppSync, Lex, Cognito triggers, Client VPN, S3 Object Lambda) are keyed without the ids,
// times and traces that change at each delivery. Notifications, queues, streams and jobs are refused, because each must
// reach the handler: cache what the handler looks up instead. Types of your own are keyed whole; leave fields out with
// the tag `cache:"-"`. A handler that has missed a hundred times without a hit says so once in the log, with the fields that
// differed.
//
// The options are those of cached data, and so is what is refused: CacheHandler panics, as CacheData does, with an error
// that says why. A result with a StatusCode of 408, 425, 429 or of 500 and more is not cached unless [adapter.CacheIf] says
// otherwise; from 500 on it counts as a failure for [adapter.FailSafe]. Errors are not cached.
//
//	lambda.Start(lambda.CacheHandler(quote, adapter.TTL("5m")))
func CacheHandler[In, Out any](h func(context.Context, In) (Out, error), opts ...adapter.DataOption) *CachedHandler[In, Out] {
	c, err := newCachedHandler(h, callSite(2), opts)
	if err != nil {
		panic(err)
	}
	return c
}

// CachedHandler is a handler whose answers are cached. It is a [Handler] for [Start]; its method [CachedHandler.Call] is the
// handler as a function. It is safe for concurrent use if the handler is.
type CachedHandler[In, Out any] struct {
	handler func(context.Context, In) (Out, error)
	data    *adapter.Data[In, Out]
	web     *httpCached[In, Out] // in place of data, for HTTP events
	kind    eventkind.Kind
	watch   missWatch
	direct  func() Handler
}

var _ wrappable = (*CachedHandler[int, int])(nil)

func newCachedHandler[In, Out any](h func(context.Context, In) (Out, error), place string, opts []adapter.DataOption) (*CachedHandler[In, Out], error) {
	in, out := reflect.TypeFor[In](), reflect.TypeFor[Out]()
	c := &CachedHandler[In, Out]{handler: h, kind: eventkind.Of(in)}
	c.direct = sync.OnceValue(func() Handler { return c.wrap().build(nil, false) })
	var err error
	if c.kind.Class == eventkind.HTTP {
		c.web, err = cachedAsHTTP(h, place, opts)
		return c, err
	}
	if err := refuse(h, c.kind, in, out); err != nil {
		err.Place = place
		return nil, err
	}
	own := []adapter.DataOption{atPlace(place)}
	given := readOptions(opts)
	if len(c.kind.Omit) > 0 && !choosesKey(&given, in) {
		if slices.Contains(given.Others, "HashFunc") {
			return nil, &adapter.OptionError{
				Function: handlerName(h), Option: "HashFunc", Value: "given", Place: place,
				Reason: fmt.Sprintf("is for a part of %s, which is keyed without what changes at each delivery; "+
					"choose the whole key with adapter.Key, or with a HashFunc for %s", c.kind.Name, in),
			}
		}
		own = append(own, adapter.Key(once("key", eventKey[In])))
	}
	if statusField(out) != nil && !slices.Contains(given.Others, "CacheIf") {
		own = append(own, adapter.CacheIf(once("keep", keepStatus[Out])), adapter.FailIf(once("failed", failedStatus[Out])))
	}
	c.data, err = adapter.NewData(h, append(own, opts...)...)
	return c, err
}

// choosesKey reports whether the options say themselves what an event is keyed by.
func choosesKey(given *hooks.DataOptions, in reflect.Type) bool {
	return slices.Contains(given.Others, "Key") || slices.Contains(given.HashTypes, in) ||
		in.Kind() == reflect.Pointer && slices.Contains(given.HashTypes, in.Elem())
}

// eventKey is what an event is keyed by.
func eventKey[In any](in In) ([]any, bool) {
	return eventkind.Project(in, eventkind.Of(reflect.TypeFor[In]()).Omit), true
}

// refuse returns an error for events that must reach the handler and results that are none.
func refuse(h any, kind eventkind.Kind, in, out reflect.Type) *adapter.OptionError {
	var reason string
	switch {
	case kind.Class == eventkind.Delivery:
		reason = fmt.Sprintf("%s %s; cache inside the handler what it looks up, with adapter.CacheData", kind.Name, kind.Why)
	case eventkind.Outcome(out) != "":
		reason = fmt.Sprintf("its result %s %s; cache inside the handler what it looks up, with adapter.CacheData", out, eventkind.Outcome(out))
	case out.Implements(reflect.TypeFor[io.Reader]()):
		reason = fmt.Sprintf("its result %s is a stream, which can be read once; return the data whole, or cache what it is made of with adapter.CacheData", out)
	case out.Kind() == reflect.Interface:
		reason = fmt.Sprintf("its result is of type %s, which says nothing about what is to be stored; let the handler return the type itself", out)
	default:
		return nil
	}
	return &adapter.OptionError{Function: handlerName(h), Option: "CacheHandler", Value: in.String(), Reason: reason}
}

// statusField returns where a result has its HTTP status, or nil.
func statusField(out reflect.Type) []int {
	if out.Kind() == reflect.Pointer {
		out = out.Elem()
	}
	if out.Kind() != reflect.Struct {
		return nil
	}
	if f, ok := out.FieldByName("StatusCode"); ok && f.IsExported() && reflect.Zero(f.Type).CanInt() {
		return f.Index
	}
	return nil
}

// keepStatus reports whether a result's status is none that says "not now".
func keepStatus[Out any](out Out) bool {
	switch statusOf(out) {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return !failedStatus(out)
}

// failedStatus reports whether a result's status says that the handler has failed, so that an older one may do.
func failedStatus[Out any](out Out) bool { return statusOf(out) >= http.StatusInternalServerError }

// statusOf returns the status of a result whose type has one, and zero where the result is not there.
func statusOf(out any) int64 {
	v := reflect.ValueOf(out)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return 0
		}
		v = v.Elem()
	}
	f, err := v.FieldByIndexErr(statusField(v.Type()))
	if err != nil {
		return 0 // in an embedded struct that is not there
	}
	return f.Int()
}

// Call returns the handler's answer to an event: a copy from the cache, or the answer of a run, as [adapter.Data.Get]
// does for a function.
func (c *CachedHandler[In, Out]) Call(ctx context.Context, in In) (Out, error) {
	if c.web != nil {
		return c.web.call(ctx, in)
	}
	if c.never(in) {
		c.watch.never(ctx, c.kind)
		return c.data.Uncached(ctx, in)
	}
	if c.watch.done.Load() {
		return c.data.Get(ctx, in)
	}
	seen := &firstEvent{function: c.data.Name()}
	out, err := c.data.Get(adapter.Observe(ctx, seen.see), in)
	c.watch.add(ctx, seen, in, c.kind.Omit)
	return out, err
}

// never reports whether an event must not be cached, whatever the options make its key of.
func (c *CachedHandler[In, Out]) never(in In) bool { return eventkind.Has(in, c.kind.Never) }

// Invoke implements [Handler].
func (c *CachedHandler[In, Out]) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return c.direct().Invoke(ctx, payload)
}

func (c *CachedHandler[In, Out]) wrap() *wrapper { return typed(c.Call) }

// Clear makes every answer a miss; see [adapter.Data.Clear].
func (c *CachedHandler[In, Out]) Clear(ctx context.Context) error {
	if c.web != nil {
		return c.web.cache.Clear(ctx)
	}
	return c.data.Clear(ctx)
}

// ClearFor makes the answer to an event a miss; see [adapter.Data.ClearFor]. Of an HTTP event it is every answer to its URL.
func (c *CachedHandler[In, Out]) ClearFor(ctx context.Context, in In) error {
	if c.web != nil {
		return c.web.purge(ctx, in)
	}
	return c.data.ClearFor(ctx, in)
}

// Refresh runs the handler now and keeps its answer; see [adapter.Data.Refresh]. For an HTTP event it is ClearFor and Call.
func (c *CachedHandler[In, Out]) Refresh(ctx context.Context, in In) (Out, error) {
	switch {
	case c.web == nil && c.never(in):
		return c.data.Uncached(ctx, in)
	case c.web == nil:
		return c.data.Refresh(ctx, in)
	}
	if err := c.web.purge(ctx, in); err != nil {
		logger(runtimeOf(ctx)).Warn("stillwarm: could not tell other containers about a refreshed answer", "error", err)
	}
	return c.web.call(ctx, in)
}

// Stats tells what happened in this container.
func (c *CachedHandler[In, Out]) Stats() adapter.Stats {
	if c.web != nil {
		return c.web.cache.Stats()
	}
	return c.data.Stats()
}

// Explain tells what Call would find for an event, without running the handler.
func (c *CachedHandler[In, Out]) Explain(ctx context.Context, in In) (adapter.Explanation, error) {
	switch {
	case c.web != nil:
		return c.web.explain(ctx, in)
	case c.never(in):
		return adapter.Explanation{Function: c.data.Name(), Why: "never cached: " + c.kind.NeverWhy}, nil
	}
	return c.data.Explain(ctx, in)
}
