package bench

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
	s3backend "github.com/stillwarm/stillwarm/backends/s3"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/tests/servers"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// A caller is one container's cached function, whose calls are invocations.
type caller struct {
	t    *testing.T
	rt   *adapter.Runtime
	data *adapter.Data[query, flatValue]
	now  time.Time
	runs int
}

// newCaller makes a container. config says which backend it has.
func newCaller(t *testing.T, config adapter.Config) *caller {
	t.Helper()
	c := &caller{t: t, now: time.Now()}
	config.Clock = func() time.Time { return c.now }
	var err error
	if c.rt, err = adapter.New(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.rt.Close(context.WithoutCancel(t.Context())) })
	c.data, err = adapter.NewData(func(context.Context, query) (flatValue, error) { c.runs++; return newFlat(), nil },
		adapter.Name("quotes"), adapter.TTL(peerTTL), adapter.Version("1"), adapter.NearTTL("10s"), adapter.WithRuntime(c.rt))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// get calls the function in an invocation and returns what count grew by until the answer, and by what came after it.
func (c *caller) get(in query, count func() int) (before, after int) {
	c.t.Helper()
	start := count()
	ctx, inv := invocation.Begin(c.t.Context(), invocation.Options{RequestID: "r", AfterResponse: true})
	if _, err := c.data.Get(ctx, in); err != nil {
		c.t.Fatal(err)
	}
	answered := count()
	inv.Finish(ctx)
	return answered - start, count() - answered
}

// A step is one call and what it may cost.
type step struct {
	promise       string
	advance       time.Duration
	symbol        string
	before, after int // round trips or requests until the answer, and after it
	runs          int
}

func (c *caller) walk(count func() int, steps []step) {
	c.t.Helper()
	for _, s := range steps {
		c.now = c.now.Add(s.advance)
		runs := c.runs
		before, after := c.get(query{Symbol: s.symbol}, count)
		if before != s.before || after != s.after || c.runs-runs != s.runs {
			c.t.Errorf("%s: %d before the answer, %d after it, %d runs; want %d, %d, %d",
				s.promise, before, after, c.runs-runs, s.before, s.after, s.runs)
		}
	}
}

func TestRoundTripsToRedis(t *testing.T) {
	server := servers.SharedRedis(t)
	proxy := servers.NewProxy(t, server.Addr)
	backend := strings.Replace(server.URL("prefix="+strings.ToLower(t.Name()), "read-timeout=5s"), server.Addr, proxy.Addr, 1)
	first := newCaller(t, adapter.Config{Backend: backend})
	first.walk(proxy.RoundTrips, []step{
		{"the very first miss: greeting, a generation is made, and a miss; then the function's record is written too", 0, "a", 4, 3, 1},
		{"a hit in memory asks nobody", 0, "a", 0, 0, 0},
		{"a miss: entry and generation, lease and entry once more; then it is written and the lease given back", 0, "b", 2, 2, 1},
		{"a hit in memory when NearTTL is over asks for the generation", 11 * time.Second, "a", 1, 0, 0},
		{"and the next one asks nobody", 0, "b", 0, 0, 0},
	})
	second := newCaller(t, adapter.Config{Backend: backend})
	second.now = first.now
	second.walk(proxy.RoundTrips, []step{
		{"the first hit of a container: greeting, entry and generation", 0, "a", 2, 0, 0},
		{"a hit in Redis is one round trip", 0, "b", 1, 0, 0},
		{"then it is in memory", 0, "b", 0, 0, 0},
	})
}

// requestCounter counts requests to S3.
type requestCounter struct {
	base http.RoundTripper
	n    atomic.Int64
}

func (c *requestCounter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.base.RoundTrip(r)
}

