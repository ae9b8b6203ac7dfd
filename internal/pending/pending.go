// Package pending counts work under way for somebody who waits until none is left. Unlike a sync.WaitGroup it may
// grow from zero while it is waited for, as it does where a program closes beside calls that still begin.
package pending

import (
	"context"
	"sync"
)

// Counter counts work under way. Its zero value is ready; it is safe for concurrent use.
type Counter struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n falls to zero; nil while nobody waits
}

// Add adds one.
func (c *Counter) Add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

// Done takes one away. It panics where there is none.
func (c *Counter) Done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 {
		panic("pending: Done without Add")
	}
	c.n--
	if c.n == 0 && c.none != nil {
		close(c.none)
		c.none = nil
	}
}

// Wait waits until there was a moment without any, which may be now, and reports false where ctx ends first.
func (c *Counter) Wait(ctx context.Context) bool {
	c.mu.Lock()
	if c.n == 0 {
		c.mu.Unlock()
		return true
	}
	if c.none == nil {
		c.none = make(chan struct{})
	}
	none := c.none
	c.mu.Unlock()
	select {
	case <-none:
		return true
	case <-ctx.Done():
		return false
	}
}
