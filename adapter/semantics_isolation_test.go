package adapter_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// Section 3 of the semantics: isolation.

type report struct {
	Name   string
	Rows   [][]float64
	Labels map[string][]string
	Next   *report
	At     time.Time
	Any    any
	hidden int
}

type deep struct {
	Name   string
	Rows   [][]float64
	Labels map[string][]string
	Next   *deep
	At     time.Time
	Any    any
}

func newDeep() deep {
	return deep{
		Name: "a", Rows: [][]float64{{1, 2}, {3}, nil, {}}, Labels: map[string][]string{"x": {"y"}, "nil": nil},
		Next: &deep{Name: "b"}, At: time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC), Any: map[string]any{"list": []any{1.5, "two", nil, true}},
	}
}

// spoil changes everything that a caller can reach.
func spoil(d *deep) {
	d.Name = "spoiled"
	d.Rows[0][0], d.Rows[1] = -1, nil
	d.Labels["x"][0] = "spoiled"
	delete(d.Labels, "nil")
	d.Next.Name = "spoiled"
	d.Any.(map[string]any)["list"].([]any)[1] = "spoiled"
}

func TestIsolation(t *testing.T) {
	kept := newDeep() // what the function holds on to
	compute := func(context.Context, int) (deep, error) { return kept, nil }
	t.Run("I1 every caller gets its own value", func(t *testing.T) {
		kept = newDeep()
		w := newWorld(t)
		a := w.container()
		d := adapter.CacheData(compute, adapter.Name("f"), adapter.WithRuntime(a.Runtime))
		for i := range 3 {
			got := get(t, t.Context(), d, 1)
			if !reflect.DeepEqual(got, newDeep()) {
				t.Fatalf("call %d: %+v", i, got)
			}
			spoil(&got)
		}
		if !reflect.DeepEqual(kept, newDeep()) {
			t.Fatal("a caller reached the function's own value")
		}
		a.settle()
		got := get(t, t.Context(), adapter.CacheData(compute, adapter.Name("f"), adapter.WithRuntime(w.container().Runtime)), 1)
		if !reflect.DeepEqual(got, newDeep()) {
			t.Fatalf("from the backend: %+v", got)
		}
	})
	t.Run("I1 those who waited for the run get their own, too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := adapter.CacheData(func(context.Context, int) (deep, error) { time.Sleep(time.Second); return newDeep(), nil },
				adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime))
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					got := get(t, t.Context(), d, 1)
					if !reflect.DeepEqual(got, newDeep()) {
						t.Errorf("%+v", got)
					}
					spoil(&got)
				})
			}
			wg.Wait()
		})
	})
	t.Run("F1 also where the function fails with a value", func(t *testing.T) {
		boom := errors.New("boom")
		d := adapter.CacheData(func(context.Context, int) (deep, error) { return newDeep(), boom },
			adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime))
		got, err := d.Get(t.Context(), 1)
		if !errors.Is(err, boom) || !reflect.DeepEqual(got, newDeep()) {
			t.Fatal(got, err)
		}
	})
	t.Run("I3 miss, memory and backend give the same value", func(t *testing.T) {
		w := newWorld(t)
		a, b := w.container(), w.container()
		zone := time.FixedZone("CET", 3600)
		f := func(context.Context, int) (deep, error) {
			d := newDeep()
			d.At = time.Now().In(zone) // a monotonic reading, a zone by name
			return d, nil
		}
		d := adapter.CacheData(f, adapter.Name("f"), adapter.WithRuntime(a.Runtime))
		miss, memory := get(t, t.Context(), d, 1), get(t, t.Context(), d, 1)
		a.settle()
		backend := get(t, t.Context(), adapter.CacheData(f, adapter.Name("f"), adapter.WithRuntime(b.Runtime)), 1)
		if !reflect.DeepEqual(miss, memory) || !reflect.DeepEqual(memory, backend) {
			t.Fatalf("\nmiss    %+v\nmemory  %+v\nbackend %+v", miss, memory, backend)
		}
	})
	t.Run("I2 what a container reads it can write again", func(t *testing.T) {
		// A value with sealing on, over the whole way.
		w := newWorld(t)
		key := func(c *adapter.Config) { c.SealKeys = sealKey }
		a := w.container(key)
		get(t, t.Context(), adapter.CacheData(compute, adapter.Name("f"), adapter.WithRuntime(a.Runtime)), 1)
		a.settle()
		d := adapter.CacheData(compute, adapter.Name("f"), adapter.WithRuntime(w.container(key).Runtime))
		get(t, t.Context(), d, 1)
		if s := d.Stats(); s.Hits != 1 {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("W9 with keys set an entry that is not sealed is a miss, logged", func(t *testing.T) {
		w := newWorld(t)
		a := w.container()
		get(t, t.Context(), adapter.CacheData(compute, adapter.Name("f"), adapter.WithRuntime(a.Runtime)), 1)
		a.settle()
		b := w.container(func(c *adapter.Config) { c.SealKeys = sealKey })
		d := adapter.CacheData(compute, adapter.Name("f"), adapter.WithRuntime(b.Runtime))
		get(t, t.Context(), d, 1)
		if s := d.Stats(); s.Hits != 0 || s.BadEntries != 1 || len(b.logs.with("WARN", "unusable entry")) != 1 {
			t.Fatalf("%+v %s", s, b.logs.text())
		}
	})
}

func TestUnserializable(t *testing.T) {
	c := newWorld(t).container()
	for _, tt := range []struct {
		name string
		wrap func() error
		path string
	}{
		{"an unexported field", func() error {
			_, err := adapter.NewData(func(context.Context, int) (report, error) { return report{}, nil }, adapter.Name("a"), adapter.WithRuntime(c.Runtime))
			return err
		}, "out.hidden"},
		{"a func", func() error {
			_, err := adapter.NewData(func(context.Context, int) (struct{ F func() }, error) { return struct{ F func() }{}, nil },
				adapter.Name("b"), adapter.WithRuntime(c.Runtime))
			return err
		}, "out.F"},
		{"a channel", func() error {
			_, err := adapter.NewData(func(context.Context, int) ([]chan int, error) { return nil, nil }, adapter.Name("c"), adapter.WithRuntime(c.Runtime))
			return err
		}, "out[]"},
		{"an interface that cannot be restored", func() error {
			_, err := adapter.NewData(func(context.Context, int) (map[string]error, error) { return nil, nil }, adapter.Name("d"), adapter.WithRuntime(c.Runtime))
			return err
		}, "out[]"},
	} {
		t.Run(tt.name+" is an error at wrap time", func(t *testing.T) {
			err := tt.wrap()
			var ue *adapter.UnserializableReturnValueError
			if !errors.As(err, &ue) {
				t.Fatal(err)
			}
			if ue.Path != tt.path || !strings.Contains(err.Error(), tt.path) || !strings.Contains(err.Error(), "adapter.CacheResource") {
				t.Fatalf("path %q: %v", ue.Path, err)
			}
		})
	}
	t.Run("I2 a value that turns out not to be restorable is returned, not cached, and logged once", func(t *testing.T) {
		c := newWorld(t).container()
		runs := 0
		type odd struct{ V func() }
		d := adapter.CacheData(func(context.Context, int) (any, error) { runs++; return odd{}, nil }, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		for range 3 {
			if _, ok := get(t, t.Context(), d, 1).(odd); !ok {
				t.Fatal("lost")
			}
		}
		if runs != 3 || len(c.logs.with("WARN", "cannot cache a result")) != 1 {
			t.Fatal(runs, c.logs.text())
		}
	})
	t.Run("I2 and those who waited run for themselves", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			type odd struct{ V *int }
			d := adapter.CacheData(func(context.Context, int) (any, error) { time.Sleep(time.Second); return odd{new(int)}, nil },
				adapter.Name("f"), adapter.WithRuntime(newWorld(t).container().Runtime))
			var mu sync.Mutex
			seen := map[*int]bool{}
			var wg sync.WaitGroup
			for range 5 {
				wg.Go(func() {
					v := get(t, t.Context(), d, 1).(odd).V
					mu.Lock()
					defer mu.Unlock()
					seen[v] = true
				})
			}
			wg.Wait()
			if len(seen) != 5 {
				t.Fatalf("%d values for 5 callers", len(seen))
			}
		})
	})
}

