package adapter_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/hooks"
)

// Section F of the semantics: how a cached function finds its Runtime. These tests change what the whole process
// shares, so none of them is parallel.

func squared(_ context.Context, n int) (int, error) { return n * n, nil }
func cubed(_ context.Context, n int) (int, error)   { return n * n * n, nil }
func openNothing(_ context.Context, n int) (*quiet, error) {
	return &quiet{}, nil
}

func logTo(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewJSONHandler(b, nil)) }

func TestBinding(t *testing.T) {
	t.Run("F10 wrapping touches no runtime, and Configure comes in time", func(t *testing.T) {
		adapter.ForgetDefault(t.Cleanup)
		d := adapter.CacheData(squared, adapter.Name("F10 data"))
		r := adapter.CacheResource(openNothing, adapter.Name("F10 resource"))
		memo := adapter.ExperimentalMemo(cubed, adapter.Name("F10 memo"))
		if adapter.HasDefault() {
			t.Fatal("wrapping made the default runtime")
		}
		var logs bytes.Buffer
		if err := adapter.Configure(adapter.Config{Backend: "none", Logger: logTo(&logs), Namespace: "F10"}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(logs.String(), "adapter.ExperimentalMemo is deprecated") {
			t.Errorf("the notice of a wrap did not wait for the runtime: %s", logs.String())
		}
		get(t, t.Context(), d, 3)
		get(t, t.Context(), d, 3)
		get(t, t.Context(), r, 1)
		get(t, t.Context(), memo, 1)
		if s := d.Stats(); s.Runs != 1 || s.Hits != 1 {
			t.Fatalf("%+v", s)
		}
		if n := strings.Count(logs.String(), "is deprecated"); n != 1 {
			t.Errorf("%d notices: %s", n, logs.String())
		}
	})
	t.Run("F10 Configure is refused once the default runtime is in use, with the place", func(t *testing.T) {
		adapter.ForgetDefault(t.Cleanup)
		d := adapter.CacheData(squared, adapter.Name("F10 late"))
		get(t, t.Context(), d, 3)
		err := adapter.Configure(adapter.Config{})
		wantOptionError(t, err, "Configure", "in use since", "before the first cached call")
		if n := strings.Count(err.Error(), "semantics_binding_test.go:"); n < 1 {
			t.Errorf("names %d places: %v", n, err)
		}
	})
	t.Run("F10 Configure is refused the second time, and changes nothing", func(t *testing.T) {
		adapter.ForgetDefault(t.Cleanup)
		if err := adapter.Configure(adapter.Config{Backend: "none", Namespace: "first"}); err != nil {
			t.Fatal(err)
		}
		rt := adapter.Default()
		wantOptionError(t, adapter.Configure(adapter.Config{}), "Configure", "configured before")
		if adapter.Default() != rt {
			t.Fatal("another runtime")
		}
	})
	t.Run("F10 an invalid configuration changes nothing", func(t *testing.T) {
		adapter.ForgetDefault(t.Cleanup)
		if err := adapter.Configure(adapter.Config{Backend: "floppy://a"}); err == nil {
			t.Fatal("no error")
		}
		if adapter.HasDefault() {
			t.Fatal("the default runtime was made")
		}
		if err := adapter.Configure(adapter.Config{Backend: "none"}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("F10 many first calls at once make one runtime and one state", func(t *testing.T) {
		adapter.ForgetDefault(t.Cleanup)
		f := &counter{}
		d := adapter.CacheData(f.compute, adapter.Name("F10 at once"))
		var wg sync.WaitGroup
		gate := make(chan struct{})
		for range 32 {
			wg.Go(func() {
				<-gate
				get(t, t.Context(), d, 1)
			})
		}
		close(gate)
		wg.Wait()
		wantRuns(t, f, 1)
	})
	t.Run("F10 ClearData reaches functions that were not called in this container yet", func(t *testing.T) {
		w, f := newWorld(t), &counter{}
		a, b := w.container(), w.container()
		da := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(a.Runtime))
		get(t, t.Context(), da, 1)
		a.settle()
		adapter.ForgetDefault(t.Cleanup)
		db := adapter.CacheData(f.compute, adapter.Name("f"), adapter.WithRuntime(b.Runtime))
		if err := b.ClearData(t.Context()); err != nil {
			t.Fatal(err)
		}
		get(t, t.Context(), db, 1)
		wantRuns(t, f, 2)
	})
	t.Run("F10 double wrapping without a runtime is found when wrapped", func(t *testing.T) {
		adapter.ForgetDefault(t.Cleanup)
		adapter.CacheData(squared, adapter.Name("F10 twice"))
		_, err := adapter.NewData(cubed, adapter.Name("F10 twice"))
		wantOptionError(t, err, "Name", "another function")
		if adapter.HasDefault() {
			t.Fatal("the default runtime was made")
		}
	})
	t.Run("what needs a release is known before the first call", func(t *testing.T) {
		c := newWorld(t).alone()
		adapter.CacheResource(openNothing, adapter.WithRuntime(c.Runtime))
		if !c.NeedsRelease() {
			t.Fatal("not known")
		}
	})
}

func TestTestRuntimes(t *testing.T) {
	hooks.Testing.Store(true)
	t.Cleanup(func() { hooks.Testing.Store(false) })
	f := &counter{}
	d := adapter.CacheData(f.compute, adapter.Name("in tests"))
	r := adapter.CacheResource(openNothing, adapter.Name("in tests"))
	t.Run("F10 a function has a state in each test's runtime", func(t *testing.T) {
		w := newWorld(t)
		a, b := w.alone(), w.alone()
		ctxA, ctxB := hooks.WithRuntime(t.Context(), a.Runtime), hooks.WithRuntime(t.Context(), b.Runtime)
		get(t, ctxA, d, 1)
		get(t, ctxA, d, 1)
		wantRuns(t, f, 1)
		get(t, ctxB, d, 1)
		wantRuns(t, f, 2)
		if get(t, ctxA, r, 1) == get(t, ctxB, r, 1) {
			t.Fatal("two runtimes share a resource")
		}
		if err := adapter.ClearData(ctxA); err != nil {
			t.Fatal(err)
		}
		get(t, ctxB, d, 1)
		wantRuns(t, f, 2)
		get(t, ctxA, d, 1)
		wantRuns(t, f, 3)
		hooks.Of(a.Runtime).Forget()
		get(t, ctxA, d, 1)
		wantRuns(t, f, 4)
	})
	t.Run("F10 a given runtime beats the context's", func(t *testing.T) {
		w, g := newWorld(t), &counter{}
		a, b := w.alone(), w.alone()
		own := adapter.CacheData(g.compute, adapter.Name("given"), adapter.WithRuntime(a.Runtime))
		get(t, t.Context(), own, 1)
		get(t, hooks.WithRuntime(t.Context(), b.Runtime), own, 1)
		wantRuns(t, g, 1)
	})
	t.Run("F10 the default runtime can be swapped", func(t *testing.T) {
		a := newWorld(t).alone()
		restore := hooks.SwapDefault(a.Runtime)
		defer restore()
		before := f.runs.Load()
		get(t, t.Context(), d, 7)
		get(t, t.Context(), d, 7)
		wantRuns(t, f, before+1)
		if adapter.Default() != a.Runtime {
			t.Fatal("not swapped")
		}
	})
}

func TestSecondWrap(t *testing.T) {
	t.Run("F8 the error names the given name and the way out", func(t *testing.T) {
		c := newWorld(t).container()
		type service struct{ region string }
		construct := func(s service) error {
			_, err := adapter.NewData(func(context.Context, int) (string, error) { return s.region, nil },
				adapter.Name("shop.prices"), adapter.WithRuntime(c.Runtime))
			return err
		}
		if err := construct(service{"eu"}); err != nil {
			t.Fatal(err)
		}
		wantOptionError(t, construct(service{"us"}), "Name", `"shop.prices"`, "adapter.WithRuntime", "adapter.Scope")
	})
	t.Run("F8 the way out works: a Runtime for each instance", func(t *testing.T) {
		w := newWorld(t)
		for _, region := range []string{"eu", "us"} {
			c := w.container(func(c *adapter.Config) { c.Namespace = region })
			d := adapter.CacheData(func(context.Context, int) (string, error) { return region, nil },
				adapter.Name("shop.prices"), adapter.WithRuntime(c.Runtime))
			if got := get(t, t.Context(), d, 1); got != region {
				t.Fatalf("%s got %s", region, got)
			}
			c.settle()
		}
	})
	t.Run("F8 the way out works: one wrap and a scope", func(t *testing.T) {
		type instance struct{}
		c := newWorld(t).container()
		d := adapter.CacheData(func(ctx context.Context, _ int) (string, error) { return ctx.Value(instance{}).(string), nil },
			adapter.Name("shop.prices"), adapter.WithRuntime(c.Runtime),
			adapter.Scope(func(ctx context.Context) string { return ctx.Value(instance{}).(string) }))
		for _, region := range []string{"eu", "us", "eu"} {
			if got := get(t, context.WithValue(t.Context(), instance{}, region), d, 1); got != region {
				t.Fatalf("%s got %s", region, got)
			}
		}
	})
	t.Run("F7 two closures of one literal in an option are two options", func(t *testing.T) {
		c := newWorld(t).container()
		scope := func(tenant string) adapter.Option {
			return adapter.Scope(func(context.Context) string { return tenant })
		}
		a := scope("a")
		adapter.CacheData(squared, a, adapter.WithRuntime(c.Runtime))
		if _, err := adapter.NewData(squared, a, adapter.WithRuntime(c.Runtime)); err != nil {
			t.Fatal("the same closure:", err)
		}
		_, err := adapter.NewData(squared, scope("b"), adapter.WithRuntime(c.Runtime))
		wantOptionError(t, err, "options", "Scope has another function")
	})
	t.Run("a wrap that was refused leaves the first one as it was", func(t *testing.T) {
		c := newWorld(t).container()
		d := adapter.CacheData(squared, adapter.WithRuntime(c.Runtime))
		if _, err := adapter.NewData(squared, adapter.WithRuntime(c.Runtime), adapter.TTL("1m")); err == nil {
			t.Fatal("no error")
		}
		if got := get(t, t.Context(), d, 3); got != 9 {
			t.Fatal(got)
		}
	})
}

func TestKeyOption(t *testing.T) {
	type request struct {
		ID   string
		Path string
		conn chan int // cannot be hashed
	}
	byPath := adapter.Key(func(r request) (string, bool) { return r.Path, r.Path != "" })
	wrap := func(c *container, runs *int, opts ...adapter.DataOption) *adapter.Data[request, string] {
		return adapter.CacheData(func(_ context.Context, r request) (string, error) { *runs++; return r.ID + r.Path, nil },
			append(opts, adapter.Name("f"), adapter.WithRuntime(c.Runtime))...)
	}
	t.Run("K21 Key is the whole key, and false is not cached", func(t *testing.T) {
		w, runs := newWorld(t), 0
		c := w.container()
		d := wrap(c, &runs, byPath)
		for _, in := range []request{{ID: "1", Path: "/a"}, {ID: "2", Path: "/a", conn: make(chan int)}} {
			if got := get(t, t.Context(), d, in); got != "1/a" || runs != 1 {
				t.Fatal(got, runs)
			}
		}
		get(t, t.Context(), d, request{ID: "3", Path: "/b"})
		for want := range 2 {
			get(t, t.Context(), d, request{ID: "4"})
			if runs != 3+want {
				t.Fatal(runs)
			}
		}
		if err := d.ClearFor(t.Context(), request{ID: "5", Path: "/a"}); err != nil {
			t.Fatal(err)
		}
		get(t, t.Context(), d, request{ID: "6", Path: "/a"})
		if runs != 5 {
			t.Fatal(runs)
		}
	})
	t.Run("K21 another container finds it under the same key", func(t *testing.T) {
		w, runs := newWorld(t), 0
		a, b := w.container(), w.container()
		get(t, t.Context(), wrap(a, &runs, byPath), request{ID: "1", Path: "/a"})
		a.settle()
		get(t, t.Context(), wrap(b, &runs, byPath), request{ID: "2", Path: "/a"})
		if runs != 1 {
			t.Fatal(runs)
		}
	})
	t.Run("K13 a Key function that panics is a UserHashError", func(t *testing.T) {
		boom := errors.New("boom")
		d := wrap(newWorld(t).container(), new(int), adapter.Key(func(request) (string, bool) { panic(boom) }))
		_, err := d.Get(t.Context(), request{})
		var e *adapter.UserHashError
		if !errors.As(err, &e) || !errors.Is(err, boom) {
			t.Fatal(err)
		}
	})
	t.Run("K17 a Key that is an address is refused for data and allowed for resources", func(t *testing.T) {
		c := newWorld(t).container()
		address := adapter.Key(func(r *request) (*request, bool) { return r, true })
		_, err := adapter.NewData(func(context.Context, *request) (int, error) { return 0, nil },
			adapter.Name("f"), adapter.WithRuntime(c.Runtime), address)
		var e *adapter.UserHashError
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		opens := 0
		r := adapter.CacheResource(func(context.Context, *request) (int, error) { opens++; return opens, nil },
			adapter.Name("f"), adapter.WithRuntime(c.Runtime), address)
		one, two := &request{}, &request{}
		for _, tt := range []struct {
			in   *request
			want int
		}{{one, 1}, {two, 2}, {one, 1}} {
			if got := get(t, t.Context(), r, tt.in); got != tt.want {
				t.Fatal(got, tt.want)
			}
		}
	})
	t.Run("K13 HashFunc beside Key is an error, since it would never be called", func(t *testing.T) {
		_, err := adapter.NewData(func(context.Context, request) (int, error) { return 0, nil }, adapter.Name("f"),
			adapter.WithRuntime(newWorld(t).container().Runtime), byPath, adapter.HashFunc(func(request) string { return "" }))
		wantOptionError(t, err, "HashFunc", "beside Key")
	})
	t.Run("K15 a Key that cannot be hashed is an error when wrapped", func(t *testing.T) {
		_, err := adapter.NewData(func(context.Context, request) (int, error) { return 0, nil }, adapter.Name("f"),
			adapter.WithRuntime(newWorld(t).container().Runtime), adapter.Key(func(r request) (request, bool) { return r, true }))
		var e *adapter.UserHashError
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
	})
	t.Run("K21 a resource that is not cached is the caller's own", func(t *testing.T) {
		c, opens := newWorld(t).alone(), 0
		r := adapter.CacheResource(func(context.Context, string) (*conn, error) { opens++; return &conn{id: opens}, nil },
			adapter.Name("conn"), adapter.WithRuntime(c.Runtime), adapter.Key(func(in string) (string, bool) { return in, in != "" }))
		var own *conn
		c.invoke(func(ctx context.Context) {
			own = get(t, ctx, r, "")
			if own == get(t, ctx, r, "") || own.closed.Load() != 0 {
				t.Fatal("shared, or closed while in use")
			}
			if first := get(t, ctx, r, "a"); first != get(t, ctx, r, "a") {
				t.Fatal("the others are not shared")
			}
		})
		if own.closed.Load() != 1 {
			t.Fatal("not released")
		}
	})
}
