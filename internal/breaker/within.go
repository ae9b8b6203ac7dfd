package breaker

import (
	"context"
	"time"
)

// Within is [Breaker.Before] with a bound of the caller's choice, at most the breaker's own. An operation that the bound
// cuts off counts as failed: a backend that does not answer within what a call can spare is no help.
func (g *Breaker) Within(ctx context.Context, bound time.Duration, op func(ctx context.Context, deadline time.Time) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	if rest := g.restTill.Load(); rest != 0 && now.UnixNano() < rest {
		return ErrOpen
	}
	bound = min(bound, g.timeout)
	tried := false
	var err error
	_, _ = g.breaker.Load().Execute(func() (struct{}, error) {
		tried = true
		err = guarded(ctx, now.Add(bound), op)
		return struct{}{}, g.judge(ctx, err, false)
	})
	if !tried {
		return ErrOpen
	}
	return err
}

// Timeout is the breaker's own bound.
func (g *Breaker) Timeout() time.Duration { return g.timeout }
