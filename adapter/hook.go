package adapter

import (
	"context"
	"time"

	"github.com/stillwarm/stillwarm/internal/hooks"
)

func init() {
	hooks.Of = func(rt any) hooks.Runtime { return hooked{rt.(*Runtime)} }
	hooks.SwapDefault = func(rt any) func() { return swapDefault(rt.(*Runtime)) }
}

// hooked shows a Runtime to the other packages of this module.
type hooked struct{ rt *Runtime }

func (h hooked) Development() bool             { return h.rt.development() }
func (h hooked) BackendTimeout() time.Duration { return h.rt.config.BackendTimeout }
func (h hooked) NeedsRelease() bool            { return h.rt.needsRelease() }

func (h hooked) WaitIdle(ctx context.Context) bool { return h.rt.backlog.Wait(ctx) }

func (h hooked) ForgetOutage() {
	h.rt.reads.Reset()
	h.rt.writes.Reset()
}

func (h hooked) Forget() {
	for _, e := range unbound.all("") {
		e.forget(h.rt)
	}
}
