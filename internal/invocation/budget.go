package invocation

import (
	"context"
	"sync"
	"time"
)

// share is the part of an invocation's time that all waiting before runs may take together: an eighth.
const share = 8

// Budget bounds how long an invocation waits, over all its cached calls, before functions run: for lookups, for leases,
// and for other containers whose run time is not known. Calls that wait at the same time are counted once. It is safe
// for concurrent use.
type Budget struct {
	mu     sync.Mutex
	total  time.Duration
	spent  time.Duration
	active int
	since  time.Time
}

// BudgetOf returns the budget of ctx's invocation, made at its first cached call, or one for this call alone. It is an
// eighth of the time that ctx has left; where ctx has no deadline it is fallback.
func BudgetOf(ctx context.Context, fallback time.Duration) *Budget {
	inv := From(ctx)
	if inv == nil {
		return newBudget(ctx, fallback)
	}
	inv.mu.Lock()
	defer inv.mu.Unlock()
	if inv.budget == nil {
		inv.budget = newBudget(ctx, fallback)
	}
	return inv.budget
}

func newBudget(ctx context.Context, fallback time.Duration) *Budget {
	b := new(Budget)
	b.Begin(ctx, fallback)
	return b
}

// Begin makes the zero Budget one of its own: an eighth of the time that ctx has left, or fallback where ctx has no deadline.
func (b *Budget) Begin(ctx context.Context, fallback time.Duration) {
	b.total = fallback
	if deadline, ok := ctx.Deadline(); ok {
		b.total = max(0, time.Until(deadline)/share)
	}
}

// Left returns what is left.
func (b *Budget) Left() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left()
}

func (b *Budget) left() time.Duration {
	left := b.total - b.spent
	if b.active > 0 {
		left -= time.Since(b.since)
	}
	return max(0, left)
}

// Enter begins to spend and returns what is left. [Budget.Leave] ends it.
func (b *Budget) Enter() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.active++; b.active == 1 {
		b.since = time.Now()
	}
	return b.left()
}

// Leave ends what Enter began.
func (b *Budget) Leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.active--; b.active == 0 {
		b.spent += time.Since(b.since)
	}
}
