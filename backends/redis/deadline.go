package redis

import (
	"context"
	"sync"
	"time"
)

// hurried is a context with a deadline whose timer is made only when somebody begins to wait for it.
//
// The client reads the deadline and gives it to the connection, and looks once, without waiting, whether the context has
// ended. It waits for the context only where it has no connection at hand: in its pool, or for a dial. So the first
// look gets the parent's channel, and whoever looks again gets a timer. A timer for each read, earlier than all others,
// makes the runtime wake a thread each time, which takes as long as a Redis on the same host takes to answer.
type hurried struct {
	context.Context // the parent
	deadline        time.Time

	mu     sync.Mutex
	looks  int
	timed  context.Context
	cancel context.CancelFunc
}

func (h *hurried) Deadline() (time.Time, bool) {
	if d, ok := h.Context.Deadline(); ok && d.Before(h.deadline) {
		return d, true
	}
	return h.deadline, true
}

func (h *hurried) Done() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.looks++; h.looks == 1 {
		return h.Context.Done()
	}
	if h.timed == nil {
		h.timed, h.cancel = context.WithDeadline(h.Context, h.deadline)
	}
	return h.timed.Done()
}

func (h *hurried) Err() error {
	if err := h.Context.Err(); err != nil {
		return err
	}
	if !time.Now().Before(h.deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// end stops the timer, if there is one.
func (h *hurried) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cancel != nil {
		h.cancel()
	}
}
