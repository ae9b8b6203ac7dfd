package adapter_test

import (
	"context"
	"testing"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

func TestAfterInvocation(t *testing.T) {
	ctx, inv := invocation.Begin(t.Context(), invocation.Options{AfterResponse: true})
	var order []string
	inv.After(func(context.Context) { order = append(order, "work after the response") })
	for range 2 {
		if !adapter.AfterInvocation(ctx, t, func(context.Context) { order = append(order, "end") }) {
			t.Error("refused while the invocation runs")
		}
	}
	inv.Finish(ctx)
	if len(order) != 2 || order[1] != "end" {
		t.Errorf("order %q", order)
	}
	for name, over := range map[string]context.Context{"an invocation that is over": ctx, "no invocation": t.Context()} {
		if adapter.AfterInvocation(over, t, func(context.Context) { t.Error("called") }) {
			t.Errorf("%s: accepted", name)
		}
	}
}
