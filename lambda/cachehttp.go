package lambda

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache"
	"github.com/stillwarm/stillwarm/internal/httpreq"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/internal/panics"
	"github.com/stillwarm/stillwarm/lambda/internal/httpevent"
)

// HTTPEvent is an HTTP request as a service delivers it: an HTTP API (payload 2.0), a function URL, a REST API or an HTTP API
// with payload 1.0, a load balancer.
type HTTPEvent interface {
	events.APIGatewayV2HTTPRequest | events.LambdaFunctionURLRequest | events.APIGatewayProxyRequest | events.ALBTargetGroupRequest
}

// HTTPResponse is the answer to an [HTTPEvent]. Streams pass uncached.
type HTTPResponse interface {
	events.APIGatewayV2HTTPResponse | events.LambdaFunctionURLResponse | events.APIGatewayProxyResponse | events.ALBTargetGroupResponse |
		*events.LambdaFunctionURLStreamingResponse | *events.APIGatewayProxyStreamingResponse
}

// CacheHTTP returns the handler with its answers cached by the rules of a shared HTTP cache: see package httpcache. Without
// Cache-Control nothing is reused, and the field Cache-Status of each answer says why. Out must be the answer to In; those of
// HTTP APIs and function URLs may be mixed.
//
// Whatever the event knows of its caller (an authorizer's result, an IAM identity, a client certificate, an API key) counts as
// an Authorization field: such answers are shared only where they say public, s-maxage or must-revalidate. [PerPrincipal]
// stores private answers for their caller. The key has host, stage and its variables, API, path and query, and not the client's
// address.
//
// One of the options may be a [*httpcache.Cache], alone, which can then purge and explain. CacheHTTP panics where an
// option cannot be used. Requests that are not valid HTTP, answers that cannot be sent, and streams pass uncached. The
// handler gets the event as it came, except for fields that the cache changes: a run that may be shared has no
// conditions and no Range. It is safe for concurrent use if h is. Given to [Start] itself and without options of aws-lambda-go,
// it is served without encoding/json, whose bytes it writes all the same.
//
//	lambda.Start(lambda.CacheHTTP(handle, httpcache.DefaultTTL("1m")))
func CacheHTTP[In HTTPEvent, Out HTTPResponse](h func(context.Context, In) (Out, error), opts ...httpcache.Option) func(context.Context, In) (Out, error) {
	c, err := newHTTPCached(h, callSite(2), opts)
	if err != nil {
		panic(err)
	}
	return c.entry
}

// httpCached is a handler of HTTP events behind a cache.
type httpCached[In, Out any] struct {
	handler func(context.Context, In) (Out, error)
	cache   *httpcache.Cache
	served  http.Handler
	entry   func(context.Context, In) (Out, error) // call
	streams bool
	said    sync.Once
}

func newHTTPCached[In, Out any](h func(context.Context, In) (Out, error), place string, opts []httpcache.Option) (*httpCached[In, Out], error) {
	in, out := reflect.TypeFor[In](), reflect.TypeFor[Out]()
	if h == nil || !answers(in, out) {
		reason := fmt.Sprintf("%s is not the answer to %s", out, in)
		switch {
		case h == nil:
			reason = "CacheHTTP needs a handler"
		case in.Kind() == reflect.Pointer && answers(in.Elem(), out), out.Kind() == reflect.Pointer && answers(in, out.Elem()):
			reason = "an HTTP event and its answer are taken as they are, not as pointers"
		}
		return nil, &adapter.OptionError{Function: handlerName(h), Option: "CacheHTTP", Value: in.String(), Place: place, Reason: reason}
	}
	c := &httpCached[In, Out]{handler: h, streams: out.Kind() == reflect.Pointer}
	var err error
	if c.cache, err = cacheOf(opts); err != nil {
		return nil, err
	}
	c.served = c.cache.Handler(http.HandlerFunc(c.run))
	c.entry = c.call
	startedAsIs.Store(reflect.TypeOf(c.entry), reflect.ValueOf(c.entry).Pointer())
	return c, nil
}

