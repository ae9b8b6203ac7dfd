package adapter_test

import (
	"context"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

type askerKey struct{}

func askerOf(ctx context.Context) string {
	user, _ := ctx.Value(askerKey{}).(string)
	return user
}

func TestForWhomARefreshRuns(t *testing.T) {
	opts := func(c *container) []adapter.DataOption {
		return []adapter.DataOption{
			adapter.Name("mine"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"), adapter.StaleFor("1h"), adapter.Scope(askerOf),
		}
	}
	for name, wrap := range map[string]func(c *container) *adapter.Data[int, string]{
		"of one": func(c *container) *adapter.Data[int, string] {
			return adapter.CacheData(func(ctx context.Context, _ int) (string, error) { return askerOf(ctx), nil }, opts(c)...)
		},
		"of many": func(c *container) *adapter.Data[int, string] {
			return adapter.CacheBatch(func(ctx context.Context, ins []int) ([]string, error) {
				outs := make([]string, len(ins))
				for i := range outs {
					outs[i] = askerOf(ctx)
				}
				return outs, nil
			}, opts(c)...)
		},
	} {
		t.Run("K20 T5 for whom the call was that found the value stale, as its context says: "+name, func(t *testing.T) {
			w := newWorld(t)
			c := w.container()
			d := wrap(c)
			for range 3 {
				for _, user := range []string{"alice", "bob"} {
					c.invoke(func(ctx context.Context) {
						ctx, cancel := context.WithCancel(context.WithValue(ctx, askerKey{}, user))
						defer cancel()
						if got, err := d.GetAll(ctx, []int{1, 2}); err != nil || got[0] != user || got[1] != user {
							t.Errorf("%s got %q, %v", user, got, err)
						}
						if got := get(t, ctx, d, 3); got != user {
							t.Errorf("%s got %q", user, got)
						}
					})
				}
				w.clock.Advance(11 * time.Minute)
			}
			if s := d.Stats(); s.Stale == 0 || s.Runs < 12 {
				t.Errorf("%+v", s)
			}
		})
	}
	t.Run("R5 K20 that of a resource likewise", func(t *testing.T) {
		w := newWorld(t)
		c := w.container()
		r := adapter.CacheResource(func(ctx context.Context, _ int) (*string, error) {
			user := askerOf(ctx)
			return &user, nil
		}, adapter.Name("mine"), adapter.WithRuntime(c.Runtime), adapter.TTL("10m"), adapter.StaleFor("1h"), adapter.Scope(askerOf))
		for range 3 {
			c.invoke(func(ctx context.Context) {
				ctx = context.WithValue(ctx, askerKey{}, "alice")
				if got := get(t, ctx, r, 1); *got != "alice" {
					t.Errorf("got the object of %q", *got)
				}
			})
			w.clock.Advance(11 * time.Minute)
		}
	})
}
