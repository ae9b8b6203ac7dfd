// Package front is what clients of the local runner talk to: the function's URL, the Invoke API for raw events, and the
// status page.
package front

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/build"
	"github.com/stillwarm/stillwarm/localdev/internal/container"
	"github.com/stillwarm/stillwarm/localdev/internal/guard"
	"github.com/stillwarm/stillwarm/localdev/internal/httpevent"
	"github.com/stillwarm/stillwarm/localdev/internal/journal"
	"github.com/stillwarm/stillwarm/localdev/internal/pool"
)

// PagePath is where the status page lives. Nothing below it reaches the function.
const PagePath = "/_stillwarm/"

// The Invoke API's path, between which the function's name stands. Any name reaches the one function.
const (
	invokePrefix = "/2015-03-31/functions/"
	invokeSuffix = "/invocations"
)

// Do gives a call to the function and returns its answer, or why there is none. reached reports whether a container
// took the call, so that it will report its half of it.
type Do func(ctx context.Context, call *container.Call, slot int) (a container.Answer, reached bool, err error)

// Server is the HTTP handler for clients. The fields are set before it is used.
type Server struct {
	Do      Do
	Journal *journal.Journal
	Page    http.Handler    // the status page
	Form    *httpevent.Form // what requests are sent to the function as
	// Loopback says that the server listens on a loopback address: then it answers only to loopback names.
	Loopback bool
	// BodyTimeout is how long a request's body may take to arrive.
	BodyTimeout time.Duration
	Async       func(func(context.Context)) // runs what no client waits for
}

// ServeHTTP finds out whom a request is for. It is no ServeMux, which would redirect paths like //a or /a/../b: they
// belong to the function as they are.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Loopback && !guard.LoopbackHost(r.Host) {
		refusal{http.StatusForbidden, "ForbiddenHost", fmt.Sprintf("the Host %.100q is not a name of this machine; use "+
			"localhost or 127.0.0.1, or listen on another address with --addr", r.Host)}.write(w, r)
		return
	}
	switch clean := path.Clean("/" + r.URL.Path); {
	case r.URL.Path == "/_stillwarm":
		http.Redirect(w, r, PagePath, http.StatusFound)
	case strings.HasPrefix(clean+"/", PagePath):
		s.Page.ServeHTTP(w, r)
	case r.Method == http.MethodPost && strings.HasPrefix(clean, invokePrefix) && strings.HasSuffix(clean, invokeSuffix):
		s.invoke(w, r)
	default:
		s.functionURL(w, r)
	}
}

// newCall returns a call for the payload with a request id and a trace of its own.
func newCall(label string, payload []byte, r *http.Request) *container.Call {
	call := container.NewCall(container.NewRequestID(), label, payload)
	call.TraceID = r.Header.Get("X-Amzn-Trace-Id")
	if call.TraceID == "" {
		call.TraceID = NewTraceID(call.Received)
	}
	return call
}

// NewTraceID returns a trace header as the service makes it, not sampled.
func NewTraceID(at time.Time) string {
	var b [20]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", at.Unix(), b[:12], b[12:])
}

// readBody reads a request's body, up to what the service takes.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return guard.ReadBody(w, r, container.MaxPayload, s.BodyTimeout)
}

// refusal is an answer of the runner itself, not of the function.
type refusal struct {
	status int
	kind   string // the service's name for it
	reason string
}

// explain says what to answer when there is no answer from the function.
func explain(err error) refusal {
	if throttled, ok := errors.AsType[*pool.ThrottledError](err); ok {
		return refusal{http.StatusTooManyRequests, "TooManyRequestsException", throttled.Error()}
	}
	if failed, ok := errors.AsType[*build.Error](err); ok {
		return refusal{http.StatusBadGateway, "BuildFailed", failed.Error()}
	}
	if large, ok := errors.AsType[*httpevent.LimitError](err); ok {
		return refusal{large.Status, "RequestTooLarge", large.Error()}
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return refusal{http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException",
			fmt.Sprintf("the request is larger than %d bytes, the most that Lambda takes", container.MaxPayload)}
	}
	if errors.Is(err, guard.ErrSlowBody) {
		return refusal{http.StatusRequestTimeout, "RequestTimeout", err.Error()}
	}
	if errors.Is(err, pool.ErrClosed) {
		return refusal{http.StatusServiceUnavailable, "ServiceUnavailableException", err.Error()}
	}
	if errors.Is(err, context.Canceled) {
		return refusal{499, "ClientClosedRequest", "the client went away before the answer"}
	}
	return refusal{http.StatusInternalServerError, "ServiceException", err.Error()}
}

// write sends the refusal: JSON as the service does, or a page for a browser.
func (f refusal) write(w http.ResponseWriter, r *http.Request) {
	if f.status == 499 {
		panic(http.ErrAbortHandler) // nobody listens
	}
	w.Header().Set("X-Amzn-Errortype", f.kind)
	w.Header().Set("Cache-Control", "no-store")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(f.status)
		_, _ = fmt.Fprintf(w, errorPage, f.status, html.EscapeString(f.kind), f.status, html.EscapeString(f.kind),
			html.EscapeString(f.reason))
		return
	}
	writeJSON(w, f.status, map[string]string{"Type": "User", "Reason": f.kind, "message": f.reason})
}

const errorPage = `<!doctype html><html lang="en"><meta charset="utf-8"><title>%d %s</title>
<meta name="color-scheme" content="light dark"><style>body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;
max-width:60rem;padding:0 1rem}pre{white-space:pre-wrap;overflow-wrap:anywhere;padding:1rem;border:1px solid #8886;
border-radius:8px;font-size:14px}</style><h1>%d %s</h1><pre>%s</pre>
<p>This answer comes from the local runner. <a href="/_stillwarm/">Status page</a></p></html>
`

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// errorWords returns what a function's error document says, for the log, or "" where the runner itself wrote the
// document: the container tells the log why.
func errorWords(doc []byte) string {
	var d struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(doc, &d) != nil || d.Type == "" {
		return "error"
	}
	if d.Type == container.TypeTimedOut || d.Type == container.TypeExit {
		return ""
	}
	return d.Type + ": " + d.Message
}