// What memory has no room for is handed out as it came from the backend.
func TestIsolationOfWhatMemoryHasNoRoomFor(t *testing.T) {
	noRoom := func(c *adapter.Config) { c.MemoryMax = 1 }
	t.Run("I1 bytes of a hit reach nobody", func(t *testing.T) {
		c := newWorld(t).container(noRoom)
		d := adapter.CacheData(func(context.Context, int) ([]byte, error) { return []byte("value"), nil },
			adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.TTL(time.Hour), adapter.StaleFor(time.Hour))
		get(t, t.Context(), d, 1)
		c.settle()
		for range 3 {
			got := get(t, t.Context(), d, 1)
			if string(got) != "value" {
				t.Fatalf("%q", got)
			}
			copy(got, "XXXXX")
			_ = append(got, "tail"...)
		}
		if s := d.Stats(); s.Runs != 1 || s.Hits != 3 || s.MemoryHits != 0 {
			t.Errorf("%+v, want three hits in the backend", s)
		}
	})
	t.Run("I1 a string stays as it is whatever becomes of other answers", func(t *testing.T) {
		c := newWorld(t).container(noRoom)
		d := adapter.CacheData(func(_ context.Context, n int) (string, error) { return strings.Repeat("v", n), nil },
			adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		get(t, t.Context(), d, 100)
		c.settle()
		first := get(t, t.Context(), d, 100)
		for i := range 50 {
			get(t, t.Context(), d, i)
		}
		if first != strings.Repeat("v", 100) {
			t.Errorf("%q", first)
		}
	})
	t.Run("I1 many callers of a structure each have their own", func(t *testing.T) {
		c := newWorld(t).container(noRoom)
		d := adapter.CacheData(func(context.Context, int) (deep, error) { return newDeep(), nil },
			adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		get(t, t.Context(), d, 1)
		c.settle()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				got := get(t, t.Context(), d, 1)
				if !reflect.DeepEqual(got, newDeep()) {
					t.Errorf("%+v", got)
				}
				got.Rows[0][0], got.Labels["x"][0], got.Next.Name = 99, "changed", "changed"
			})
		}
		all.Wait()
	})
}
