package adapter_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
)

// unreadable is a backend that has no answer where records are asked for alone.
type unreadable struct{ backends.PersistenceManager }

func (m unreadable) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	return unreadableStore{s, s.(backends.BatchReader), s.(backends.Records)}, err
}

type unreadableStore struct {
	backends.Store
	backends.BatchReader
	backends.Records
}

func (unreadableStore) ReadRecords(context.Context, []string) ([]backends.Record, time.Time, error) {
	return nil, time.Time{}, errFault
}

func TestBatchesWithTagsOfResults(t *testing.T) {
	const n = 100
	ns := make([]int, n)
	for i := range ns {
		ns[i] = i
	}
	tagged := adapter.TagsOf(func(in, _ int) []string { return []string{fmt.Sprint("t", in), fmt.Sprint("tens", in/10)} })
	wrap := func(c *container, g *generation, more ...adapter.DataOption) *adapter.Data[int, int] {
		return adapter.CacheBatch(g.compute, append(more, adapter.Name("g"), adapter.WithRuntime(c.Runtime), adapter.TTL("1h"), tagged)...)
	}
	// ask wants the results of one run, and for others those of a later run. Whether these were stored is for the store's
	// clock to say, which is not the test's.
	ask := func(t *testing.T, c *container, d *adapter.Data[int, int], run int, others ...int) {
		t.Helper()
		c.invoke(func(ctx context.Context) {
			got, err := d.GetAll(ctx, ns)
			if err != nil || len(got) != n {
				t.Fatal(got, err)
			}
			for i, r := range got {
				if other := slices.Contains(others, i); other && r < 2 || !other && r != run {
					t.Errorf("%d is of run %d: %v", i, r, got)
				}
			}
		})
	}
	t.Run("B1 C8 what was invalidated elsewhere is a miss, and nothing else, in memory and in the backend", func(t *testing.T) {
		w, g := newWorld(t), &generation{}
		a, b, c := w.container(), w.container(), w.container()
		da, db, dc := wrap(a, g), wrap(b, g), wrap(c, g)
		ask(t, a, da, 1)
		ask(t, b, db, 1)
		g.want(t, n)
		w.clock.Advance(time.Minute)
		if err := a.InvalidateTags(t.Context(), "t7", "tens5"); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute) // longer than NearTTL
		invalidated := []int{7, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59}
		ask(t, b, db, 1, invalidated...) // from its memory
		g.want(t, n, len(invalidated))
		ask(t, c, dc, 1, invalidated...) // from the backend
		ask(t, a, da, 1, invalidated...)
	})
	t.Run("B1 C8 what was invalidated before a refresh is not refreshed from what there was", func(t *testing.T) {
		w, g := newWorld(t), &generation{}
		a, b := w.container(), w.container()
		da, db := wrap(a, g, adapter.StaleFor("1h")), wrap(b, g, adapter.StaleFor("1h"))
		ask(t, a, da, 1)
		ask(t, b, db, 1)
		w.clock.Advance(61 * time.Minute)
		if err := a.InvalidateTags(t.Context(), "t7"); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute)
		ask(t, b, db, 1, 7) // a run of its own; the others are refreshed after the response
		g.want(t, n, 1, n-1)
		ask(t, b, db, 3, 7)
		ask(t, a, da, 1, 7) // stale, and then taken from b
		ask(t, a, da, 3, 7)
	})
	t.Run("B1 C8 while the records cannot be read, nothing from the backend is believed", func(t *testing.T) {
		w, g := newWorld(t), &generation{}
		a := w.container()
		ask(t, a, wrap(a, g), 1)
		m, err := backends.Open(t.Context(), w.backend)
		if err != nil {
			t.Fatal(err)
		}
		b := w.container(func(c *adapter.Config) { c.Manager = unreadable{m} })
		ask(t, b, wrap(b, g), 2)
	})
	byArgument := adapter.Tags(func(in int) []string { return []string{fmt.Sprint("t", in)} })
	for kind, tags := range map[string]adapter.DataOption{"Tags": byArgument, "TagsOf": tagged} {
		for place, in := range map[string]func(w *world) *container{
			"in memory alone": func(w *world) *container { return w.alone() }, "with a backend": func(w *world) *container { return w.container() },
		} {
			if kind == "TagsOf" && place == "with a backend" {
				continue // whether the first run is kept is for the store's clock to say
			}
			for _, size := range []int{1, 4} { // one is refreshed on its own
				t.Run(fmt.Sprintf("C8 T5 a refresh of %d is kept, whatever was invalidated before it, %s %s", size, kind, place), func(t *testing.T) {
					w, g := newWorld(t), &generation{}
					c := in(w)
					d := adapter.CacheBatch(g.compute, adapter.Name("g"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"), adapter.StaleFor("1h"), tags)
					if err := c.InvalidateTags(t.Context(), "t0"); err != nil {
						t.Fatal(err)
					}
					for i, run := range []int{1, 1, 2} {
						c.invoke(func(ctx context.Context) {
							got, err := d.GetAll(ctx, ns[:size])
							if err != nil || slices.Min(got) != run || slices.Max(got) != run {
								t.Error(i, got, err)
							}
						})
						if i == 0 {
							w.clock.Advance(11 * time.Minute)
						}
					}
				})
			}
		}
	}
}
