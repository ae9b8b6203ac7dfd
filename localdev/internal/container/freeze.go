package container

import (
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/process"
)

// Freeze stops the process until the next invocation, as the service does between invocations. It reports false if the
// container is not idle, or where the system cannot stop processes.
func (c *Container) Freeze() bool {
	c.mu.Lock()
	if c.state != Idle || c.frozen {
		frozen := c.frozen
		c.mu.Unlock()
		return frozen
	}
	c.freeze()
	frozen := c.frozen
	c.mu.Unlock()
	c.hooks.State(c)
	return frozen
}

// Thaw lets a stopped process go on without an invocation.
func (c *Container) Thaw() {
	c.mu.Lock()
	c.thaw()
	c.mu.Unlock()
	c.hooks.State(c)
}

// freeze is called with the lock held.
func (c *Container) freeze() { c.frozen = c.proc.Stop() }

// thaw is called with the lock held.
func (c *Container) thaw() {
	if c.frozen {
		c.proc.Continue()
		c.frozen = false
	}
}

// measure notes how much memory the process has had, and returns the most.
func (c *Container) measure() int64 {
	_, peak := process.Memory(c.proc.PID())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peak = max(c.peak, peak)
	return c.peak
}

func (c *Container) peakBytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peak
}

// memoryInterval is how often the memory of a container is looked at where it is enforced. The service looks all the time; what
// is allocated and given back in between is not seen.
const memoryInterval = 100 * time.Millisecond

// watchMemory looks at the memory of the process and its children until it ends, and ends it where it has too much.
func (c *Container) watchMemory() {
	tick := time.NewTicker(memoryInterval)
	defer tick.Stop()
	limit := int64(c.fn.MemoryMB) << 20
	for {
		select {
		case <-c.proc.Done():
			return
		case <-tick.C:
		}
		now := process.GroupMemory(c.proc.PID())
		c.mu.Lock()
		c.peak = max(c.peak, now)
		c.mu.Unlock()
		if now > limit {
			c.outOfMemory(now)
			return
		}
	}
}

// outOfMemory ends the process in the words of the service.
func (c *Container) outOfMemory(used int64) {
	c.mu.Lock()
	call := c.call
	begun := c.beginStop(failure)
	c.mu.Unlock()
	if call != nil && begun {
		call.fault(fmt.Sprintf("out of memory: %d MB used, the function has %d MB", used>>20, c.fn.MemoryMB))
		call.fail(document(TypeExit, call.RequestID, "Runtime exited with error: signal: killed"))
	}
	c.hooks.State(c)
	c.proc.Kill()
}
