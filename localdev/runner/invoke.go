package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/localdev/internal/container"
	"github.com/stillwarm/stillwarm/localdev/internal/front"
	"github.com/stillwarm/stillwarm/localdev/internal/handler"
	"github.com/stillwarm/stillwarm/localdev/internal/journal"
)

// Response is a function's answer to a raw event.
type Response struct {
	Payload       []byte // the function's JSON, or the error document if FunctionError is set
	FunctionError string // "" or "Unhandled", as in the service
	ContentType   string // what the function said of the payload
	RequestID     string
	Container     int  // its number
	Cold          bool // the invocation waited for the container's start
}

// InvokeOptions are the rarer parts of an invocation.
type InvokeOptions struct {
	Container     int    // the container that must take it; 0 for any
	TenantID      string // reaches the function as its tenant
	ClientContext string // JSON for the function's client context
	TraceID       string // the X-Ray trace header; made up if ""
}

// Invoke sends a raw event, JSON, and returns the function's answer. It returns as soon as the answer is there, while
// the function may still work. A function that fails is no error: Response.FunctionError says so. An error is what the
// service would refuse: *ThrottledError when no container was free in time, ErrClosed, a build error. When ctx ends,
// Invoke returns its error and the function works on.
func (r *Runner) Invoke(ctx context.Context, payload []byte) (Response, error) {
	return r.InvokeWith(ctx, payload, InvokeOptions{})
}

// InvokeWith is Invoke with options.
func (r *Runner) InvokeWith(ctx context.Context, payload []byte, o InvokeOptions) (Response, error) {
	call := container.NewCall(container.NewRequestID(), "event", payload)
	call.TraceID, call.TenantID, call.ClientContext = o.TraceID, o.TenantID, o.ClientContext
	if call.TraceID == "" {
		call.TraceID = front.NewTraceID(call.Received)
	}
	result := r.front.Event(ctx, call, o.Container)
	if result.Err != nil {
		return Response{RequestID: call.RequestID}, result.Err
	}
	t := call.Times()
	return Response{
		Payload: result.Payload, FunctionError: result.Answer.FunctionError, ContentType: result.Answer.ContentType,
		RequestID: call.RequestID, Container: t.Slot, Cold: t.Cold,
	}, nil
}

// URL returns the function's URL, without a slash at its end.
func (r *Runner) URL() string { return "http://" + r.address }

// Backend returns the URL of the persistence backend that the function was given, or "".
func (r *Runner) Backend() string {
	if r.unlinked.Load() {
		return ""
	}
	return r.backend.URL
}

// BackendNote says what becomes of the backend, for people, or "".
func (r *Runner) BackendNote() string {
	if r.unlinked.Load() {
		return "each container's memory only: the function does not import backends/disk, nor is there a --backend"
	}
	return r.backend.Note
}

// Services says what the runner started or found for the backend, each in a line or two: a server and what becomes of
// its data, or what stands in for it.
func (r *Runner) Services() []string { return r.backend.Services }

// Input says what the function's handler takes, as far as its source tells.
func (r *Runner) Input() handler.Input {
	if r.opts.Binary != "" {
		return handler.Input{}
	}
	return handler.Find(r.opts.Function)
}

// Function returns the function's folder.
func (r *Runner) Function() string { return r.opts.Function }

// Options returns the options with their defaults filled in, and with what a template and an env file say of the version
// that runs.
func (r *Runner) Options() Options {
	if v := r.current.Load(); v != nil {
		return v.opts
	}
	return r.opts
}

// Containers returns what the containers that live are doing, by number. A test may end one by its process id.
func (r *Runner) Containers() []Status {
	var list []Status
	for _, c := range r.pool.Containers() {
		list = append(list, c.Status())
	}
	return list
}

// WaitIdle returns when no container works, so that all work after responses is done, or when ctx ends.
func (r *Runner) WaitIdle(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		busy := 0
		for _, c := range r.Containers() {
			if c.State != container.Idle {
				busy++
			}
		}
		if busy == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d containers are still busy: %w", busy, errors.Join(ctx.Err(), context.Cause(ctx)))
		}
	}
}

// observer passes complete invocations on to Options.OnInvocation.
type observer struct{ f func(Invocation) }

func (observer) Began(journal.Invocation)          {}
func (o observer) Finished(inv journal.Invocation) { o.f(inv) }
func (observer) Log(journal.Log)                   {}
func (observer) Progress(journal.Log)              {}
func (observer) Warning(journal.Warning)           {}
func (observer) Events(int, []devchannel.Event)    {}
