package container

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// Call is one invocation on its way through a container. The fields are set before it is given to a container and not
// changed after that.
type Call struct {
	RequestID     string
	Payload       []byte
	TraceID       string
	TenantID      string
	ClientContext string // JSON, or ""
	Label         string // what the log calls it: "GET /quotes" or "event"
	Received      time.Time

	answers chan Answer

	mu       sync.Mutex
	answered bool
	times    Times
	deadline time.Time
}

// Times are the facts about a call that are known once it is complete.
type Times struct {
	Slot      int           // the container, 0 if none was reached
	Cold      bool          // the call waited for the container's start
	Init      time.Duration // how long that start took, for a cold call
	Assigned  time.Time     // when a container took it
	Delivered time.Time     // when the function got it
	Answered  time.Time     // when the answer was there, or zero
	PeakBytes int64         // the most memory that the container's process has had resident, or 0 where the system does not tell
	Done      time.Time     // when the container was free again, or gone
	Fault     string        // "timeout", "exit status 2", ... or "" where the function did its part
}

// Answer is what the caller gets from the function.
type Answer struct {
	Body          io.Reader // whole, or as it comes if Streaming
	ContentType   string    // what the function said of Body
	Streaming     bool      // Body comes while the function runs; it must be read or closed
	FunctionError string    // "" or "Unhandled": Body is then the error document
}

// Close lets go of a streaming answer that is not read to its end. The function is not told, as in the service.
func (a Answer) Close() {
	if c, ok := a.Body.(io.Closer); ok {
		_ = c.Close()
	}
}

// NewCall returns a call that was received now.
func NewCall(requestID, label string, payload []byte) *Call {
	return &Call{
		RequestID: requestID, Label: label, Payload: payload, Received: time.Now(), answers: make(chan Answer, 1),
	}
}

// Answer returns the channel on which the one answer arrives.
func (c *Call) Answer() <-chan Answer { return c.answers }

// Times returns what is known of the call until now.
func (c *Call) Times() Times {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.times
}

// Deadline returns when the invocation times out. It is zero before the function got the call.
func (c *Call) Deadline() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deadline
}

func (c *Call) assign(slot int, cold bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times.Slot, c.times.Cold, c.times.Assigned = slot, cold, time.Now()
}

func (c *Call) begin(timeout, init time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times.Delivered = time.Now()
	c.deadline = c.times.Delivered.Add(timeout)
	if c.times.Cold {
		c.times.Init = init
	}
}

// answer gives the caller its answer and reports whether it was the first.
func (c *Call) answer(a Answer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answered {
		return false
	}
	c.answered = true
	c.times.Answered = time.Now()
	c.answers <- a
	return true
}

// isAnswered reports whether the caller has its answer.
func (c *Call) isAnswered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// fail answers with an error document, if there was no answer yet.
func (c *Call) fail(doc []byte) bool {
	return c.answer(Answer{Body: bytes.NewReader(doc), ContentType: "application/json", FunctionError: "Unhandled"})
}

// fault notes what went wrong outside the function's own answer; the first word stands.
func (c *Call) fault(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times.Fault == "" {
		c.times.Fault = what
	}
}

// complete notes that the container is free again, or gone, and how much memory it has had.
func (c *Call) complete(peak int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times.Done, c.times.PeakBytes = time.Now(), peak
}
