package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

type hostileConfig struct{ Host string }

func openHost(_ context.Context, c *hostileConfig) (*hostileConfig, error) {
	return &hostileConfig{Host: c.Host}, nil
}

// slowHosts is a resource whose open function says when it has begun and goes on when it may, whatever its context says.
type slowHosts struct {
	began, mayEnd chan struct{}
	once          sync.Once
}

func (s *slowHosts) open(_ context.Context, c *hostileConfig) (*hostileConfig, error) {
	s.once.Do(func() { close(s.began) })
	<-s.mayEnd
	return &hostileConfig{Host: c.Host}, nil
}

func TestArgumentsOfResources(t *testing.T) {
	t.Run("K18 a refresh opens nothing from an argument that its owner has changed since", func(t *testing.T) {
		w := newWorld(t)
		c := w.alone()
		r := adapter.CacheResource(openHost, adapter.WithRuntime(c.Runtime), adapter.TTL("1m"), adapter.StaleFor("1m"))
		config := &hostileConfig{Host: "a"}
		c.invoke(func(ctx context.Context) { get(t, ctx, r, config) })
		w.clock.Advance(90 * time.Second)
		c.invoke(func(ctx context.Context) {
			if got := get(t, ctx, r, config); got.Host != "a" {
				t.Error("stale:", got.Host)
			}
			config.Host = "b"
		})
		c.settle()
		c.invoke(func(ctx context.Context) {
			if got := get(t, ctx, r, &hostileConfig{Host: "a"}); got.Host != "a" {
				t.Error("opened for a:", got.Host)
			}
		})
	})
	t.Run("K18 an open function that its caller has left works on the argument that the key was taken from", func(t *testing.T) {
		c := newWorld(t).alone()
		slow := &slowHosts{began: make(chan struct{}), mayEnd: make(chan struct{})}
		r := adapter.CacheResource(slow.open, adapter.WithRuntime(c.Runtime), adapter.Name("hosts"))
		config := &hostileConfig{Host: "a"}
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() {
			defer close(left)
			_, _ = r.Get(ctx, config)
			config.Host = "b"
		}()
		<-slow.began
		cancel()
		select {
		case <-left:
		case <-time.After(50 * time.Millisecond): // it may as well stay until its run is over
		}
		close(slow.mayEnd)
		<-left
		eventually(t, "the open function returns", func() bool { return r.Stats().Opens == 1 })
		if got := get(t, t.Context(), r, &hostileConfig{Host: "a"}); got.Host != "a" {
			t.Error("opened for a:", got.Host)
		}
	})
}

