// Package adaptertest tests code with cached functions: each test has a cache of its own, a clock that it moves, and a
// backend that it can break.
//
//	func TestPricesAreCachedForAMinute(t *testing.T) {
//		t.Parallel()
//		ctx := adaptertest.New(t)
//		Price(ctx, "tea")
//		adaptertest.Miss(t, ctx, prices)
//		adaptertest.Advance(ctx, 59*time.Second)
//		Price(ctx, "tea")
//		adaptertest.Hit(t, ctx, prices)
//	}
//
// The cache is in the context: cached functions, package-level ones too, use it for every call with that context or one
// made of it. So tests may be parallel. Where the code under test does not pass its context on, [Use] makes the cache the
// default one, for one test at a time. Functions that were given a Runtime with adapter.WithRuntime keep it.
//
// The package is for tests. Importing it makes cached functions look for a cache in each call's context, for the rest of
// the process.
package adaptertest

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/internal/hooks"
)

func init() { hooks.Testing.Store(true) }

// An Option changes the configuration of a test's Runtime. Manager, Clock and Observer are the test's own; an Observer
// that is set is called too.
type Option func(*adapter.Config)

// New returns a context that carries an empty cache of the test's own: a Runtime whose clock stands still until
// [Advance], with a backend in memory. It logs to the test's log. When the test ends, its pending work is done and its
// resources are released.
func New(t testing.TB, options ...Option) context.Context {
	t.Helper()
	if off := os.Getenv("STILLWARM_DISABLE"); off != "" {
		t.Fatalf("adaptertest: STILLWARM_DISABLE=%s switches the cache off; unset it for tests", off)
	}
	w := &world{clock: newClock(), options: options}
	var err error
	if w.store, err = memory.New(memory.Options{Clock: w.clock.Now}); err != nil {
		t.Fatal("adaptertest:", err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	return w.container(t, t.Context())
}

// Container returns a context with the cache of another container: memory of its own, and the clock and the backend of the
// one that ctx carries. It is cold, like a container that has just started.
func Container(t testing.TB, ctx context.Context) context.Context {
	t.Helper()
	return of(ctx).world.container(t, ctx)
}

// Use is New for code that does not pass its context on: for the rest of the test the cache is also that of calls with any
// other context. A parallel test cannot use it; it panics there, and makes t.Parallel panic.
func Use(t testing.TB, options ...Option) context.Context {
	t.Helper()
	refuseParallel(t)
	ctx := New(t, options...)
	restore := hooks.SwapDefault(of(ctx).runtime)
	t.Cleanup(restore)
	return ctx
}

// refuseParallel makes use of the rule for environment variables, which whole processes share, too.
func refuseParallel(t testing.TB) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			panic("adaptertest.Use: all calls of the process share the default cache, so no parallel test can use it; " +
				"use adaptertest.New, and pass its context on")
		}
	}()
	t.Setenv("STILLWARM_TEST", t.Name())
}

// world is what the containers of one test share.
type world struct {
	clock   *clock
	store   *memory.Manager
	outage  outage
	options []Option

	mu       sync.Mutex
	runtimes []*adapter.Runtime
}

// container is one Runtime and what it has told.
type container struct {
	world   *world
	runtime *adapter.Runtime
	events  recorder
}

type containerKey struct{}

// of returns the container that the context carries. Without one it panics: the test has lost its context.
func of(ctx context.Context) *container {
	c, _ := ctx.Value(containerKey{}).(*container)
	if c == nil {
		panic("adaptertest: the context does not come from adaptertest.New or adaptertest.Use")
	}
	return c
}

func (w *world) container(t testing.TB, ctx context.Context) context.Context {
	t.Helper()
	c := &container{world: w}
	config := adapter.Config{
		Namespace: "test", Mode: adapter.Deployed,
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, o := range w.options {
		o(&config)
	}
	config.Backend, config.Manager = "", &breakable{manager: w.store, outage: &w.outage}
	config.Clock = w.clock.Now
	config.Observer = c.events.observe(config.Observer)
	rt, err := adapter.New(config)
	if err != nil {
		t.Fatal("adaptertest:", err)
	}
	c.runtime = rt
	w.mu.Lock()
	w.runtimes = append(w.runtimes, rt)
	w.mu.Unlock()
	ctx = hooks.WithRuntime(context.WithValue(ctx, containerKey{}, c), rt)
	t.Cleanup(func() {
		// The test's context has ended by now.
		if err := rt.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error("adaptertest: closing the cache:", err)
		}
		hooks.Of(rt).Forget()
	})
	return ctx
}

// Runtime returns the Runtime that the context carries, for options such as adapter.WithRuntime.
func Runtime(ctx context.Context) *adapter.Runtime { return of(ctx).runtime }

// Advance moves the test's clock, after the pending work of earlier calls is done.
func Advance(ctx context.Context, d time.Duration) {
	Settle(ctx)
	of(ctx).world.clock.advance(d)
}

// Now returns the time of the test's clock.
func Now(ctx context.Context) time.Time { return of(ctx).world.clock.Now() }

// Settle waits for the pending work of earlier calls: refreshes and writes to the backend. Advance, Runs and Stored do
// so themselves.
func Settle(ctx context.Context) { hooks.Of(of(ctx).runtime).WaitIdle(ctx) }
