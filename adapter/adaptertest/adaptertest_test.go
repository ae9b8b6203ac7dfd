package adaptertest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/adapter/adaptertest"
)

// What a user's package has: package-level functions that use the default runtime, and code that calls them.

var prices = adapter.CacheData(fetchPrice, adapter.TTL("1m"), adapter.StaleFor("10m"))

var connections = adapter.CacheResource(connect, adapter.TTL("1h"))

type connection struct{ closed atomic.Bool }

func (c *connection) Close() { c.closed.Store(true) }

func connect(context.Context, string) (*connection, error) { return &connection{}, nil }

type failKey struct{}

func fetchPrice(ctx context.Context, item string) (string, error) {
	if ctx.Value(failKey{}) != nil {
		return "", errors.New("no price")
	}
	if _, err := connections.Get(ctx, "shop"); err != nil {
		return "", err
	}
	return "1 " + item, nil
}

func price(t testing.TB, ctx context.Context, item string) string {
	t.Helper()
	p, err := prices.Get(ctx, item)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestATTL(t *testing.T) {
	t.Parallel()
	ctx := adaptertest.New(t)
	price(t, ctx, "tea")
	adaptertest.Miss(t, ctx, prices)
	adaptertest.Advance(ctx, 59*time.Second)
	price(t, ctx, "tea")
	adaptertest.Hit(t, ctx, prices)
	price(t, ctx, "milk")
	adaptertest.Miss(t, ctx, prices)
	adaptertest.Runs(t, ctx, prices, 2)
	adaptertest.Stored(t, ctx, prices, 2)
	adaptertest.Advance(ctx, time.Minute)
	price(t, ctx, "tea")
	adaptertest.Stale(t, ctx, prices)
	adaptertest.Runs(t, ctx, prices, 3)
	price(t, ctx, "tea")
	adaptertest.Hit(t, ctx, prices)
	adaptertest.Advance(ctx, time.Hour)
	price(t, ctx, "tea")
	adaptertest.Miss(t, ctx, prices)
	adaptertest.Runs(t, ctx, connections, 2)
}

// Sixty tests at once, each with a cache of its own.
func TestSideBySide(t *testing.T) {
	for i := range 60 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			ctx := adaptertest.New(t)
			for range i + 1 {
				adaptertest.Advance(ctx, 20*time.Minute)
				price(t, ctx, "tea")
			}
			adaptertest.Runs(t, ctx, prices, i+1)
			adaptertest.Stored(t, ctx, prices, 1)
		})
	}
}

func TestAnOutage(t *testing.T) {
	t.Parallel()
	ctx := adaptertest.New(t)
	price(t, ctx, "tea")
	adaptertest.Stored(t, ctx, prices, 1)
	adaptertest.Down(ctx)
	price(t, ctx, "tea")
	adaptertest.Hit(t, ctx, prices)
	for i := range 20 {
		price(t, ctx, fmt.Sprint("item", i))
		adaptertest.Miss(t, ctx, prices)
	}
	adaptertest.Stored(t, ctx, prices, 1)
	if err := prices.Clear(ctx); err == nil {
		t.Error("a clear that the backend could not be told of returned nil")
	}
	adaptertest.Up(ctx)
	price(t, ctx, "tea")
	adaptertest.Miss(t, ctx, prices)
	price(t, ctx, "coffee")
	adaptertest.Stored(t, ctx, prices, 2)
}

func TestAnotherContainer(t *testing.T) {
	t.Parallel()
	ctx := adaptertest.New(t)
	price(t, ctx, "tea")
	adaptertest.Settle(ctx)
	cold := adaptertest.Container(t, ctx)
	price(t, cold, "tea")
	adaptertest.Hit(t, cold, prices)
	adaptertest.Runs(t, cold, prices, 0)
	if err := prices.Clear(cold); err != nil {
		t.Fatal(err)
	}
	adaptertest.Advance(ctx, 6*time.Second) // NearTTL
	price(t, ctx, "tea")
	adaptertest.Miss(t, ctx, prices)
}

func TestResourcesAreReleasedAtTheEnd(t *testing.T) {
	t.Parallel()
	var c *connection
	t.Run("a test", func(t *testing.T) {
		ctx := adaptertest.New(t)
		var err error
		if c, err = connections.Get(ctx, "shop"); err != nil {
			t.Fatal(err)
		}
		adaptertest.Miss(t, ctx, connections)
		if _, err := connections.Get(ctx, "shop"); err != nil {
			t.Fatal(err)
		}
		adaptertest.Hit(t, ctx, connections)
	})
	if !c.closed.Load() {
		t.Error("not released")
	}
}

