package adapter_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// Section 10 of the semantics: when things break.

func broken(w *world) (*container, *counting) {
	m := &counting{PersistenceManager: inMemory(w.t)}
	return w.container(func(c *adapter.Config) { c.Manager = m }), m
}

func TestBreakage(t *testing.T) {
	wrap := func(c *container, f *counter, opts ...adapter.DataOption) *adapter.Data[int, result] {
		return adapter.CacheData(f.compute, append(opts, adapter.Name("f"), adapter.WithRuntime(c.Runtime))...)
	}
	t.Run("W1 backend refusing: the function runs, its result is returned, one WARN per outage", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, f := newWorld(t), &counter{}
			c, m := broken(w)
			d := wrap(c, f)
			m.fail.Store(true)
			for i := range 50 {
				get(t, t.Context(), d, i)
			}
			c.settle()
			wantRuns(t, f, 50)
			if n := len(c.logs.with("WARN", "backend unavailable")); n != 1 {
				t.Fatalf("%d warnings: %s", n, c.logs.text())
			}
			if n := m.reads(); n > 5 {
				t.Fatalf("the breaker let %d reads through", n)
			}
			m.fail.Store(false)
			time.Sleep(5 * time.Second) // the breaker probes again
			for i := range 10 {
				get(t, t.Context(), d, 100+i)
				c.settle()
			}
			if len(c.logs.with("INFO", "backend recovered")) != 1 {
				t.Fatal(c.logs.text())
			}
			if m.puts.Load() < 5 {
				t.Fatal("writes did not come back")
			}
		})
	})
	t.Run("W1 memory goes on serving within ttl while the backend is down", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c, m := broken(w)
		d := wrap(c, f, adapter.TTL("10m"))
		get(t, t.Context(), d, 1)
		c.settle()
		m.fail.Store(true)
		w.clock.Advance(9 * time.Minute)
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 1)
		w.clock.Advance(time.Minute)
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 2)
	})
	t.Run("W2 backend hangs: every call is bounded by the timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, f := newWorld(t), &counter{}
			c, m := broken(w)
			d := wrap(c, f)
			m.hang.Store(true)
			start := time.Now()
			get(t, t.Context(), d, 1)
			if took := time.Since(start); took > time.Second {
				t.Fatalf("took %v with a timeout of 1s", took)
			}
		})
	})
	t.Run("W2 backend hangs: every call is bounded by a share of the invocation's remaining time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, f := newWorld(t), &counter{}
			c, m := broken(w)
			d := wrap(c, f)
			m.hang.Store(true)
			ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
			defer cancel()
			start := time.Now()
			get(t, ctx, d, 1)
			if took := time.Since(start); took > 200*time.Millisecond {
				t.Fatalf("took %v of 400ms", took)
			}
		})
	})
	t.Run("N7 a store that refuses writes is told once", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c, m := broken(w)
		d := wrap(c, f)
		m.failWrites.Store(true)
		for i := range 20 {
			get(t, t.Context(), d, i)
		}
		c.settle()
		if n := len(c.logs.with("WARN", "backend unavailable")); n != 1 {
			t.Fatalf("%d warnings: %s", n, c.logs.text())
		}
		if s := d.Stats(); s.StoreErrors != 20 {
			t.Fatalf("%+v", s)
		}
	})
	for name, mutate := range map[string]func([]byte) []byte{
		"corrupt":   func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"truncated": func(b []byte) []byte { return b[:len(b)-3] },
		"empty":     func([]byte) []byte { return []byte{} },
		"garbage":   func([]byte) []byte { return []byte(strings.Repeat("x", 1000)) },
	} {
		t.Run("W4 an entry that is "+name+": a miss, logged, deleted, recomputed", func(t *testing.T) {
			w, f := newWorld(t), &counter{}
			shared := inMemory(t)
			m := &counting{PersistenceManager: shared}
			a := w.container(func(c *adapter.Config) { c.Manager = m })
			get(t, t.Context(), wrap(a, f), 1)
			a.settle()
			m.mutate = mutate
			b := w.container(func(c *adapter.Config) { c.Manager = m })
			d := wrap(b, f)
			if r := get(t, t.Context(), d, 1); r.Run != 2 {
				t.Fatal(r)
			}
			b.settle()
			if s := d.Stats(); s.BadEntries == 0 {
				t.Fatalf("%+v", s)
			}
			if len(b.logs.with("WARN", "unusable entry")) == 0 {
				t.Fatal(b.logs.text())
			}
		})
	}
	t.Run("W4 an entry of another format version is a silent miss and left alone", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		m := &counting{PersistenceManager: inMemory(t)}
		a := w.container(func(c *adapter.Config) { c.Manager = m })
		get(t, t.Context(), wrap(a, f), 1)
		a.settle()
		puts := m.puts.Load()
		m.mutate = func(b []byte) []byte { b[4] = 99; return b }
		b := w.container(func(c *adapter.Config) { c.Manager = m })
		d := wrap(b, f)
		if r := get(t, t.Context(), d, 1); r.Run != 2 {
			t.Fatal(r)
		}
		b.settle()
		if s := d.Stats(); s.BadEntries != 0 || m.puts.Load() != puts || b.logs.text() != "" {
			t.Fatalf("%+v, %d writes: %s", s, m.puts.Load()-puts, b.logs.text())
		}
	})
	t.Run("W4 a bad entry is deleted also where the function fails", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		m := &counting{PersistenceManager: inMemory(t)}
		c := w.container(func(c *adapter.Config) { c.Manager = m })
		get(t, t.Context(), wrap(c, f), 1)
		c.settle()
		m.mutate = func([]byte) []byte { return []byte("garbage") }
		b := w.container(func(c *adapter.Config) { c.Manager = m })
		f.failWith(errors.New("boom"))
		d := wrap(b, f)
		if _, err := d.Get(t.Context(), 1); err == nil {
			t.Fatal("no error")
		}
		b.settle()
		m.mutate = nil
		x, err := d.Explain(t.Context(), 1)
		if err != nil || !strings.Contains(x.Why, "no entry in the backend") {
			t.Fatal(x.Why, err)
		}
	})
	t.Run("W4 an entry of another key: a miss", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		m := &counting{PersistenceManager: inMemory(w.t)}
		a := w.container(func(c *adapter.Config) { c.Manager = m })
		d := wrap(a, f)
		get(t, t.Context(), d, 1)
		a.settle()
		var stolen []byte
		m.mutate = func(b []byte) []byte { stolen = b; return b }
		get(t, t.Context(), wrap(w.container(func(c *adapter.Config) { c.Manager = m }), f), 1)
		get(t, t.Context(), d, 2)
		a.settle()
		m.mutate = func([]byte) []byte { return stolen }
		get(t, t.Context(), wrap(w.container(func(c *adapter.Config) { c.Manager = m }), f), 2)
		wantRuns(t, f, 3)
	})
	t.Run("W8 memory is bounded over all cached functions", func(t *testing.T) {
		w := newWorld(t)
		c := w.alone(func(c *adapter.Config) { c.MemoryMax = 1 << 20 })
		big := func(_ context.Context, n int) ([]byte, error) { return make([]byte, 10_000), nil }
		a := adapter.CacheData(big, adapter.Name("a"), adapter.WithRuntime(c.Runtime))
		b := adapter.CacheData(big, adapter.Name("b"), adapter.WithRuntime(c.Runtime))
		for i := range 200 {
			get(t, t.Context(), a, i)
			get(t, t.Context(), b, i)
		}
		if n := a.Stats().Bytes + b.Stats().Bytes; n > 1<<20 || n < 1<<19 {
			t.Fatalf("%d bytes in memory", n)
		}
		if a.Stats().Evictions == 0 {
			t.Fatal("nothing evicted")
		}
	})
	t.Run("W8 by default memory is a quarter of the function's", func(t *testing.T) {
		t.Setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "4")
		c := newWorld(t).alone()
		big := func(_ context.Context, n int) ([]byte, error) { return make([]byte, 10_000), nil }
		a := adapter.CacheData(big, adapter.Name("a"), adapter.WithRuntime(c.Runtime))
		for i := range 300 {
			get(t, t.Context(), a, i)
		}
		if n := a.Stats().Bytes; n > 1<<20 || n < 1<<19 {
			t.Fatalf("%d bytes in memory of 4 MiB", n)
		}
	})
	t.Run("F9 the cache is switched off: every call runs its function", func(t *testing.T) {
		t.Setenv("STILLWARM_DISABLE", "1")
		w, f := newWorld(t), &counter{}
		d := wrap(w.container(), f)
		for range 3 {
			get(t, t.Context(), d, 1)
		}
		wantRuns(t, f, 3)
		if err := errors.Join(d.Clear(t.Context()), d.ClearFor(t.Context(), 1)); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("F9 after Close every call runs its function", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		c := w.container()
		d := wrap(c, f)
		get(t, t.Context(), d, 1)
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 2)
	})
	t.Run("W8 max entries and max size bound one function", func(t *testing.T) {
		w := newWorld(t)
		c := w.alone()
		big := func(_ context.Context, n int) ([]byte, error) { return make([]byte, 10_000), nil }
		a := adapter.CacheData(big, adapter.Name("a"), adapter.WithRuntime(c.Runtime), adapter.MaxEntries(10))
		b := adapter.CacheData(big, adapter.Name("b"), adapter.WithRuntime(c.Runtime), adapter.MaxSize("100KB"))
		for i := range 100 {
			get(t, t.Context(), a, i)
			get(t, t.Context(), b, i)
		}
		if s := a.Stats(); s.Entries != 10 {
			t.Fatalf("%+v", s)
		}
		if s := b.Stats(); s.Bytes > 100_000 || s.Entries < 5 {
			t.Fatalf("%+v", s)
		}
	})
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct{ env, value, says string }{
		{"STILLWARM_BACKEND", "ftp://x", "ftp"},
		{"STILLWARM_MODE", "maybe", "development"},
		{"STILLWARM_MEMORY_MAX", "lots", "lots"},
		{"STILLWARM_SEAL_KEYS", "k1:short", "key number 1"},
		{"STILLWARM_DISABLE", "perhaps", "1 or 0"},
	} {
		t.Run("a bad "+tt.env+" is an error that names it", func(t *testing.T) {
			t.Setenv(tt.env, tt.value)
			_, err := adapter.New(adapter.Config{})
			var oe *adapter.OptionError
			if !errors.As(err, &oe) || oe.Option != tt.env || !strings.Contains(err.Error(), tt.says) {
				t.Fatal(err)
			}
		})
	}
}
