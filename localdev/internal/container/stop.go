package container

import (
	"context"
	"os"
	"time"
)

// The reasons for a container's end, as SHUTDOWN events name them.
const (
	Spindown = "spindown" // it is not needed any more
	timeout  = "timeout"
	failure  = "failure"
)

// Grace is how long a process with an extension may work after SIGTERM. Lambda gives an internal extension as much.
const Grace = 500 * time.Millisecond

// Stop ends the container as Lambda does and returns when it is gone: SIGTERM and a grace period if an extension is
// registered, else SIGKILL at once. When ctx ends first, the process is killed then.
func (c *Container) Stop(ctx context.Context, reason string) {
	c.mu.Lock()
	graceful := c.beginStop(reason) && len(c.exts) > 0
	c.mu.Unlock()
	if graceful {
		c.hooks.State(c)
		c.proc.Terminate()
		grace := time.NewTimer(Grace)
		defer grace.Stop()
		select {
		case <-c.proc.Done():
		case <-grace.C:
		case <-ctx.Done():
		}
	}
	c.proc.Kill()
	<-c.proc.Done()
}

// StopIfIdle stops the container if it is idle, and reports whether it was. It returns before the process has ended.
func (c *Container) StopIfIdle() bool {
	c.mu.Lock()
	idle := c.state == Idle
	if idle {
		// From here on Dispatch refuses it; Stop sees that the end has begun and finishes the work.
		c.beginStop(Spindown)
	}
	graceful := len(c.exts) > 0
	c.mu.Unlock()
	if !idle {
		return false
	}
	c.hooks.State(c)
	go func() {
		if graceful {
			c.proc.Terminate()
			select {
			case <-c.proc.Done():
			case <-time.After(Grace):
			}
		}
		c.proc.Kill()
	}()
	return true
}

// beginStop marks the container as ending and tells the extensions. It is called with the lock held, and reports
// false if the end had begun before.
func (c *Container) beginStop(reason string) bool {
	if c.state == Stopping || c.state == Dead {
		return false
	}
	c.state, c.reason = Stopping, reason
	c.thaw() // a stopped process would not hear SIGTERM
	c.timer.Stop()
	for _, x := range c.exts {
		x.shutdown(reason, time.Now().Add(Grace))
	}
	return true
}

// Kill ends the process at once, as a crash would.
func (c *Container) Kill() { c.proc.Kill() }

func (c *Container) timedOut(call *Call) {
	c.mu.Lock()
	if c.call != call || !c.beginStop(timeout) {
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	if call.isAnswered() {
		call.fault("timed out after the response")
	} else {
		call.fault("timeout")
	}
	call.fail(timeoutDocument(call.RequestID, c.fn.Timeout))
	c.hooks.State(c)
	c.proc.Kill()
}

func (c *Container) initTimedOut() {
	c.mu.Lock()
	if c.state != Starting || !c.beginStop(timeout) {
		c.mu.Unlock()
		return
	}
	call := c.call
	c.mu.Unlock()
	if call != nil {
		call.fault("init timeout")
		call.fail(initTimeoutDocument(call.RequestID, c.fn.InitTimeout))
	}
	c.hooks.State(c)
	c.proc.Kill()
}

// watch waits for the process's end and settles what is open.
func (c *Container) watch() {
	<-c.proc.Done()
	c.mu.Lock()
	call, starting, initErr := c.call, c.init == 0, c.initErr
	reason := c.reason
	c.state, c.call, c.waiter = Dead, nil, nil
	c.timer.Stop()
	c.mu.Unlock()

	if call != nil {
		exit := c.proc.Exit()
		if call.isAnswered() {
			call.fault("then " + exitWord(exit))
		}
		switch {
		case reason == Spindown:
			call.fault("the runner stopped")
			call.fail(stoppedDocument(call.RequestID))
		case starting && initErr != nil:
			call.fault("init error")
			call.fail(initErr)
		default:
			call.fault(exitWord(exit))
			call.fail(exitDocument(call.RequestID, exit))
		}
		call.complete(c.peakBytes())
		c.hooks.Done(call)
	}
	_ = c.api.Close()
	_ = os.RemoveAll(c.tmp)
	c.hooks.State(c)
	c.hooks.Dead(c)
}

func exitWord(exit string) string {
	if exit == "" {
		return "the process ended by itself"
	}
	return exit
}