// cacheOf returns the cache among the options, or makes one of them.
func cacheOf(opts []httpcache.Option) (*httpcache.Cache, error) {
	if len(opts) == 1 {
		if c, ok := opts[0].(*httpcache.Cache); ok && c != nil {
			return c, nil
		}
	}
	return httpcache.New(opts...)
}

// answers reports whether a service that sends in takes out.
func answers(in, out reflect.Type) bool {
	v2 := in == reflect.TypeFor[events.APIGatewayV2HTTPRequest]() || in == reflect.TypeFor[events.LambdaFunctionURLRequest]()
	switch out {
	case reflect.TypeFor[events.APIGatewayV2HTTPResponse](), reflect.TypeFor[events.LambdaFunctionURLResponse](),
		reflect.TypeFor[*events.LambdaFunctionURLStreamingResponse]():
		return v2
	case reflect.TypeFor[events.APIGatewayProxyResponse](), reflect.TypeFor[*events.APIGatewayProxyStreamingResponse]():
		return in == reflect.TypeFor[events.APIGatewayProxyRequest]()
	}
	return in == reflect.TypeFor[events.ALBTargetGroupRequest]() && out == reflect.TypeFor[events.ALBTargetGroupResponse]()
}

type deliveryKey struct{}

// delivered is an event on its way through the cache, with the fields of the request that was made of it.
type delivered[In any] struct {
	event  In
	header http.Header
	// out is the answer of a run that must not be had by another one: of an unsafe method, or perhaps too large to be sent as the
	// cache writes it. A run may outlast the call.
	out atomic.Value
}

// passedError carries an answer past the cache that no cache may have.
type passedError[Out any] struct{ out Out }

// Error implements error.
func (e *passedError[Out]) Error() string { return "an answer that cannot be sent" }

// call answers an event.
func (c *httpCached[In, Out]) call(ctx context.Context, in In) (out Out, err error) {
	if a, ok := ctx.(*asking); ok {
		a.handler = c
		return out, nil
	}
	d := &delivered[In]{event: in}
	w, e, out, err := c.exchange(ctx, d)
	if w == nil {
		return out, err
	}
	return c.response(ctx, w, e, d)
}

// exchange answers an event through the cache: with what w has been written; or, where w is nil, with out and err, which came past
// the cache.
func (c *httpCached[In, Out]) exchange(ctx context.Context, d *delivered[In]) (w *httpevent.Recorder, e *httpevent.Event, out Out, err error) {
	if c.streams {
		c.said.Do(func() {
			logger(runtimeOf(ctx)).Info("stillwarm: streamed answers are not cached", "function", handlerName(c.handler))
		})
		out, err = c.handler(ctx, d.event)
		return nil, nil, out, err
	}
	e, r, err := request(context.WithValue(ctx, deliveryKey{}, d), &d.event)
	if err != nil {
		out, err = c.handler(ctx, d.event)
		return nil, nil, out, err
	}
	d.header = r.Header // which the cache does not change: a run that needs another one has a copy
	w = &httpevent.Recorder{Head: r.Method == http.MethodHead}
	if err := serveHTTP(c.served, w, r); err != nil {
		var passed *passedError[Out]
		if errors.As(err, &passed) {
			return nil, nil, passed.out, nil
		}
		return nil, nil, out, err
	}
	return w, e, out, nil
}

// response is what was written, as the handler's own type.
func (c *httpCached[In, Out]) response(ctx context.Context, w *httpevent.Recorder, e *httpevent.Event, d *delivered[In]) (out Out, err error) {
	res := w.Response(e)
	if _, over := res.TooLarge(e.Source); over {
		own, ok := d.out.Load().(Out)
		if ok && httpevent.ResponseOf(&own).StatusCode == res.StatusCode { // and no 304, or an answer that a stored one replaced
			return own, nil
		}
		return c.handler(ctx, d.event) // an answer for a source that takes more, or one that cannot be sent anyway
	}
	res.Fill(&out)
	return out, nil
}