func TestRequestsToS3(t *testing.T) {
	server := servers.SharedMinIO(t)
	server.Setenv(t)
	bucket := server.Bucket(t)
	container := func() (*caller, func() int) {
		requests := &requestCounter{base: &http.Transport{}}
		var c *caller
		m, err := s3backend.New(s3backend.Options{
			Bucket: bucket, Endpoint: server.URL, PathStyle: true, Transport: requests,
			Clock: func() time.Time {
				if c == nil {
					return time.Now()
				}
				return c.now
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		c = newCaller(t, adapter.Config{Manager: backends.PersistenceManager(m)})
		return c, func() int { return int(requests.n.Load()) }
	}
	first, count := container()
	first.get(query{Symbol: "a"}, count) // makes epoch and generation: once in the life of a bucket
	first.walk(count, []step{
		{"a hit in memory asks nobody", 0, "a", 0, 0, 0},
		{"a key's first miss: entry and lease; then it is written and the lease given back", 0, "b", 2, 2, 1},
	})
	second, count := container()
	second.now = first.now
	second.walk(count, []step{
		{"the first hit of a container: entry, epoch, generation and the function's record side by side", 0, "a", 4, 0, 0},
		{"a hit in S3 is one request while the generation is kept", 0, "b", 1, 0, 0},
		{"then it is in memory", 0, "b", 0, 0, 0},
		// The container's first write asks a server that is not Amazon's, by two more PUTs, whether it keeps to conditions.
		{"a miss of what has expired: entry with epoch and generation; a look for a lease; lease and entry once more", peerTTL + time.Second, "b", 6, 4, 1},
		{"the same again", peerTTL + time.Second, "b", 6, 2, 1},
	})
}

// What results name is known only when they were read: the records of all of them are read together.
func TestRoundTripsOfTaggedBatches(t *testing.T) {
	server := servers.SharedRedis(t)
	proxy := servers.NewProxy(t, server.Addr)
	backend := strings.Replace(server.URL(fmt.Sprint("prefix=tagged", time.Now().UnixNano()), "read-timeout=5s"), server.Addr, proxy.Addr, 1)
	now := time.Now()
	ins := make([]int, 100)
	for i := range ins {
		ins[i] = i
	}
	container := func() (*adapter.Runtime, *adapter.Data[int, int], func(what string, trips int)) {
		rt, err := adapter.New(adapter.Config{
			Backend: backend, Mode: adapter.Deployed, Logger: slog.New(slog.DiscardHandler), Clock: func() time.Time { return now },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = rt.Close(context.Background()) })
		d := adapter.CacheBatch(func(_ context.Context, ins []int) ([]int, error) { return ins, nil }, adapter.Name("tagged"), adapter.TTL("1h"),
			adapter.Version("1"), adapter.TagsOf(func(in, _ int) []string { return []string{fmt.Sprint("t", in)} }), adapter.WithRuntime(rt))
		return rt, d, func(what string, trips int) {
			t.Helper()
			ctx, inv := invocation.Begin(context.Background(), invocation.Options{RequestID: what, AfterResponse: true})
			before := proxy.RoundTrips()
			outs, err := d.GetAll(ctx, ins)
			if got := proxy.RoundTrips() - before; trips >= 0 && got != trips {
				t.Errorf("%s: %d round trips, want %d", what, got, trips)
			}
			if err != nil || !slices.Equal(outs, ins) {
				t.Error(outs, err)
			}
			inv.Finish(ctx)
		}
	}
	first, _, ask := container()
	ask("nothing is there", -1) // perhaps not even a generation
	ask("B1 all is in memory: the epoch", 1)
	ask("B1 and then nothing", 0)
	_, other, askOther := container()
	askOther("B1 C8 a container's first: greeting, all entries, all records", 3)
	if err := first.InvalidateTags(t.Context(), "t7"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(11 * time.Second)
	askOther("B1 C8 an invalidation was heard of: generation, epoch, all records; one entry and its record; its lease and the record again", 7)
	if s := other.Stats(); s.Runs != 1 {
		t.Errorf("%d runs, want one of what was invalidated", s.Runs)
	}
}

// What a Coherent function has in memory is looked at together, too.
func TestRoundTripsOfCoherentBatches(t *testing.T) {
	server := servers.SharedRedis(t)
	proxy := servers.NewProxy(t, server.Addr)
	backend := strings.Replace(server.URL(fmt.Sprint("prefix=coherent", time.Now().UnixNano()), "read-timeout=5s"), server.Addr, proxy.Addr, 1)
	now := time.Now()
	container := func() *adapter.Data[int, int] {
		rt, err := adapter.New(adapter.Config{
			Backend: backend, Mode: adapter.Deployed, Logger: slog.New(slog.DiscardHandler), Clock: func() time.Time { return now },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = rt.Close(context.Background()) })
		return adapter.CacheBatch(func(_ context.Context, ins []int) ([]int, error) { return ins, nil }, adapter.Name("coherent"), adapter.TTL("1h"),
			adapter.Version("1"), adapter.Coherent(), adapter.NearTTL("10s"), adapter.WithRuntime(rt))
	}
	d, other := container(), container()
	ins := make([]int, 100)
	for i := range ins {
		ins[i] = i
	}
	ask := func(what string, trips, runs int) { // trips -1: any number
		t.Helper()
		ctx, inv := invocation.Begin(context.Background(), invocation.Options{RequestID: what, AfterResponse: true})
		before, ran := proxy.RoundTrips(), d.Stats().Runs
		outs, err := d.GetAll(ctx, ins)
		if got := proxy.RoundTrips() - before; trips >= 0 && got != trips {
			t.Errorf("%s: %d round trips, want %d", what, got, trips)
		}
		if got := int(d.Stats().Runs - ran); err != nil || !slices.Equal(outs, ins) || got != runs {
			t.Errorf("%s: %d runs, want %d: %v, %v", what, got, runs, outs, err)
		}
		inv.Finish(ctx)
	}
	ask("nothing is there", -1, 1)
	ask("B1 C4 all is in memory", 0, 0)
	now = now.Add(11 * time.Second)
	ask("B1 C4 all is due", 1, 0)
	ask("B1 C4 and then nothing", 0, 0)
	if err := other.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	now = now.Add(11 * time.Second)
	ask("B1 C4 all was cleared, and is still in Redis", -1, 1)
}
