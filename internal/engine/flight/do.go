package flight

import (
	"context"
	"errors"
	"runtime"

	"github.com/stillwarm/stillwarm/internal/panics"
)

// Do returns what run returns for key: it starts run, in a goroutine of its own, unless one for the key is under way.
// joined tells whether it waited for a run that another caller had started. Where that run's outcome is nothing for this
// caller, it begins again. A panic in run is raised in every caller, with the stack of the run.
func (g *Group) Do(ctx context.Context, key string, run func(ctx context.Context, call *Call) (any, error)) (v any, joined bool, err error) {
	for {
		c, leader := g.Begin(ctx, key)
		if leader {
			go c.drive(run)
		}
		o, ok := c.Wait(ctx, leader, nil)
		if !ok {
			continue
		}
		if o.Panic != nil {
			panic(o.Panic)
		}
		if errors.Is(o.Err, ErrGoexit) {
			runtime.Goexit()
		}
		return o.Value, !leader, o.Err
	}
}

func (c *Call) drive(run func(context.Context, *Call) (any, error)) {
	o := Outcome{Err: ErrGoexit}
	defer c.run.End()
	defer func() {
		if r := recover(); r != nil {
			o = Outcome{Panic: panics.Capture(r)}
		}
		c.Publish(o)
	}()
	v, err := run(c.run.Context(), c)
	o = Outcome{Value: v, Err: err}
}

// Drop is Detach that tells the run, through Dropped, that its result must not be kept.
func (g *Group) Drop(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c := g.calls[key]; c != nil {
		c.dropped.Store(true)
		delete(g.calls, key)
	}
}

// DropAll drops every call under way.
func (g *Group) DropAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.calls {
		c.dropped.Store(true)
	}
	clear(g.calls)
}

// Dropped reports whether the call was dropped.
func (c *Call) Dropped() bool { return c.dropped.Load() }

// LeaderGone reports whether the caller who began the call has left it.
func (c *Call) LeaderGone() bool { return c.FirstGone() }
