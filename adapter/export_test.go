package adapter

import "context"

// WaitIdle waits until the work that was left for later is done.
func (rt *Runtime) WaitIdle() { rt.backlog.Wait(context.Background()) }
