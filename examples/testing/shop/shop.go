// Package shop is code with cached functions, as docs/testing.md tests it.
package shop

import (
	"context"
	"errors"
	"fmt"

	"github.com/stillwarm/stillwarm/adapter"
)

// Upstream is where prices come from.
type Upstream interface {
	Price(ctx context.Context, item string) (int, error)
}

type upstreamKey struct{}

// WithUpstream returns a context whose prices come from u.
func WithUpstream(ctx context.Context, u Upstream) context.Context {
	return context.WithValue(ctx, upstreamKey{}, u)
}

var prices = adapter.CacheData(fetchPrice, adapter.TTL("1m"), adapter.FailSafe("1h"))

func fetchPrice(ctx context.Context, item string) (int, error) {
	u, _ := ctx.Value(upstreamKey{}).(Upstream)
	if u == nil {
		return 0, errors.New("shop: no upstream")
	}
	return u.Price(ctx, item)
}

// Label returns what stands at the shelf.
func Label(ctx context.Context, item string) (string, error) {
	cents, err := prices.Get(ctx, item)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d.%02d", item, cents/100, cents%100), nil
}
