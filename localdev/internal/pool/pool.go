// Package pool spreads invocations over containers as the service does: a free one is used again, a new one is started
// when all are busy, up to a limit, and beyond it callers wait their turn for a bounded time.
package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/container"
)

// ErrClosed is what callers get once the pool is closed.
var ErrClosed = errors.New("the local runner is shutting down")

// ThrottledError says that no container was free in time. The service answers 429 then.
type ThrottledError struct {
	Containers int           // how many there are, all busy
	Waiting    int           // how many callers waited already when the queue was full, or 0
	Waited     time.Duration // how long this one waited, or 0
}

func (e *ThrottledError) Error() string {
	if e.Waited > 0 {
		return fmt.Sprintf("all %d containers were busy for %s; raise --containers or --queue-timeout",
			e.Containers, e.Waited.Round(time.Millisecond))
	}
	return fmt.Sprintf("all %d containers are busy and %d callers wait already; raise --containers or --queue",
		e.Containers, e.Waiting)
}

// Config sets a pool up.
type Config struct {
	Size         int           // containers at most
	Queue        int           // callers that may wait for one
	QueueTimeout time.Duration // how long each may wait
	IdleTimeout  time.Duration // when an idle container is ended; 0 for never
	// Start starts the container of a slot for its first call, with the hooks that the pool needs.
	Start func(slot int, first *container.Call, idle, dead func(*container.Container)) (*container.Container, error)
}

// Pool is a set of containers. It is safe for concurrent use.
type Pool struct {
	cfg Config

	mu     sync.Mutex
	era    int // containers of an earlier one leave after their invocation
	slots  []*slot
	idle   []*container.Container // the most recently used last
	queue  []*ticket
	closed bool
	gone   sync.WaitGroup // containers that have not ended
}

// slot is a place for a container. Between two containers it is empty.
type slot struct {
	taken bool // a container is in it, or about to be
	era   int  // in which its container was started
	c     *container.Container
	reap  *time.Timer
}

// ticket is a caller's place in the queue.
type ticket struct {
	call *container.Call
	slot int // 0 for any
	done chan error
}

// New returns a pool without containers: they start with the calls that need them.
func New(cfg Config) *Pool {
	p := &Pool{cfg: cfg}
	for range cfg.Size {
		p.slots = append(p.slots, &slot{})
	}
	return p
}

// Submit gives the call to a container, in the given slot (from 1) or any (0), and returns when one has taken it. The
// answer arrives at the call. When ctx ends while the call waits in the queue, the call is dropped.
func (p *Pool) Submit(ctx context.Context, call *container.Call, slot int) error {
	if slot < 0 || slot > p.cfg.Size {
		return fmt.Errorf("there is no container %d: they are numbered 1 to %d", slot, p.cfg.Size)
	}
	t := &ticket{call: call, slot: slot, done: make(chan error, 1)}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	if !p.place(t) {
		if len(p.queue) >= p.cfg.Queue {
			waiting := len(p.queue)
			p.mu.Unlock()
			return &ThrottledError{Containers: p.cfg.Size, Waiting: waiting}
		}
		p.queue = append(p.queue, t)
	}
	p.mu.Unlock()
	return p.await(ctx, t)
}

