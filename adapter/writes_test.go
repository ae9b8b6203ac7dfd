package adapter_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// Two writes of one key: which of them the backend has in the end.
func TestWritesOfOneKey(t *testing.T) {
	// slow returns a container whose first write stands still in the backend until letGo is called.
	slow := func(t *testing.T) (c *container, other *container, m *counting, letGo func()) {
		gate := make(chan struct{})
		letGo = sync.OnceFunc(func() { close(gate) })
		m = &counting{PersistenceManager: inMemory(t)}
		var first sync.Once
		m.onPut = func() { first.Do(func() { <-gate }) }
		w := newWorld(t)
		use := func(c *adapter.Config) { c.Manager, c.BackendTimeout = m, time.Minute }
		return w.container(use), w.container(use), m, letGo
	}
	wrap := func(c *container, f *counter) *adapter.Data[int, result] {
		return adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
	}
	t.Run("a slow write of an older result does not overwrite a newer one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b, _, letGo := slow(t)
			f := &counter{}
			d := wrap(a, f)
			get(t, t.Context(), d, 1)
			synctest.Wait() // its write has begun
			if _, err := d.Refresh(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // the newer write is as far as it gets
			letGo()
			a.settle()
			if r := get(t, t.Context(), wrap(b, f), 1); r.Run != 2 {
				t.Fatal("the backend has", r.Run)
			}
		})
	})
	t.Run("results that wait together are one write, of the newest", func(t *testing.T) {
		a, b, m, letGo := slow(t)
		letGo()
		f := &counter{}
		d := wrap(a, f)
		a.invoke(func(ctx context.Context) {
			get(t, ctx, d, 1)
			for range 3 {
				if _, err := d.Refresh(ctx, 1); err != nil {
					t.Fatal(err)
				}
			}
		})
		if n := m.puts.Load(); n != 1 {
			t.Errorf("%d writes", n)
		}
		if r := get(t, t.Context(), wrap(b, f), 1); r.Run != 4 {
			t.Error("the backend has", r.Run)
		}
	})
	t.Run("ClearFor drops what waits behind a write under way, too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b, m, letGo := slow(t)
			f := &counter{}
			d := wrap(a, f)
			get(t, t.Context(), d, 1)
			synctest.Wait()
			if _, err := d.Refresh(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			var clearing sync.WaitGroup
			clearing.Go(func() {
				if err := d.ClearFor(t.Context(), 1); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
			letGo()
			clearing.Wait()
			a.settle()
			if n := m.puts.Load(); n != 1 {
				t.Errorf("%d writes", n)
			}
			get(t, t.Context(), wrap(b, f), 1)
			wantRuns(t, f, 3)
		})
	})
	t.Run("C10 ClearFor waits for no write under way: what lands behind it is refused", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b, _, letGo := slow(t)
			f := &counter{}
			d := wrap(a, f)
			get(t, t.Context(), d, 1)
			synctest.Wait()
			if err := d.ClearFor(t.Context(), 1); err != nil {
				t.Error(err)
			}
			letGo()
			a.settle()
			if r := get(t, t.Context(), wrap(b, f), 1); r.Run != 2 {
				t.Error("the cleared result came back")
			}
		})
	})
}
