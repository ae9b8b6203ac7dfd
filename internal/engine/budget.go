package engine

import (
	"context"

	"github.com/stillwarm/stillwarm/internal/invocation"
)

// ownBudget is the budget of a call outside of an invocation, made when it is first needed.
type ownBudget struct {
	budget invocation.Budget
	made   bool
}

// of returns the budget for what happens before runs: the invocation's, or outside of one the call's own.
func (o *ownBudget) of(ctx context.Context, f *Function) *invocation.Budget {
	if invocation.From(ctx) != nil {
		return invocation.BudgetOf(ctx, f.env.BackendTimeout)
	}
	if !o.made {
		o.made = true
		o.budget.Begin(ctx, f.env.BackendTimeout)
	}
	return &o.budget
}

// budget is the lookup's, or that of the batch that it belongs to: a GetAll is one call.
func (f *Function) budget(ctx context.Context, l *Lookup) *invocation.Budget {
	if l.batchWaits != nil {
		return l.batchWaits.of(ctx, f)
	}
	return l.waits.of(ctx, f)
}
