//go:build !stillwarm_dev

package adapter

import (
	"context"

	"github.com/stillwarm/stillwarm/internal/engine"
)

// workbench tells a local runner of what happens, in builds that the runner makes: see development.go. In all others
// nothing of it is linked: the calls stand behind devchannel.Linked.
type workbench struct{}

func (rt *Runtime) connectWorkbench() {}

func (w *workbench) enter(ctx context.Context, _ *dataState, _ any, _ func() *engine.Lookup) context.Context {
	return ctx
}

func (w *workbench) request(ctx context.Context, _ string) context.Context { return ctx }

func (w *workbench) tell(context.Context, Event) {}

func (w *workbench) validating(_ string, valid func(context.Context, any) error) func(context.Context, any) error {
	return valid
}
