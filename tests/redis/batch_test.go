package redis_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/hooks"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// many is how many arguments the batches of these tests have.
const many = 100

// cache is a cached function and how often it ran.
type cache struct {
	*adapter.Data[int, string]
	rt   *adapter.Runtime
	runs atomic.Int64
}

func cached(t *testing.T, url string, opts ...adapter.DataOption) *cache {
	t.Helper()
	c := &cache{}
	var err error
	c.rt, err = adapter.New(adapter.Config{
		Manager: open(t, url), Namespace: "batch", BackendTimeout: 20 * time.Second, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	must(t, err)
	c.Data = adapter.CacheData(func(_ context.Context, n int) (string, error) {
		c.runs.Add(1)
		return fmt.Sprint("value ", n), nil
	}, append(opts, adapter.Name("f"), adapter.Version("1"), adapter.WithRuntime(c.rt), adapter.TTL("1h"))...)
	return c
}

// all asks for 0 to n-1 and checks the answers.
func (c *cache) all(t *testing.T, n int) {
	t.Helper()
	ins := make([]int, n)
	for i := range ins {
		ins[i] = i
	}
	out, err := c.GetAll(t.Context(), ins)
	must(t, err)
	for i, v := range out {
		if v != fmt.Sprint("value ", i) {
			t.Fatalf("result %d is %q", i, v)
		}
	}
}

// settle waits for what was left to write.
func (c *cache) settle(t *testing.T) {
	t.Helper()
	if !hooks.Of(c.rt).WaitIdle(t.Context()) {
		t.Fatal("entries are still being written")
	}
}

// fill stores entries for 0 to many, by another container.
func fill(t *testing.T, url string) {
	t.Helper()
	c := cached(t, url)
	c.all(t, many+1)
	c.settle(t)
}

func TestGetAllAsksRedisOnce(t *testing.T) {
	r := servers.SharedRedis(t)
	p := servers.NewProxy(t, r.Addr)
	url := through(r, p, "prefix="+prefix())
	fill(t, url)
	trips := func(c *cache, f func()) int {
		t.Helper()
		c.settle(t)
		before := p.RoundTrips()
		f()
		c.settle(t)
		return p.RoundTrips() - before
	}
	t.Run("B1 100 arguments that are all in Redis: one round trip", func(t *testing.T) {
		c := cached(t, url)
		_, err := c.Get(t.Context(), many) // there is a connection, and the function is known
		must(t, err)
		if n := trips(c, func() { c.all(t, many) }); n != 1 || c.runs.Load() != 0 {
			t.Fatalf("%d round trips and %d runs, want 1 and 0", n, c.runs.Load())
		}
	})
	t.Run("B1 half of them in memory: one round trip, for the others", func(t *testing.T) {
		c := cached(t, url)
		c.all(t, many/2)
		sent, _ := p.Bytes()
		if n := trips(c, func() { c.all(t, many) }); n != 1 || c.runs.Load() != 0 {
			t.Fatalf("%d round trips and %d runs, want 1 and 0", n, c.runs.Load())
		}
		half, _ := p.Bytes()
		other := cached(t, url)
		_, err := other.Get(t.Context(), many)
		must(t, err)
		before, _ := p.Bytes()
		other.all(t, many)
		whole, _ := p.Bytes()
		if half-sent >= whole-before {
			t.Fatalf("%d bytes asked for half of the arguments, %d for all of them", half-sent, whole-before)
		}
	})
	t.Run("B1 all of them in memory: none", func(t *testing.T) {
		c := cached(t, url)
		c.all(t, many)
		if n := trips(c, func() { c.all(t, many) }); n != 0 {
			t.Fatalf("%d round trips, want none", n)
		}
	})
}

func TestInvalidateTagsAsksRedisOnce(t *testing.T) {
	r := servers.SharedRedis(t)
	p := servers.NewProxy(t, r.Addr)
	c := cached(t, through(r, p, "prefix="+prefix()), adapter.Tags(func(n int) []string { return []string{"even", "odd"}[n%2 : n%2+1] }))
	c.all(t, many)
	c.settle(t)
	t.Run("C8 InvalidateTags is one round trip, whatever the number of tags and of entries under them", func(t *testing.T) {
		before := p.RoundTrips()
		must(t, c.rt.InvalidateTags(t.Context(), "even", "odd"))
		if n := p.RoundTrips() - before; n != 1 {
			t.Fatalf("%d round trips, want 1", n)
		}
		c.all(t, many)
		if n := c.runs.Load(); n != 2*many {
			t.Fatalf("%d runs, want %d: each entry is a miss", n, 2*many)
		}
	})
}

func TestGetAllAsksEachNodeOfAClusterOnce(t *testing.T) {
	c := behindProxies(t, "prefix=p", "read-timeout=20s")
	fill(t, c.url)
	trips := func() (each []int) {
		for _, p := range c.proxies {
			each = append(each, p.RoundTrips())
		}
		return each
	}
	t.Run("B1 100 arguments: one round trip to each of three nodes", func(t *testing.T) {
		d := cached(t, c.url, adapter.MaxEntries(1))
		d.all(t, many) // there are connections, and the function is known
		d.settle(t)
		before := trips()
		d.all(t, many)
		d.settle(t)
		for i, n := range trips() {
			if n-before[i] != 1 {
				t.Errorf("node %d was asked in %d round trips, want 1", i, n-before[i])
			}
		}
		if d.runs.Load() != 0 {
			t.Errorf("%d runs, want none", d.runs.Load())
		}
	})
	t.Run("B1 side by side: each node has its question while none has answered", func(t *testing.T) {
		d := cached(t, c.url, adapter.MaxEntries(1))
		d.all(t, many)
		d.settle(t)
		var before []int64
		for _, p := range c.proxies {
			p.Set(t, servers.Plan{Fault: servers.Slow, Latency: time.Hour})
			sent, _ := p.Bytes()
			before = append(before, sent)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = d.GetAll(ctx, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19})
		}()
		eventually(t, "all nodes are asked", func() bool {
			for i, p := range c.proxies {
				if sent, _ := p.Bytes(); sent == before[i] {
					return false
				}
			}
			return true
		})
		cancel()
		for _, p := range c.proxies {
			p.Set(t, servers.Plan{})
			p.Drop()
		}
		<-done
	})
}

// Once the clocks' slack has passed, results that name their tags are cached again after an invalidation.
func TestBatchesWithTagsOfResults(t *testing.T) {
	for _, many := range []bool{false, true} {
		t.Run(fmt.Sprintf("C8 B1 after an invalidation, computed together %v", many), func(t *testing.T) {
			rt, err := adapter.New(adapter.Config{
				Manager: open(t, "redis://"+servers.Redis(t).Addr+"?prefix="+prefix()), Namespace: "batch", BackendTimeout: 20 * time.Second,
				Logger: slog.New(slog.DiscardHandler),
			})
			must(t, err)
			var runs atomic.Int64
			opts := []adapter.DataOption{adapter.Name("f"), adapter.Version("1"), adapter.WithRuntime(rt), adapter.TTL("1h"),
				adapter.TagsOf(func(int, string) []string { return []string{"t"} })}
			d := adapter.CacheData(func(_ context.Context, n int) (string, error) { return fmt.Sprint(n, runs.Add(1)), nil }, opts...)
			if many {
				d = adapter.CacheBatch(func(_ context.Context, ns []int) ([]string, error) {
					runs.Add(1)
					return make([]string, len(ns)), nil
				}, append(opts, adapter.Name("many"))...)
			}
			all := func() int64 {
				before := runs.Load()
				_, err := d.GetAll(t.Context(), []int{1})
				must(t, err)
				return runs.Load() - before
			}
			all()
			must(t, rt.InvalidateTags(t.Context(), "t"))
			if all() != 1 {
				t.Error("no run after the invalidation")
			}
			eventually(t, "a hit", func() bool { return all() == 0 })
		})
	}
}
