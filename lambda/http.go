package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/lambda/internal/httpevent"
)

// HTTPHandler returns a handler that serves HTTP requests with h, whatever service sends them: an HTTP API (payload 2.0 or
// 1.0), a function URL, a REST API or a load balancer. The service is known by the event. A nil h stands for
// [http.DefaultServeMux].
//
//	lambda.Start(lambda.HTTPHandler(mux))
//	lambda.Start(lambda.HTTPHandler(httpcache.Middleware(httpcache.DefaultTTL("1m"))(mux)))
//
// The request has the path without an HTTP API's stage, the client's address in RemoteAddr, and a context that ends at the
// invocation's deadline. Package httpcache finds in it what the event knows of the caller: an authorizer's claims, an
// IAM identity, a client certificate. An event that is no valid request is answered with 400. The answer is collected and sent
// at once unless [StreamResponse] is given; what is larger than the service takes is an error. The handler is safe for
// concurrent use if h is.
func HTTPHandler(h http.Handler, opts ...HTTPOption) Handler {
	if h == nil {
		h = http.DefaultServeMux
	}
	s := &httpHandler{handler: h}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// HTTPOption is an option of [HTTPHandler].
type HTTPOption func(*httpHandler)

// BasePath returns an option that takes a path off the front of each request's path where it is there: a REST API's custom
// domain sends the path of its mapping along.
func BasePath(path string) HTTPOption { return func(h *httpHandler) { h.base = path } }

// StreamResponse returns an option that sends the answer while the handler writes it. The function URL must have the invoke
// mode RESPONSE_STREAM, or the REST API's integration the transfer mode STREAM; a load balancer or an HTTP API cannot
// stream and gets the answer as without the option.
func StreamResponse() HTTPOption { return func(h *httpHandler) { h.stream = true } }

// httpHandler is what HTTPHandler returns. Start serves it without the detour through bytes.
type httpHandler struct {
	handler http.Handler
	base    string
	stream  bool
}

// Invoke implements [Handler].
func (h *httpHandler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if !running(ctx) {
		c := begin(ctx)
		c.direct = true
		defer c.finish()
		ctx = c.ctx
	}
	v, err := h.serve(ctx, payload)
	if err != nil {
		return nil, err
	}
	if stream, ok := v.(*httpevent.Streamed); ok {
		defer func() { _ = stream.Close() }()
		return io.ReadAll(stream)
	}
	return v.(rawJSON), nil
}

// serve returns the answer as rawJSON or *httpevent.Streamed.
func (h *httpHandler) serve(ctx context.Context, payload []byte) (any, error) {
	e, err := httpevent.Parse(payload)
	if err != nil {
		return nil, err
	}
	r, err := e.Request(ctx, invocation.From(ctx).TenantID(), h.base)
	var bad *httpevent.MalformedError
	switch {
	case errors.As(err, &bad):
		return encodeResponse(e.Text(http.StatusBadRequest, bad.Reason))
	case err != nil:
		return nil, err
	case h.stream && e.Streams():
		return e.Stream(ctx, h.handler, r)
	}
	w := &httpevent.Recorder{Sniff: true, Head: r.Method == http.MethodHead}
	if err := serveHTTP(h.handler, w, r); err != nil {
		return nil, err
	}
	res := w.Response(e)
	if limit, over := res.TooLarge(e.Source); over {
		way := "send a link to where it is"
		if e.Streams() {
			way = "stream it with lambda.StreamResponse, or " + way
		}
		return nil, fmt.Errorf("the answer to %s %s is larger than what the service takes, %s: %d MiB; %s",
			r.Method, r.URL.Path, e.Source, limit>>20, way)
	}
	return encodeResponse(res)
}

// rawJSON is an answer that is JSON already.
type rawJSON []byte

func encodeResponse(r *httpevent.Response) (any, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(r)
	return rawJSON(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), err
}

// wrap wraps the handler to be served.
func (h *httpHandler) wrap() *wrapper {
	w := &wrapper{known: true}
	w.outer = func(ctx context.Context, event json.RawMessage) (any, error) {
		return w.serve(ctx, func(ctx context.Context) (any, error) { return h.serve(ctx, event) })
	}
	return w
}