func TestErrorsAreNotCached(t *testing.T) {
	t.Parallel()
	ctx := adaptertest.New(t)
	for range 2 {
		if _, err := prices.Get(context.WithValue(ctx, failKey{}, true), "tea"); err == nil {
			t.Fatal("no error")
		}
		adaptertest.Miss(t, ctx, prices)
	}
	adaptertest.Runs(t, ctx, prices, 2)
	adaptertest.Stored(t, ctx, prices, 0)
}

func TestOptions(t *testing.T) {
	t.Parallel()
	var seen atomic.Int64
	ctx := adaptertest.New(t, func(c *adapter.Config) {
		c.Observer = func(context.Context, adapter.Event) { seen.Add(1) }
		c.SealKeys = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
		c.Backend = "redis://nowhere.invalid:6379"
	})
	price(t, ctx, "tea")
	adaptertest.Stored(t, ctx, prices, 1)
	if seen.Load() == 0 {
		t.Error("the observer was not told")
	}
	if adaptertest.Runtime(ctx) == nil || adaptertest.Now(ctx).IsZero() {
		t.Error("no runtime, or no time")
	}
}

func TestUse(t *testing.T) {
	ctx := adaptertest.Use(t)
	price(t, context.Background(), "tea")
	adaptertest.Miss(t, ctx, prices)
	price(t, context.Background(), "tea")
	adaptertest.Hit(t, ctx, prices)
	adaptertest.Runs(t, ctx, prices, 1)
	t.Run("a test within may have a cache of its own", func(t *testing.T) {
		inner := adaptertest.New(t)
		price(t, inner, "tea")
		adaptertest.Miss(t, inner, prices)
	})
}

func TestUseIsNotForParallelTests(t *testing.T) {
	t.Parallel()
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, "adaptertest.New") {
			t.Errorf("panic %q", r)
		}
	}()
	adaptertest.Use(t)
}

// failing collects what assertions say of a test that is wrong.
type failing struct {
	testing.TB
	said []string
}

func (f *failing) Helper()                   {}
func (f *failing) Errorf(s string, a ...any) { f.said = append(f.said, fmt.Sprintf(s, a...)) }

func TestAssertionsFail(t *testing.T) {
	t.Parallel()
	ctx := adaptertest.New(t)
	price(t, ctx, "tea")
	price(t, ctx, "tea")
	for want, assert := range map[string]func(t testing.TB){
		"the last call was a hit, want a miss (all calls: miss, hit)": func(t testing.TB) { adaptertest.Miss(t, ctx, prices) },
		"the last call was a hit, want a stale":                       func(t testing.TB) { adaptertest.Stale(t, ctx, prices) },
		"the last call was a miss, want a hit":                        func(t testing.TB) { adaptertest.Hit(t, ctx, connections) },
		"ran 1 times, want 2":                                         func(t testing.TB) { adaptertest.Runs(t, ctx, prices, 2) },
		"has 1 entries in the backend, want 3":                        func(t testing.TB) { adaptertest.Stored(t, ctx, prices, 3) },
		"it was not called with this test's context": func(t testing.TB) {
			adaptertest.Hit(t, adaptertest.Container(t, ctx), prices)
		},
	} {
		f := &failing{TB: t}
		assert(f)
		if len(f.said) != 1 || !strings.Contains(f.said[0], want) {
			t.Errorf("said %q, want %q", f.said, want)
		}
	}
}

func TestAContextFromElsewhere(t *testing.T) {
	t.Parallel()
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, "adaptertest.New") {
			t.Errorf("panic %q", r)
		}
	}()
	adaptertest.Advance(context.Background(), time.Second)
}

// A switch of the environment that would make every assertion fail is named.
func TestTheCacheIsSwitchedOff(t *testing.T) {
	if os.Getenv("ADAPTERTEST_CHILD") != "" {
		adaptertest.New(t)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestTheCacheIsSwitchedOff$")
	cmd.Env = append(os.Environ(), "ADAPTERTEST_CHILD=1", "STILLWARM_DISABLE=1")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "STILLWARM_DISABLE=1 switches the cache off") {
		t.Errorf("%v: %s", err, out)
	}
}
