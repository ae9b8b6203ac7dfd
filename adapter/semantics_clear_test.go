package adapter_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
)

// Section 6 of the semantics: clear.

func TestClear(t *testing.T) {
	wrap := func(c *container, f *counter, opts ...adapter.DataOption) *adapter.Data[int, result] {
		return adapter.CacheData(f.compute, append(opts, adapter.Name("f"), adapter.WithRuntime(c.Runtime))...)
	}
	t.Run("C2 when it returns every later Get in this container misses", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := wrap(c, f)
		for i := range 10 {
			get(t, t.Context(), d, i)
		}
		c.settle()
		if err := d.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			get(t, t.Context(), d, i)
		}
		wantRuns(t, f, 20)
	})
	t.Run("C4 a container that never had the entries misses too", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		a := w.container()
		d := wrap(a, f)
		get(t, t.Context(), d, 1)
		a.settle()
		if err := d.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		get(t, t.Context(), wrap(w.container(), f), 1)
		wantRuns(t, f, 2)
	})
	t.Run("C4 every container sees it within NearTTL", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		a, b := w.container(), w.container()
		da, db := wrap(a, f, adapter.NearTTL("30s")), wrap(b, f, adapter.NearTTL("30s"))
		get(t, t.Context(), da, 1)
		a.settle()
		get(t, t.Context(), db, 1)
		if err := da.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(30*time.Second - 1)
		get(t, t.Context(), db, 1) // b trusts its memory
		wantRuns(t, f, 1)
		w.clock.Advance(1)
		get(t, t.Context(), db, 1)
		wantRuns(t, f, 2)
	})
	t.Run("C4 one read per function and NearTTL, not per key", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		m := &counting{PersistenceManager: inMemory(t)}
		c := w.container(func(c *adapter.Config) { c.Manager = m })
		d := wrap(c, f)
		for i := range 100 {
			get(t, t.Context(), d, i)
		}
		c.settle()
		before := m.reads()
		for range 3 {
			w.clock.Advance(5 * time.Second)
			for i := range 100 {
				get(t, t.Context(), d, i)
			}
		}
		wantRuns(t, f, 100)
		if n := m.reads() - before; n != 3 {
			t.Fatalf("%d reads in three times NearTTL", n)
		}
	})
	t.Run("C5 a clear during a run: its result goes to its callers and is not stored", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			c := w.container()
			runs := 0
			d := adapter.CacheData(func(context.Context, int) (int, error) {
				runs++
				n := runs
				time.Sleep(time.Second)
				return n, nil
			}, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					if n := get(t, t.Context(), d, 1); n != 1 {
						t.Error(n)
					}
				})
			}
			synctest.Wait()
			if err := d.Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
			// A Get after the clear must not join the run from before it.
			wg.Go(func() {
				if n := get(t, t.Context(), d, 1); n != 2 {
					t.Error("joined a run from before the clear:", n)
				}
			})
			wg.Wait()
			c.settle()
			if n := get(t, t.Context(), d, 1); n != 2 {
				t.Error(n)
			}
		})
	})
	t.Run("C5 a clear between a run and its write: the entry is not believed", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := wrap(c, f)
		c.invoke(func(ctx context.Context) {
			get(t, ctx, d, 1) // its write is left for after the response
			if err := d.Clear(ctx); err != nil {
				t.Fatal(err)
			}
		})
		get(t, t.Context(), wrap(w.container(), f), 1)
		wantRuns(t, f, 2)
	})
	t.Run("C1 a generation that the backend lost is replaced, so a cleared entry never comes back", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		m := inMemory(t)
		c := w.container(func(c *adapter.Config) { c.Manager = m })
		d := wrap(c, f)
		get(t, t.Context(), d, 1)
		c.settle()
		for range 3 { // whatever clears the function, any number of times
			if err := m.ClearAll(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		w.clock.Advance(5 * time.Second)
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 2)
	})
	t.Run("C2 ClearFor removes one entry", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := wrap(c, f)
		get(t, t.Context(), d, 1)
		get(t, t.Context(), d, 2)
		c.settle()
		if err := d.ClearFor(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		get(t, t.Context(), d, 2)
		wantRuns(t, f, 2)
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 3)
	})
	t.Run("C5 ClearFor before the write: the write is dropped", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := wrap(c, f)
		c.invoke(func(ctx context.Context) {
			get(t, ctx, d, 1)
			if err := d.ClearFor(ctx, 1); err != nil {
				t.Fatal(err)
			}
		})
		get(t, t.Context(), wrap(w.container(), f), 1)
		wantRuns(t, f, 2)
	})
	t.Run("C9 clearing what is not there is not an error", func(t *testing.T) {
		d := wrap(newWorld(t).container(), &counter{})
		if err := errors.Join(d.ClearFor(t.Context(), 1), d.Clear(t.Context()), d.Clear(t.Context())); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("C2 ClearData clears every function of the runtime", func(t *testing.T) {
		w, f, g := newWorld(t), &counter{}, &counter{}
		c := w.container()
		df := wrap(c, f)
		dg := adapter.CacheData(g.compute, adapter.Name("g"), adapter.WithRuntime(c.Runtime))
		for range 2 {
			get(t, t.Context(), df, 1)
			get(t, t.Context(), dg, 1)
			if err := c.ClearData(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		wantRuns(t, f, 2)
		wantRuns(t, g, 2)
	})
	t.Run("C3 a clear that the backend could not be told is told before it is believed again", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		m := &counting{PersistenceManager: inMemory(t)}
		c := w.container(func(c *adapter.Config) { c.Manager = m })
		d := wrap(c, f)
		get(t, t.Context(), d, 1)
		c.settle()
		m.fail.Store(true)
		var ce *adapter.ClearError
		if err := d.Clear(t.Context()); !errors.As(err, &ce) {
			t.Fatal(err)
		}
		m.fail.Store(false)
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 2)
	})
	t.Run("C1 memory that a clear left behind is given back", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := wrap(c, f)
		for i := range 10 {
			get(t, t.Context(), d, i)
		}
		if err := d.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.settle()
		if s := d.Stats(); s.Entries != 0 || s.Bytes != 0 {
			t.Fatalf("%+v", s)
		}
	})
}

var _ backends.PersistenceManager = (*counting)(nil)
