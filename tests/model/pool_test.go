package model

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/resource"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// thing is an object that a container has opened.
type thing struct {
	box    *box
	began  int64        // the event that opening it began with
	broken atomic.Int64 // the event since which it is not valid; zero: it is

	// guarded by world.mu
	users, releases int
}

var errBroken = errors.New("the thing is broken")

func (b *box) newPool() *resource.Pool {
	env := &resource.Env{
		Now:      b.env.Now,
		Log:      func(context.Context, slog.Level, string, ...any) {},
		LogOnce:  func(context.Context, string, slog.Level, string, ...any) {},
		Emit:     func(context.Context, resource.Event) {},
		Observed: func(context.Context) bool { return false },
		Defer:    deferWork, DeferRefresh: func(ctx context.Context, job func(context.Context), _ func()) { deferWork(ctx, job) },
		Invocation: invocation.From, Begin: func() bool { return !b.closed.Load() }, End: func() {}, Closed: b.closed.Load,
		Used: func() int64 { return 0 }, Thaws: func() int64 { return 0 }, ReleaseTimeout: time.Second,
	}
	return resource.New(env, resource.Spec{
		Name: "thing", Policy: freshness.Policy{TTL: ttl, Stale: stale},
		Release:  func(_ context.Context, v any) error { return b.w.released(v.(*thing)) },
		Progress: func(context.Context) func() { return func() {} },
	})
}

// released holds R3: once, and not while somebody has it.
func (w *world) released(x *thing) error {
	w.mu.Lock()
	users := x.users
	x.releases++
	n := x.releases
	w.mu.Unlock()
	if users > 0 {
		w.fault("R3: the thing opened at %d in %d was released while %d have it", x.began, x.box.n, users)
	}
	if n > 1 {
		w.fault("R3: the thing opened at %d in %d was released %d times", x.began, x.box.n, n)
	}
	return nil
}

func (b *box) access() resource.Access {
	return resource.Access{
		Key: "thing",
		Open: func(ctx context.Context) (any, error) {
			x := &thing{box: b, began: b.w.seq.Add(1)}
			if err := b.pass(ctx, "open", false); err != nil {
				return nil, err
			}
			b.w.mu.Lock()
			b.w.things = append(b.w.things, x)
			b.w.mu.Unlock()
			return x, nil
		},
		Valid: func(_ context.Context, v any) error {
			if v.(*thing).broken.Load() != 0 {
				return errBroken
			}
			return nil
		},
	}
}

func (b *box) performOnPool(ctx context.Context, o *op) error {
	switch o.kind {
	case "thing":
		v, err := b.pool.Get(ctx, b.access())
		if err == nil {
			b.has(o, v.(*thing))
			_ = b.pass(context.Background(), "handler", false)
		}
		return err
	case "use":
		return b.pool.Use(ctx, b.access(), func(v any) error {
			b.has(o, v.(*thing))
			_ = b.pass(context.Background(), "use", false)
			b.letGo(o)
			return nil
		})
	case "clearthing":
		b.pool.ClearFor(ctx, "thing")
	case "clearthings":
		b.pool.Clear(ctx)
	case "close":
		b.closed.Store(true)
		return b.pool.Shutdown(ctx)
	default:
		panic("no operation " + o.kind)
	}
	return nil
}

// has notes that an operation has the thing, until [box.letGo].
func (b *box) has(o *op, x *thing) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	o.thing = x
	x.users++
	if x.releases > 0 {
		b.w.faults = append(b.w.faults, fmt.Sprintf("R3: operation %d got the thing opened at %d, which is released", o.id, x.began))
	}
	if at := x.broken.Load(); at != 0 && at < o.start {
		b.w.faults = append(b.w.faults, fmt.Sprintf("R2: operation %d got the thing opened at %d, broken since %d", o.id, x.began, at))
	}
	for _, c := range b.w.ops {
		if c.box == b.n && (c.kind == "clearthing" || c.kind == "clearthings") && c.end != 0 && c.end < o.start && x.began <= c.start {
			b.w.faults = append(b.w.faults, fmt.Sprintf("C2: operation %d got the thing opened at %d, from before %s %d", o.id, x.began, c.kind, c.id))
		}
	}
}

func (b *box) letGo(o *op) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	if o.thing != nil {
		o.thing.users--
		o.thing = nil
	}
}

// breakThings makes what a container has open fail its validation from now on.
func (w *world) breakThings(b *box) {
	at := w.seq.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.things {
		if x.box == b {
			x.broken.CompareAndSwap(0, at)
		}
	}
}

// judgeThings holds R3: what was opened is released when its container is closed.
func (w *world) judgeThings() string {
	for _, x := range w.things {
		if x.releases == 0 && !x.box.dead.Load() {
			return fmt.Sprintf("R3: the thing opened at %d in %d was never released", x.began, x.box.n)
		}
	}
	return ""
}
