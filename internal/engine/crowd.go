package engine

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/stillwarm/stillwarm/internal/panics"
)

// crowd is several goroutines that one call waits for. What ends one of them ends the call in the same way: a panic, or
// runtime.Goexit. Its zero value is ready.
type crowd struct {
	all    sync.WaitGroup
	first  sync.Once
	raised panics.Carrier
	exited atomic.Bool
}

// Go does a job in a goroutine.
func (c *crowd) Go(job func()) {
	c.all.Go(func() {
		returned := false
		defer func() {
			if r := recover(); r != nil {
				p := panics.Capture(r)
				c.first.Do(func() { c.raised = p })
			} else if !returned {
				c.exited.Store(true)
			}
		}()
		job()
		returned = true
	})
}

// Wait returns when every job has ended.
func (c *crowd) Wait() {
	c.all.Wait()
	if c.raised != nil {
		panic(c.raised)
	}
	if c.exited.Load() { // a job ended its goroutine, as it would have ended the caller's
		runtime.Goexit()
	}
}
