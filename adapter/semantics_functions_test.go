package adapter_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// Section 1 of the semantics: the two functions.

func TestDataPromises(t *testing.T) {
	t.Run("F1 a miss runs the function and a hit does not", func(t *testing.T) {
		c, f := newWorld(t).container(), &counter{}
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		first, second := get(t, t.Context(), d, 1), get(t, t.Context(), d, 1)
		wantRuns(t, f, 1)
		if first.Run != 1 || second.Run != 1 {
			t.Fatalf("got runs %d and %d", first.Run, second.Run)
		}
		get(t, t.Context(), d, 2)
		wantRuns(t, f, 2)
	})
	t.Run("F5 entries outlive the container in the backend", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		a, b := w.container(), w.container()
		get(t, t.Context(), adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(a.Runtime)), 1)
		a.settle()
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(b.Runtime))
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 1)
		if s := d.Stats(); s.Hits != 1 || s.MemoryHits != 0 {
			t.Fatalf("the hit should come from the backend: %+v", s)
		}
		get(t, t.Context(), d, 1)
		if s := d.Stats(); s.MemoryHits != 1 {
			t.Fatalf("the second hit should come from memory: %+v", s)
		}
	})
	t.Run("F1 errors are not cached", func(t *testing.T) {
		c, f := newWorld(t).container(), &counter{}
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		boom := errors.New("boom")
		f.failWith(boom)
		if _, err := d.Get(t.Context(), 1); !errors.Is(err, boom) {
			t.Fatalf("got %v", err)
		}
		f.recover()
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 2)
	})
	t.Run("F2 panics are not cached and keep their value", func(t *testing.T) {
		c := newWorld(t).container()
		panicking := true
		d := adapter.CacheData(func(context.Context, int) (int, error) {
			if panicking {
				panic("the value")
			}
			return 7, nil
		}, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		func() {
			defer func() {
				if r := recover(); panicValue(r) != "the value" {
					t.Fatalf("recovered %v", r)
				}
			}()
			_, _ = d.Get(t.Context(), 1)
		}()
		panicking = false
		if got := get(t, t.Context(), d, 1); got != 7 {
			t.Fatal(got)
		}
	})
	t.Run("F1 a nil or zero result is a result and is cached", func(t *testing.T) {
		w := newWorld(t)
		runs := 0
		f := func(context.Context, adapter.None) ([]string, error) { runs++; return nil, nil }
		a, b := w.container(), w.container()
		d := adapter.CacheData(f, adapter.Name("f"), adapter.WithRuntime(a.Runtime))
		for range 3 {
			if got := get(t, t.Context(), d, adapter.None{}); got != nil {
				t.Fatalf("got %#v, want nil", got)
			}
		}
		a.settle()
		if got := get(t, t.Context(), adapter.CacheData(f, adapter.Name("f"), adapter.WithRuntime(b.Runtime)), adapter.None{}); got != nil {
			t.Fatalf("from the backend: %#v, want nil", got)
		}
		if runs != 1 {
			t.Fatal(runs)
		}
	})
	t.Run("F3 cache-if leaves out what does not pass", func(t *testing.T) {
		c, f := newWorld(t).container(), &counter{}
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime),
			adapter.CacheIf(func(r result) bool { return r.Run > 1 }))
		get(t, t.Context(), d, 1)
		get(t, t.Context(), d, 1)
		get(t, t.Context(), d, 1)
		wantRuns(t, f, 2)
	})
	t.Run("F7 two functions are two caches", func(t *testing.T) {
		c, f, g := newWorld(t).container(), &counter{}, &counter{}
		get(t, t.Context(), adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime)), 1)
		get(t, t.Context(), adapter.CacheData(g.compute, adapter.Name("g"), adapter.WithRuntime(c.Runtime)), 1)
		wantRuns(t, f, 1)
		wantRuns(t, g, 1)
	})
	t.Run("C6 Refresh runs now and replaces, in memory and in the backend", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		a, b := w.container(), w.container()
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(a.Runtime))
		get(t, t.Context(), d, 1)
		if r, err := d.Refresh(t.Context(), 1); err != nil || r.Run != 2 {
			t.Fatal(r, err)
		}
		if r := get(t, t.Context(), d, 1); r.Run != 2 {
			t.Fatal("memory has", r.Run)
		}
		a.settle()
		if r := get(t, t.Context(), adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(b.Runtime)), 1); r.Run != 2 {
			t.Fatal("the backend has", r.Run)
		}
	})
	t.Run("C6 a Refresh that fails keeps what was cached", func(t *testing.T) {
		c, f := newWorld(t).container(), &counter{}
		d := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime))
		get(t, t.Context(), d, 1)
		f.failWith(errors.New("boom"))
		if _, err := d.Refresh(t.Context(), 1); err == nil {
			t.Fatal("no error")
		}
		if r := get(t, t.Context(), d, 1); r.Run != 1 {
			t.Fatal(r.Run)
		}
	})
}

