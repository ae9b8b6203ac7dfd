package adapter_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// glancing is a container whose first read of the backend has found the entry and then stands still until it is let go.
type glancing struct {
	*container
	data    *adapter.Data[int, int]
	runs    atomic.Int64
	store   *counting
	reading chan struct{} // closed when the first read has the entry
	letGo   chan struct{}
}

func newGlancing(t *testing.T) *glancing {
	t.Helper()
	w := newWorld(t)
	g := &glancing{reading: make(chan struct{}), letGo: make(chan struct{})}
	g.store = &counting{PersistenceManager: inMemory(t)}
	use := func(c *adapter.Config) { c.Manager, c.BackendTimeout = g.store, time.Minute }
	first := w.container(use)
	run := func(_ context.Context, n int) (int, error) { g.runs.Add(1); return n * n, nil }
	options := []adapter.DataOption{adapter.Name(t.Name()), adapter.Version("1"), adapter.TTL(time.Hour)}
	warm, err := adapter.NewData(run, append(options, adapter.WithRuntime(first.Runtime))...)
	if err != nil {
		t.Fatal(err)
	}
	first.invoke(func(ctx context.Context) {
		if _, err := warm.Get(ctx, 7); err != nil {
			t.Fatal(err)
		}
	})
	g.container = w.container(use)
	if g.data, err = adapter.NewData(run, append(options, adapter.WithRuntime(g.Runtime))...); err != nil {
		t.Fatal(err)
	}
	g.runs.Store(0)
	g.store.gets.Store(0)
	var once sync.Once
	g.store.mutate = func(entry []byte) []byte {
		once.Do(func() {
			close(g.reading)
			<-g.letGo
		})
		return entry
	}
	return g
}

func (g *glancing) get() {
	if v, err := g.data.Get(g.t.Context(), 7); err != nil || v != 49 {
		g.t.Errorf("%d, %v", v, err)
	}
}

func TestManyCallersWhoFindNothingInMemoryCostTheBackendTwoReads(t *testing.T) {
	g := newGlancing(t)
	var all sync.WaitGroup
	all.Go(g.get)
	<-g.reading
	for range 50 {
		all.Go(g.get)
	}
	for g.store.gets.Load() < 2 {
		runtime.Gosched() // until one of them asks for itself
	}
	close(g.letGo)
	all.Wait()
	if n := g.store.gets.Load(); n > 2 || g.runs.Load() != 0 {
		t.Errorf("%d reads and %d runs, want at most 2 and 0", n, g.runs.Load())
	}
}

func TestClearForDuringALookAtTheBackendIsNotUndoneByIt(t *testing.T) {
	g := newGlancing(t)
	var caller sync.WaitGroup
	caller.Go(g.get)
	<-g.reading
	if err := g.data.ClearFor(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	close(g.letGo)
	caller.Wait()
	g.invoke(func(ctx context.Context) {
		if _, err := g.data.Get(ctx, 7); err != nil {
			t.Fatal(err)
		}
	})
	if g.runs.Load() != 1 {
		t.Errorf("%d runs after ClearFor, want 1: what was read before it came back", g.runs.Load())
	}
}

func TestClearDuringALookAtTheBackendIsNotUndoneByIt(t *testing.T) {
	g := newGlancing(t)
	var caller sync.WaitGroup
	caller.Go(g.get)
	<-g.reading
	if err := g.data.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(g.letGo)
	caller.Wait()
	g.invoke(func(ctx context.Context) {
		if _, err := g.data.Get(ctx, 7); err != nil {
			t.Fatal(err)
		}
	})
	if g.runs.Load() == 0 {
		t.Error("no run after Clear: what was read before it came back")
	}
}
