//go:build !race

// The race detector allocates on its own account, so these tests run without it.

package adapter_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// quoteQuery and quote hold no memory that anybody can change: strings are values.
type quoteQuery struct {
	Symbol, Currency, Venue string
	From, To                int64
	Depth                   *int64
}

type quote struct {
	Symbol, Venue string
	Bid, Ask      float64
	Sizes         [12]int64
	Halted        bool
}

type quoteList struct{ Quotes []quote }

func flatQuote(_ context.Context, in quoteQuery) (quote, error) {
	return quote{Symbol: in.Symbol, Bid: 1.5}, nil
}

// allocations returns how much a hit of d allocates, and fails the test if one of the calls was no hit in memory.
func allocations[In, Out any](t *testing.T, ctx context.Context, d *adapter.Data[In, Out], in In) float64 {
	t.Helper()
	get := func() {
		if _, err := d.Get(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	get()
	const runs, rounds = 200, 3
	before, least := d.Stats(), math.Inf(1)
	for range rounds { // the first may run beside the write of the first result
		least = min(least, testing.AllocsPerRun(runs, get))
	}
	if got := d.Stats().MemoryHits - before.MemoryHits; got != rounds*(runs+1) { // AllocsPerRun calls once to warm up
		t.Fatalf("%d hits in memory of %d calls", got, rounds*(runs+1))
	}
	return least
}

func data[In, Out any](t *testing.T, c *container, fn func(context.Context, In) (Out, error), opts ...adapter.DataOption) *adapter.Data[In, Out] {
	t.Helper()
	d, err := adapter.NewData(fn, append(opts, adapter.WithRuntime(c.Runtime), adapter.Name(t.Name()))...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAllocHitOfAPointerFreeValueAllocatesNothing(t *testing.T) {
	depth := int64(5)
	in := quoteQuery{Symbol: "ACME", Currency: "EUR", Venue: "XETRA", From: 1, To: 2, Depth: &depth}
	for name, opts := range map[string][]adapter.DataOption{
		"without a ttl":          nil,
		"with a ttl":             {adapter.TTL(time.Hour)},
		"with a stale window":    {adapter.TTL(time.Hour), adapter.StaleFor(time.Hour)},
		"with bounds of its own": {adapter.MaxEntries(10), adapter.MaxSize("1MB")},
		"with a scope":           {adapter.Scope(func(context.Context) string { return "tenant-1" })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Run("in memory only", func(t *testing.T) {
				if n := allocations(t, t.Context(), data(t, newWorld(t).alone(), flatQuote, opts...), in); n != 0 {
					t.Errorf("%v allocations", n)
				}
			})
			t.Run("with a backend", func(t *testing.T) {
				if n := allocations(t, t.Context(), data(t, newWorld(t).container(), flatQuote, opts...), in); n != 0 {
					t.Errorf("%v allocations", n)
				}
			})
			t.Run("within an invocation", func(t *testing.T) {
				ctx, inv := invocation.Begin(t.Context(), invocation.Options{RequestID: "r", AfterResponse: true})
				if n := allocations(t, ctx, data(t, newWorld(t).container(), flatQuote, opts...), in); n != 0 {
					t.Errorf("%v allocations", n)
				}
				inv.Finish(ctx)
			})
		})
	}
	t.Run("with the real clock", func(t *testing.T) {
		c := newWorld(t).alone(func(c *adapter.Config) { c.Clock = nil })
		if n := allocations(t, t.Context(), data(t, c, flatQuote, adapter.TTL(time.Hour)), in); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
	t.Run("of an argument whose key is a digest", func(t *testing.T) {
		long := in
		long.Venue = string(make([]byte, 4000))
		if n := allocations(t, t.Context(), data(t, newWorld(t).alone(), flatQuote), long); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

func TestAllocHitAllocatesTheCopyAndNothingElse(t *testing.T) {
	t.Run("a slice of a hundred structs is one allocation", func(t *testing.T) {
		hundred := func(context.Context, string) (quoteList, error) { return quoteList{make([]quote, 100)}, nil }
		if n := allocations(t, t.Context(), data(t, newWorld(t).container(), hundred), "x"); n != 1 {
			t.Errorf("%v allocations, want 1", n)
		}
	})
	t.Run("bytes are one allocation", func(t *testing.T) {
		bytes := func(context.Context, adapter.None) ([]byte, error) { return make([]byte, 4<<10), nil }
		if n := allocations(t, t.Context(), data(t, newWorld(t).alone(), bytes), adapter.None{}); n != 1 {
			t.Errorf("%v allocations, want 1", n)
		}
	})
	t.Run("a string is none", func(t *testing.T) {
		text := func(context.Context, int) (string, error) { return "some text", nil }
		if n := allocations(t, t.Context(), data(t, newWorld(t).alone(), text), 7); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