func TestPersist(t *testing.T) {
	run := func(t *testing.T, opt adapter.DataOption) (runs int64) {
		w, f := newWorld(t), &counter{}
		a, b := w.container(), w.container()
		get(t, t.Context(), adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(a.Runtime), opt), 1)
		a.settle()
		get(t, t.Context(), adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(b.Runtime), opt), 1)
		return f.runs.Load()
	}
	for _, tt := range []struct {
		name string
		opt  adapter.DataOption
		want int64
	}{
		{"the default is true where a backend is configured", adapter.NearTTL("5s"), 1},
		{"true is the configured backend", adapter.Persist(true), 1},
		{"false is memory only", adapter.Persist(false), 2},
		{"a backend's name selects it", adapter.Persist("memory"), 1},
		{"a name that is not configured is memory only", adapter.Persist("s3"), 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := run(t, tt.opt); got != tt.want {
				t.Fatalf("ran %d times in two containers, want %d", got, tt.want)
			}
		})
	}
	t.Run("F5 a name that is no backend is an error", func(t *testing.T) {
		c, f := newWorld(t).container(), &counter{}
		_, err := adapter.NewData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.Persist("floppy"))
		wantOptionError(t, err, "Persist", `"floppy"`, "memory, disk, redis, s3")
	})
	t.Run("F5 a missing backend is said once in the log", func(t *testing.T) {
		c, f := newWorld(t).alone(func(c *adapter.Config) { c.Backend = "" }), &counter{}
		get(t, t.Context(), adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.Persist(true)), 1)
		if n := len(c.logs.with("WARN", "memory only")); n != 1 {
			t.Fatalf("%d records: %s", n, c.logs.text())
		}
	})
}

