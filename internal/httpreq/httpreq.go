// Package httpreq is the seam between package httpcache, which knows HTTP, and package lambda, which knows events.
//
// An adapter turns its event into a *http.Request, puts what the event knows of the caller into the request's context
// with [With], and serves the request with httpcache's (*Cache).Handler(h).ServeHTTP(w, r). Both ends of the exchange
// belong to the adapter:
//
//   - h, the inner handler, turns the request that it gets back into an event for the user's function and writes the
//     function's answer to its own ResponseWriter. The request is the caller's, except for fields that the cache changed:
//     conditions and ranges are gone, Accept-Encoding is normalised, validators of a stored answer were added. Its
//     context is the run's, not the caller's; [From] still finds the facts of the caller that the run is for.
//   - w, the outer writer, collects the answer to the caller.
//
// Both may implement or use the optional interfaces of this package: [ErrorWriter] for functions that return an error,
// [FormWriter] for bodies that are kept in the event's own form. The writer that h gets always implements both.
package httpreq

import (
	"context"
	"encoding/base64"
	"net/http"
)

// Caller is what an event knows beyond the HTTP request. The zero value says nothing. It must not change once it is in a
// context.
type Caller struct {
	// Scheme, Host, Stage, APIID and Tenant are part of every key. Scheme and Host replace the request's own where they
	// are set: Host is what the service says (requestContext.domainName), not what the client claims.
	Scheme, Host, Stage, APIID, Tenant string
	// BasePath is the mapping of a custom domain in front of the path; part of every key.
	BasePath string
	// Route is the route that the service chose, such as "GET /items/{id}"; empty where it has none. Routes whose answers
	// were never storable are not looked up.
	Route string
	// Authenticated says that the event identifies its caller in any way: an authorizer's principal or context, an IAM
	// identity, a client certificate, an API key, x-amzn-oidc-* fields. It counts as an Authorization field.
	Authenticated bool
	// Principal is whose private answers may be stored and found: what PerPrincipal makes of the event. Empty: nobody's.
	Principal string
	// NoRange says that the answer cannot be a part of a stored body (text bodies of a REST API).
	NoRange bool
	// Fits reports whether an answer can be sent to this caller, as its source counts it; nil: always. An answer that
	// does not fit is neither stored nor served from the store.
	Fits func(status int, header http.Header, bodyBytes int, form Form) bool
}

type callerKey struct{}

// With returns a context that carries what is known of the caller.
func With(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// From returns what is known of the caller, or nil.
func From(ctx context.Context) *Caller {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	return c
}

// Form says how the bytes of a body are to be read.
type Form uint8

// The forms of a body.
const (
	Plain  Form = iota // the bytes are the body
	Base64             // the bytes are the body in standard base64
)

// Decode returns the body itself.
func (f Form) Decode(body []byte) ([]byte, error) {
	if f != Base64 {
		return body, nil
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(body)))
	n, err := base64.StdEncoding.Decode(out, body)
	return out[:n], err
}

// A FormWriter takes a whole body in the form in which the handler gave it, instead of Write. The memory tier keeps that
// form, so that a hit need not encode it again. The writer must not keep or change body beyond the answer.
type FormWriter interface {
	WriteForm(body []byte, form Form) error
}

// An ErrorWriter is told that there is no answer because the handler returned an error. An inner handler calls it in
// place of writing; the outer writer of each caller that waited for the run is told the same error, unless a stored
// answer may be served in its place. It must be called before anything is written.
type ErrorWriter interface {
	WriteError(err error)
}

// An AnswerWriter takes a whole answer at once, in place of Header, WriteHeader and WriteForm. The header is the writer's
// from then on; the body must not be kept or changed beyond the answer. It reports false, having done nothing, where the writer has
// fields already, or an answer.
type AnswerWriter interface {
	WriteAnswer(status int, header http.Header, body []byte, form Form) bool
}

// A Sniffer says whether it guesses a missing Content-Type from the body, as net/http's server does. A writer that does not say
// does.
type Sniffer interface {
	Sniffs() bool
}

// Safe reports whether a method asks for nothing to be changed (RFC 9110, 9.2.1). None is a GET, as in net/http.
func Safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, "":
		return true
	}
	return false
}
