package invocation_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/internal/invocation"
)

func TestBudget(t *testing.T) {
	inBubble := func(name string, f func(t *testing.T, b *invocation.Budget)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
				defer cancel()
				ctx, inv := invocation.Begin(ctx, invocation.Options{RequestID: "r"})
				defer inv.Finish(ctx)
				f(t, invocation.BudgetOf(ctx, time.Hour))
				if again := invocation.BudgetOf(ctx, time.Hour); again != invocation.BudgetOf(ctx, time.Hour) {
					t.Error("an invocation has several budgets")
				}
			})
		})
	}
	inBubble("W2 what one lookup has spent, the next one lacks", func(t *testing.T, b *invocation.Budget) {
		for _, want := range []time.Duration{time.Second, 600 * time.Millisecond, 200 * time.Millisecond, 0, 0} {
			if left := b.Enter(); left != want {
				t.Errorf("%v left, want %v", left, want)
			}
			time.Sleep(400 * time.Millisecond)
			b.Leave()
		}
	})
	inBubble("W2 lookups that wait at the same time are counted once", func(t *testing.T, b *invocation.Budget) {
		b.Enter()
		time.Sleep(300 * time.Millisecond)
		if left := b.Enter(); left != 700*time.Millisecond {
			t.Errorf("%v left for the second", left)
		}
		time.Sleep(200 * time.Millisecond)
		b.Leave()
		b.Leave()
		if left := b.Left(); left != 500*time.Millisecond {
			t.Errorf("%v left", left)
		}
	})
}