func (p *Pool) await(ctx context.Context, t *ticket) error {
	timeout := time.NewTimer(p.cfg.QueueTimeout)
	defer timeout.Stop()
	var err error
	select {
	case err := <-t.done:
		return err
	case <-timeout.C:
		err = &ThrottledError{Containers: p.cfg.Size, Waited: p.cfg.QueueTimeout}
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.mu.Lock()
	i := slices.Index(p.queue, t)
	if i >= 0 {
		p.queue = slices.Delete(p.queue, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 { // it was placed at the last moment
		return <-t.done
	}
	return err
}

// place finds a container for the ticket, or starts one, and reports whether there was a way. The lock is held.
func (p *Pool) place(t *ticket) bool {
	for i := len(p.idle) - 1; i >= 0; i-- {
		c := p.idle[i]
		if t.slot != 0 && c.Slot != t.slot {
			continue
		}
		p.idle = slices.Delete(p.idle, i, i+1)
		p.stopReaping(c)
		if c.Dispatch(t.call) {
			t.done <- nil
			return true
		}
	}
	for i, s := range p.slots {
		if s.taken || (t.slot != 0 && t.slot != i+1) {
			continue
		}
		s.taken, s.era = true, p.era
		p.gone.Add(1)
		go p.start(i+1, t) // starting a process takes a while: not under the lock
		return true
	}
	return false
}

func (p *Pool) start(n int, t *ticket) {
	c, err := p.cfg.Start(n, t.call, p.onIdle, p.onDead)
	p.mu.Lock()
	if err != nil {
		p.slots[n-1].taken = false
		p.gone.Done()
		p.serveQueue()
		p.mu.Unlock()
		t.done <- fmt.Errorf("start container %d: %w", n, err)
		return
	}
	// One that has ended already has left its slot, or will as soon as it gets the lock.
	if c.Status().State != container.Dead {
		p.slots[n-1].c = c
	}
	closed := p.closed
	p.mu.Unlock()
	t.done <- nil
	if closed {
		c.Stop(context.Background(), container.Spindown)
	}
}

func (p *Pool) onIdle(c *container.Container) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slots[c.Slot-1].era < p.era {
		c.StopIfIdle()
		return
	}
	p.idle = append(p.idle, c)
	p.serveQueue()
	if p.cfg.IdleTimeout > 0 && slices.Contains(p.idle, c) {
		p.slots[c.Slot-1].reap = time.AfterFunc(p.cfg.IdleTimeout, func() { p.reap(c) })
	}
}

func (p *Pool) onDead(c *container.Container) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.idle, c); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.stopReaping(c)
	p.slots[c.Slot-1].taken = false
	p.slots[c.Slot-1].c = nil
	p.gone.Done()
	p.serveQueue()
}

// serveQueue places those who wait, in their order; one who waits for a certain container does not hold up the others.
// The lock is held.
func (p *Pool) serveQueue() {
	if p.closed {
		return
	}
	p.queue = slices.DeleteFunc(p.queue, p.place)
}

func (p *Pool) reap(c *container.Container) {
	p.mu.Lock()
	i := slices.Index(p.idle, c)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		c.StopIfIdle()
	}
}

// Recycle replaces every container: those that are idle end now, the others after their invocation. Calls that come from
// now on, and those that wait, get containers that Config.Start makes from now on.
func (p *Pool) Recycle() {
	p.mu.Lock()
	p.era++
	idle := p.idle
	p.idle = nil
	for _, c := range idle {
		p.stopReaping(c)
	}
	p.mu.Unlock()
	for _, c := range idle {
		c.StopIfIdle()
	}
}

// Retire replaces one container: now if it is idle, or after its invocation.
func (p *Pool) Retire(c *container.Container) {
	p.mu.Lock()
	if s := p.slots[c.Slot-1]; s.c == c {
		s.era = -1
	}
	i := slices.Index(p.idle, c)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
		p.stopReaping(c)
	}
	p.mu.Unlock()
	if i >= 0 {
		c.StopIfIdle()
	}
}

// Outdated reports whether the container leaves after its invocation.
func (p *Pool) Outdated(c *container.Container) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.slots[c.Slot-1]
	return s.c == c && s.era < p.era
}

func (p *Pool) stopReaping(c *container.Container) {
	if s := p.slots[c.Slot-1]; s.reap != nil {
		s.reap.Stop()
		s.reap = nil
	}
}

// Containers returns the containers that live, by slot.
func (p *Pool) Containers() []*container.Container {
	p.mu.Lock()
	defer p.mu.Unlock()
	var live []*container.Container
	for _, s := range p.slots {
		if s.c != nil {
			live = append(live, s.c)
		}
	}
	return live
}

// Close refuses new calls, ends every container as Lambda does, and returns when all are gone. When ctx ends first,
// what still lives is killed.
func (p *Pool) Close(ctx context.Context) {
	p.mu.Lock()
	p.closed = true
	waiting := p.queue
	p.queue, p.idle = nil, nil
	p.mu.Unlock()
	for _, t := range waiting {
		t.done <- ErrClosed
	}
	for _, c := range p.Containers() {
		go c.Stop(ctx, container.Spindown)
	}
	p.gone.Wait()
}