// request returns the event that in points to, and the request that it stands for; an error where it is none that may be
// answered from a cache.
func request(ctx context.Context, in any) (*httpevent.Event, *http.Request, error) {
	e := httpevent.Of(in)
	r, err := e.Request(ctx, invocation.From(ctx).TenantID(), "")
	if err == nil && httpreq.Safe(r.Method) { // what other methods invalidate must not depend on how their own URL is written
		err = e.Strict(r)
	}
	return e, r, err
}

// serveHTTP serves a request, and returns the error where there is no answer.
func serveHTTP(h http.Handler, w *httpevent.Recorder, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v == http.ErrAbortHandler { //nolint:errorlint // the very value
			err = cutOff(r.Context())
		} else if v != nil {
			panic(panics.Capture(v))
		}
	}()
	h.ServeHTTP(w, r)
	if err := w.Err(); err != nil {
		return err
	}
	if !w.Wrote() && r.Context().Err() != nil {
		return cutOff(r.Context())
	}
	return nil
}

func cutOff(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return httpevent.ErrCut
}

// run calls the user's handler for a request that the cache cannot answer.
func (c *httpCached[In, Out]) run(w http.ResponseWriter, r *http.Request) {
	d := r.Context().Value(deliveryKey{}).(*delivered[In])
	in := d.event
	httpevent.Rewrite(&in, d.header, r.Header)
	out, err := c.handler(r.Context(), in)
	if err != nil {
		w.(httpreq.ErrorWriter).WriteError(err)
		return
	}
	res := httpevent.ResponseOf(&out)
	if !httpreq.Safe(r.Method) || res.MayBeTooLarge(httpevent.From(r.Context()).Source) {
		d.out.Store(out)
	}
	var unsendable *httpevent.UnsendableError
	if err := res.Write(w, r.Method == http.MethodHead); errors.As(err, &unsendable) {
		w.(httpreq.ErrorWriter).WriteError(&passedError[Out]{out})
	}
}

// PerPrincipal returns an option that stores private answers for their caller, whom the named claims tell from others: of a
// JWT or Cognito authorizer's token, of a load balancer's OIDC action, or members of a Lambda authorizer's context. Without
// names it takes whatever identifies the caller: subject and issuer of a token, a Lambda authorizer's principalId, an IAM or
// Cognito identity, a client certificate. A caller without one of the named claims has no answers of its own, and shares only
// what says that it may be shared (RFC 9111, section 3.5). So has one who, without names, is known by a signature or a certificate
// alone and sends a Cookie, or an Authorization field that is no signature, or comes to a function URL by CloudFront: others may
// use the same connection. Numbers from 2^53 name nobody, since two of them can arrive as one: use texts. What a caller's groups
// or scopes decide must be among the names.
//
// It is for [CacheHTTP], and for package httpcache's middleware inside [HTTPHandler]. Behind a load balancer, use it only with
// listener rules that authenticate: without them the client may send what it likes.
func PerPrincipal(claims ...string) httpcache.Option {
	return httpcache.PerCaller(func(ctx context.Context, r *http.Request) string {
		e := httpevent.From(ctx)
		if e == nil || len(claims) == 0 && relayed(e, r.Header) {
			return ""
		}
		return e.Identity.Principal(claims...)
	})
}

// relayed reports whether a request may come from somebody behind the one who signed it or opened its connection, such as a CDN.
func relayed(e *httpevent.Event, h http.Header) bool {
	id := &e.Identity
	switch {
	case len(id.Claims) > 0 || len(id.Context) > 0 || id.Cognito != "":
		return false
	case len(h["Cookie"]) > 0:
		return true
	case e.Source == httpevent.FunctionURL && len(h["X-Amz-Cf-Id"]) > 0: // CloudFront signs what it asks for with a key of its own
		return true
	}
	return id.IAM == "" && len(h["Authorization"]) > 0 // else that is the signature
}