func wantOptionError(t *testing.T, err error, option string, parts ...string) {
	t.Helper()
	var oe *adapter.OptionError
	if !errors.As(err, &oe) {
		t.Fatalf("got %v, want an OptionError", err)
	}
	if oe.Option != option {
		t.Errorf("option %q, want %q", oe.Option, option)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if oe.Place == "" || !strings.Contains(oe.Place, "_test.go:") {
		t.Errorf("the place is %q, want the call that wraps", oe.Place)
	}
}

func double(_ context.Context, n int) (int, error)     { return 2 * n, nil }
func alsoDouble(_ context.Context, n int) (int, error) { return n + n, nil }

func TestWrapping(t *testing.T) {
	t.Run("F7 the same function with the same options shares one cache", func(t *testing.T) {
		c := newWorld(t).container()
		a := adapter.CacheData(double, adapter.TTL("1m"), adapter.WithRuntime(c.Runtime))
		b := adapter.CacheData(double, adapter.TTL("1m"), adapter.WithRuntime(c.Runtime))
		get(t, t.Context(), a, 1)
		get(t, t.Context(), b, 1)
		if s := b.Stats(); s.Runs != 1 || s.Hits != 1 {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("F7 the same function with other options is an error that names both places", func(t *testing.T) {
		c := newWorld(t).container()
		adapter.CacheData(double, adapter.TTL("1m"), adapter.WithRuntime(c.Runtime))
		_, err := adapter.NewData(double, adapter.TTL("2m"), adapter.WithRuntime(c.Runtime))
		wantOptionError(t, err, "options", "TTL=1m0s", "TTL=2m0s")
		if n := strings.Count(err.Error(), "semantics_functions_test.go:"); n != 2 {
			t.Errorf("names %d places: %v", n, err)
		}
	})
	t.Run("F7 another function of the same name is an error that names both places", func(t *testing.T) {
		c := newWorld(t).container()
		adapter.CacheData(double, adapter.Name("n"), adapter.WithRuntime(c.Runtime))
		_, err := adapter.NewData(alsoDouble, adapter.Name("n"), adapter.WithRuntime(c.Runtime))
		wantOptionError(t, err, "Name", "another function")
		if n := strings.Count(err.Error(), "semantics_functions_test.go:"); n != 2 {
			t.Errorf("names %d places: %v", n, err)
		}
	})
	t.Run("F7 two closures of one literal under one name are refused", func(t *testing.T) {
		c := newWorld(t).container()
		wrap := func(region string) error {
			_, err := adapter.NewData(func(context.Context, int) (string, error) { return region, nil },
				adapter.Name("region"), adapter.WithRuntime(c.Runtime))
			return err
		}
		if err := wrap("eu"); err != nil {
			t.Fatal(err)
		}
		wantOptionError(t, wrap("us"), "Name", "another function")
	})
	t.Run("CacheData panics with the error that NewData returns", func(t *testing.T) {
		c := newWorld(t).container()
		defer func() {
			err, _ := recover().(error)
			wantOptionError(t, err, "TTL", `"soon"`)
		}()
		adapter.CacheData(double, adapter.TTL("soon"), adapter.WithRuntime(c.Runtime))
	})
}

func TestFunctionIdentity(t *testing.T) {
	c := newWorld(t).container()
	f := &counter{}
	for _, tt := range []struct {
		name string
		wrap func() error
		says string
	}{
		{"a function literal needs a name", func() error {
			_, err := adapter.NewData(func(context.Context, int) (int, error) { return 0, nil }, adapter.WithRuntime(c.Runtime))
			return err
		}, "a function literal has no stable name"},
		{"a bound method needs a name", func() error {
			_, err := adapter.NewData(f.compute, adapter.WithRuntime(c.Runtime))
			return err
		}, "a bound method"},
		{"an instance of a generic function needs a name", func() error {
			_, err := adapter.NewData(identity[int], adapter.WithRuntime(c.Runtime))
			return err
		}, "a generic function"},
	} {
		t.Run(tt.name, func(t *testing.T) { wantOptionError(t, tt.wrap(), "Name", tt.says, "adapter.Name(") })
	}
	t.Run("K1 a declared function has its own name", func(t *testing.T) {
		d := adapter.CacheData(double, adapter.WithRuntime(c.Runtime))
		x, err := d.Explain(t.Context(), 1)
		if err != nil || x.Function != "github.com/stillwarm/stillwarm/adapter_test.double" {
			t.Fatal(x.Function, err)
		}
	})
	t.Run("a nil function is an error", func(t *testing.T) {
		_, err := adapter.NewData[int, int](nil)
		wantOptionError(t, err, "function", "nil")
	})
}

func identity[T any](_ context.Context, v T) (T, error) { return v, nil }

func TestOptionErrors(t *testing.T) {
	c := newWorld(t).container()
	data := func(o adapter.DataOption) func() error {
		return func() error {
			_, err := adapter.NewData(double, adapter.WithRuntime(c.Runtime), o)
			return err
		}
	}
	resource := func(o adapter.ResourceOption) func() error {
		return func() error {
			_, err := adapter.NewResource(double, adapter.WithRuntime(c.Runtime), o)
			return err
		}
	}
	for _, tt := range []struct {
		option, says string
		wrap         func() error
	}{
		{"TTL", `"soon"`, data(adapter.TTL("soon"))},
		{"TTL", "longer than zero", data(adapter.TTL(-time.Second))},
		{"StaleFor", `"x"`, data(adapter.StaleFor("x"))},
		{"FailSafe", `""`, data(adapter.FailSafe(""))},
		{"NearTTL", `"5 parsecs"`, data(adapter.NearTTL("5 parsecs"))},
		{"MaxEntries", "at least 1", data(adapter.MaxEntries(0))},
		{"MaxSize", `"big"`, data(adapter.MaxSize("big"))},
		{"MaxSize", "at least 1 byte", data(adapter.MaxSize(0))},
		{"Jitter", "less than 1", data(adapter.Jitter(1))},
		{"Version", "must not be empty", data(adapter.Version(""))},
		{"Name", "must not be empty", data(adapter.Name(""))},
		{"Persist", "true, false or the name", data(adapter.Persist(""))},
		{"CacheIf", "result is int", data(adapter.CacheIf(func(string) bool { return true }))},
		{"ValidateEvery", "longer than zero", resource(adapter.ValidateEvery(0))},
		{"Validate", "result is int", resource(adapter.Validate(func(context.Context, string) bool { return true }))},
		{"ValidateWith", "argument is int", resource(adapter.ValidateWith(func(context.Context, string, int) bool { return true }))},
		{"OnRelease", "result is int", resource(adapter.OnRelease(func(context.Context, string) error { return nil }))},
	} {
		t.Run(tt.option+" "+tt.says, func(t *testing.T) { wantOptionError(t, tt.wrap(), tt.option, tt.says) })
	}
}
