package runtimeapitest

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// Event is what an invocation brings.
type Event struct {
	Payload   []byte
	RequestID string        // default: numbered
	TenantID  string        // default: none
	Timeout   time.Duration // from being taken to the deadline; default: a minute
}

// Answer is what the function sent.
type Answer struct {
	Failed      bool // it came as an error
	ContentType string
	XRayCause   string
	Body        []byte
	Trailer     http.Header
}

// Invocation is one invocation on its way: taken by the function, its answer begun, complete, and done when the
// function asks for the next one. Each of the channels is closed when it has come so far. Where several workers ask,
// done means that any of them has.
type Invocation struct {
	event                        Event
	taken, begun, answered, done chan struct{}
	ans                          Answer
}

func newInvocation(e Event) *Invocation {
	return &Invocation{
		event: e,
		taken: make(chan struct{}), begun: make(chan struct{}),
		answered: make(chan struct{}), done: make(chan struct{}),
	}
}

// Taken is closed when the function has the event.
func (inv *Invocation) Taken() <-chan struct{} { return inv.taken }

// Begun is closed when the first byte of the answer has arrived.
func (inv *Invocation) Begun() <-chan struct{} { return inv.begun }

// Answered is closed when the answer is complete: a client would have it now.
func (inv *Invocation) Answered() <-chan struct{} { return inv.answered }

// Done is closed when the function has asked for the next invocation.
func (inv *Invocation) Done() <-chan struct{} { return inv.done }

// Answer waits for the answer and returns it.
func (inv *Invocation) Answer() Answer {
	<-inv.answered
	return inv.ans
}

func (inv *Invocation) isAnswered() bool {
	select {
	case <-inv.answered:
		return true
	default:
		return false
	}
}

// receive reads the answer's body as it comes.
func (inv *Invocation) receive(body io.Reader) []byte {
	var all bytes.Buffer
	chunk := make([]byte, 4096)
	begun := false
	for {
		n, err := body.Read(chunk)
		all.Write(chunk[:n])
		if n > 0 && !begun {
			begun = true
			close(inv.begun)
		}
		if err != nil {
			return all.Bytes()
		}
	}
}

func (inv *Invocation) settle(a Answer) {
	inv.ans = a
	close(inv.answered)
}
