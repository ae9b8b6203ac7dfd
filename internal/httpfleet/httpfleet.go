// Package httpfleet holds HTTP caches in two containers of one fleet to what the standard says nothing about: requests that
// come at once, invalidations that come at the wrong moment, handlers that stall, callers that leave. It knows a [Fleet] and
// not how requests get there: package httpcache sends them through its middleware, the tests of real servers through local
// runners, function processes and a backend.
package httpfleet

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Fleet is one origin behind caches in two containers, 0 and 1, which share a backend. Its clocks are alike.
type Fleet interface {
	// Serve sets what the origin does.
	Serve(h http.HandlerFunc)
	// Start sends a request, "GET /path", with fields given as "Name: value", to a container. The answer comes by the
	// channel, when the work after it is done where the container takes one request at a time.
	Start(r Request) <-chan Result
	// Waiting returns when the container waits for a run of somebody else.
	Waiting(container int)
	// Purge purges a path from within a container.
	Purge(container int, path string)
	// Pass returns when so much time has passed by the fleet's clocks.
	Pass(d time.Duration)
	// Memory is what the container's caches hold, in bytes, and the bound that it was given.
	Memory(container int) (used, bound int64)
}

// Request is a request of one client.
type Request struct {
	Container int
	Line      string
	Fields    []string
	Stage     string          // of the API; empty: it has none
	Leave     <-chan struct{} // closed: the client leaves; nil: it never does
}

// Result is an answer as the client has it.
type Result struct {
	Status int
	Header http.Header
	Body   string
}

// Hit reports whether the cache answered.
func (r Result) Hit() bool {
	return strings.Contains(strings.Join(r.Header["Cache-Status"], ","), "; hit")
}

// Config is what a promise needs of the containers.
type Config struct {
	LoseRecords bool          // the backend loses the records of invalidated URLs as they are written
	Patience    time.Duration // how long backend and other containers may keep a request; zero: as they come
}

// Promise is what holds in a fleet.
type Promise struct {
	Name   string
	Config Config
	Check  func(t *testing.T, f Fleet)
}

// All returns every promise.
func All() []Promise { return slices.Concat(together(), released(), promises) }

// fresh makes an answer storable for longer than any test takes.
const fresh = "Cache-Control: max-age=600"

// answer is an origin that says the same to everybody.
func answer(status int, body string, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		addFields(w.Header(), fields)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func addFields(h http.Header, fields []string) {
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ":")
		h.Add(name, strings.TrimSpace(value))
	}
}

// gate holds an origin at one point.
type gate struct {
	entered chan struct{}
	open    chan struct{}
}

func newGate() *gate { return &gate{make(chan struct{}, 64), make(chan struct{})} }

func (g *gate) pass() {
	g.entered <- struct{}{}
	<-g.open
}

// within returns what comes, unless it takes far too long: nobody may hang.
func within[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(time.Minute):
		t.Fatal("hangs:", what)
		panic("unreachable")
	}
}

// do sends a request and waits for its answer.
func do(t *testing.T, f Fleet, container int, line string, fields ...string) Result {
	t.Helper()
	return within(t, line, f.Start(Request{Container: container, Line: line, Fields: fields}))
}

// eventually asks a container until it gives the body. What one container knows reaches the other one within NearTTL, and
// writes come after the response.
func eventually(t *testing.T, f Fleet, container int, line, body string) {
	t.Helper()
	last := Result{}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if last = do(t, f, container, line); last.Body == body {
			return
		}
		f.Pass(5 * time.Millisecond)
	}
	t.Fatal(last)
}
