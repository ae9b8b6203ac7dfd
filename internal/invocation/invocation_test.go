package invocation_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stillwarm/stillwarm/internal/invocation"
)

func TestInvocation(t *testing.T) {
	holding := invocation.Options{RequestID: "r", TenantID: "t", AfterResponse: true}
	t.Run("the context carries it", func(t *testing.T) {
		ctx, inv := invocation.Begin(t.Context(), holding)
		defer inv.Finish(ctx)
		if got := invocation.From(ctx); got != inv || got.RequestID() != "r" || got.TenantID() != "t" {
			t.Fatal(got)
		}
		if invocation.From(t.Context()) != nil {
			t.Fatal("out of nowhere")
		}
	})
	t.Run("jobs run at Finish, those that jobs leave too, and ends after all of them", func(t *testing.T) {
		ctx, inv := invocation.Begin(t.Context(), holding)
		var order []string
		inv.OnEnd("x", func() { order = append(order, "end") })
		inv.After(func(ctx context.Context) {
			order = append(order, "job")
			if invocation.From(ctx) != inv {
				t.Error("the job's context does not carry the invocation")
			}
			inv.After(func(context.Context) { order = append(order, "job of a job") })
		})
		if len(order) != 0 || !inv.Pending() {
			t.Fatal(order)
		}
		inv.Finish(ctx)
		inv.Finish(ctx)
		if want := []string{"job", "job of a job", "end"}; !slices.Equal(order, want) {
			t.Fatal(order)
		}
	})
	t.Run("L3 before the response, what only a later time is worth is dropped", func(t *testing.T) {
		for _, before := range []bool{true, false} {
			ctx, inv := invocation.Begin(t.Context(), holding)
			var did, dropped, wrote int
			inv.AfterResponse(func(context.Context) { did++ }, func() { dropped++ })
			inv.After(func(context.Context) { wrote++ })
			finish := inv.Finish
			if before {
				finish = inv.FinishBeforeResponse
			}
			finish(ctx)
			finish(ctx)
			if (dropped == 1) != before || (did == 1) == before || wrote != 1 {
				t.Fatalf("before %v: did %d, dropped %d, wrote %d", before, did, dropped, wrote)
			}
			if inv.AfterResponse(func(context.Context) {}, func() {}) {
				t.Fatal("taken after the end")
			}
		}
		if (*invocation.Invocation)(nil).AfterResponse(func(context.Context) {}, func() {}) {
			t.Fatal("nil took a job")
		}
	})
	t.Run("jobs run side by side", func(t *testing.T) {
		ctx, inv := invocation.Begin(t.Context(), holding)
		a, b := make(chan struct{}), make(chan struct{})
		inv.After(func(context.Context) { close(a); <-b })
		inv.After(func(context.Context) { close(b); <-a })
		inv.Finish(ctx)
	})
	t.Run("one end per key", func(t *testing.T) {
		ctx, inv := invocation.Begin(t.Context(), holding)
		var n atomic.Int64
		for i := range 3 {
			if added, ok := inv.OnEnd("k", func() { n.Add(1) }); added != (i == 0) || !ok {
				t.Fatal(i, added, ok)
			}
		}
		inv.Finish(ctx)
		if n.Load() != 1 {
			t.Fatal(n.Load())
		}
	})
	t.Run("over, it takes nothing any more", func(t *testing.T) {
		ctx, inv := invocation.Begin(t.Context(), holding)
		inv.Finish(ctx)
		if inv.After(func(context.Context) {}) {
			t.Error("took a job")
		}
		if _, ok := inv.OnEnd("k", func() {}); ok {
			t.Error("took an end")
		}
	})
	t.Run("without a time after the response it takes ends, but no jobs", func(t *testing.T) {
		ctx, inv := invocation.Begin(t.Context(), invocation.Options{})
		if inv.After(func(context.Context) {}) || inv.Holds() {
			t.Error("took a job")
		}
		ended := false
		inv.OnEnd("k", func() { ended = true })
		inv.Finish(ctx)
		if !ended {
			t.Error("no end")
		}
	})
	t.Run("none at all answers, too", func(t *testing.T) {
		var none *invocation.Invocation
		if none.After(nil) || none.Holds() || none.RequestID() != "" || none.TenantID() != "" {
			t.Fatal("nil took something")
		}
		if added, ok := none.OnEnd("k", nil); added || ok {
			t.Fatal("nil took an end")
		}
	})
}