func TestHealthyResources(t *testing.T) {
	t.Run("R2 a validation that the caller's own deadline cut off says nothing about the object", func(t *testing.T) {
		c := newWorld(t).alone()
		released := 0
		r := adapter.CacheResource(openHost, adapter.WithRuntime(c.Runtime),
			adapter.ValidateErr(func(ctx context.Context, _ *hostileConfig) error { return ctx.Err() }),
			adapter.OnRelease(func(context.Context, *hostileConfig) error { released++; return nil }))
		var first *hostileConfig
		c.invoke(func(ctx context.Context) { first = get(t, ctx, r, &hostileConfig{Host: "a"}) })
		c.invoke(func(ctx context.Context) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			if _, err := r.Get(ctx, &hostileConfig{Host: "a"}); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		c.invoke(func(ctx context.Context) {
			if get(t, ctx, r, &hostileConfig{Host: "a"}) != first || released != 0 {
				t.Error("the object was discarded; released:", released)
			}
		})
	})
}

func TestObserversThatPanic(t *testing.T) {
	t.Run("F4 an observer that panics fails no call, and no work after the response", func(t *testing.T) {
		w := newWorld(t)
		c := w.container(func(cfg *adapter.Config) {
			cfg.Observer = func(context.Context, adapter.Event) { panic("observer") }
		})
		var n counter
		d := adapter.CacheData(n.compute, adapter.WithRuntime(c.Runtime), adapter.Name("f"))
		for range 2 {
			c.invoke(func(ctx context.Context) {
				ctx = adapter.Observe(ctx, func(adapter.Event) { panic("observer") })
				if got := get(t, ctx, d, 1); got.Run != 1 {
					t.Error("run", got.Run)
				}
			})
		}
		r := adapter.CacheResource(openHost, adapter.WithRuntime(c.Runtime), adapter.OnRelease(func(context.Context, *hostileConfig) error { return nil }))
		c.invoke(func(ctx context.Context) { get(t, ctx, r, &hostileConfig{}) })
		_ = r.Clear(t.Context())
		if len(c.logs.with("WARN", "observer panicked")) != 1 {
			t.Error("said so", len(c.logs.with("WARN", "observer panicked")), "times")
		}
	})
	t.Run("F4 a function for the end of an invocation that panics takes nothing with it", func(t *testing.T) {
		ctx, inv := invocation.Begin(t.Context(), invocation.Options{AfterResponse: true})
		called := false
		adapter.AfterInvocation(ctx, "a", func(context.Context) { panic("a") })
		adapter.AfterInvocation(ctx, "b", func(context.Context) { called = true })
		inv.Finish(ctx)
		if !called {
			t.Error("the other one was not called")
		}
	})
}

func TestOptionsThatPanic(t *testing.T) {
	t.Run("C8 a call whose tags cannot be told runs uncached", func(t *testing.T) {
		c := newWorld(t).container()
		var n counter
		d := adapter.CacheData(n.compute, adapter.WithRuntime(c.Runtime), adapter.Name("f"),
			adapter.Tags(func(int) []string { panic("tags") }))
		for i := range int64(2) {
			c.invoke(func(ctx context.Context) {
				if got := get(t, ctx, d, 1); got.Run != i+1 {
					t.Error("run", got.Run)
				}
				if all, err := d.GetAll(ctx, []int{1, 2}); err != nil || len(all) != 2 {
					t.Error(all, err)
				}
			})
			n.runs.Store(i + 1)
		}
	})
	t.Run("K20 a call whose scope cannot be told runs uncached", func(t *testing.T) {
		c := newWorld(t).container()
		var n counter
		d := adapter.CacheData(n.compute, adapter.WithRuntime(c.Runtime), adapter.Name("f"),
			adapter.Scope(func(context.Context) string { panic("scope") }))
		for i := range int64(2) {
			c.invoke(func(ctx context.Context) {
				if got := get(t, ctx, d, 1); got.Run != i+1 {
					t.Error("run", got.Run)
				}
			})
		}
	})
	t.Run("B2 a nil *BatchError is no error", func(t *testing.T) {
		c := newWorld(t).container()
		d := adapter.CacheBatch(func(_ context.Context, ins []int) ([]int, error) {
			var failed *adapter.BatchError
			return ins, failed
		}, adapter.WithRuntime(c.Runtime), adapter.Name("f"))
		c.invoke(func(ctx context.Context) {
			if all, err := d.GetAll(ctx, []int{1, 2}); err != nil || all[1] != 2 {
				t.Error(all, err)
			}
		})
	})
	t.Run("B2 the error of an inner batch is by no index of the outer one", func(t *testing.T) {
		c := newWorld(t).container()
		rates := adapter.CacheBatch(func(_ context.Context, ins []int) ([]int, error) {
			return ins, &adapter.BatchError{Errs: map[int]error{len(ins) - 1: errors.New("down")}}
		}, adapter.WithRuntime(c.Runtime), adapter.Name("rates"))
		prices := adapter.CacheBatch(func(ctx context.Context, ins []int) ([]string, error) {
			_, err := rates.GetAll(ctx, []int{1, 2, 3})
			return make([]string, len(ins)), fmt.Errorf("rates: %w", err)
		}, adapter.WithRuntime(c.Runtime), adapter.Name("prices"))
		_, err := prices.GetAll(t.Context(), []int{7, 8})
		var failed *adapter.BatchError
		if !errors.As(err, &failed) || len(failed.Errs) != 2 {
			t.Error(err)
		}
		if got, err := prices.Get(t.Context(), 7); err == nil {
			t.Errorf("cached %q of a run that failed", got)
		}
	})
	t.Run("B2 an error for an index that no argument has fails all that have none of their own", func(t *testing.T) {
		c, own := newWorld(t).container(), errors.New("own")
		for _, index := range []int{-1, 3, 17} {
			d := adapter.CacheBatch(func(_ context.Context, ins []int) ([]int, error) {
				return ins, &adapter.BatchError{Errs: map[int]error{0: own, index: errors.New("stray"), 99: nil}}
			}, adapter.WithRuntime(c.Runtime), adapter.Name(fmt.Sprint("f", index)))
			_, err := d.GetAll(t.Context(), []int{1, 2, 3})
			var failed *adapter.BatchError
			if !errors.As(err, &failed) || len(failed.Errs) != 3 || !errors.Is(failed.Errs[0], own) ||
				!strings.Contains(failed.Errs[1].Error(), fmt.Sprintf("for index %d of 3 arguments: stray", index)) {
				t.Error(err)
			}
			if _, err := d.Get(t.Context(), 2); err == nil {
				t.Error("cached what perhaps failed")
			}
		}
	})
	t.Run("C8 a function that changes what it got changes no tags", func(t *testing.T) {
		type order struct{ Lines []int }
		tags := adapter.TagsOf(func(in order, _ string) []string { return []string{fmt.Sprint("line ", in.Lines[0])} })
		for how, wrap := range map[string]func(*container, *string) *adapter.Data[order, string]{
			"CacheData": func(c *container, source *string) *adapter.Data[order, string] {
				return adapter.CacheData(func(_ context.Context, in order) (string, error) {
					in.Lines[0] = 0
					return *source, nil
				}, adapter.WithRuntime(c.Runtime), adapter.Name("f"), tags)
			},
			"CacheBatch": func(c *container, source *string) *adapter.Data[order, string] {
				return adapter.CacheBatch(func(_ context.Context, ins []order) ([]string, error) {
					outs := make([]string, len(ins))
					for i, in := range ins {
						outs[i] = *source
						in.Lines[0] = 0
					}
					slices.Reverse(ins)
					clear(ins)
					return outs, nil
				}, adapter.WithRuntime(c.Runtime), adapter.Name("f"), tags)
			},
		} {
			c, source := newWorld(t).container(), "old"
			d := wrap(c, &source)
			orders := func() []order { return []order{{[]int{1}}, {[]int{2}}, {[]int{3}}} }
			for i, ask := range []func() []string{
				func() []string { return []string{get(t, t.Context(), d, orders()[0])} },
				func() []string {
					got, err := d.GetAll(t.Context(), orders())
					if err != nil {
						t.Fatal(err)
					}
					return got
				},
			} {
				source = "old"
				ask()
				source = "new"
				for n := range 3 {
					if err := c.InvalidateTags(t.Context(), fmt.Sprint("line ", n+1)); err != nil {
						t.Fatal(err)
					}
				}
				if got := ask(); slices.Contains(got, "old") {
					t.Errorf("%s, way %d: %q", how, i, got)
				}
			}
		}
	})
}
