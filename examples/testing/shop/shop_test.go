package shop

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter/adaptertest"
)

// upstream is a price that a test sets.
type upstream struct {
	cents int
	err   error
}

func (u *upstream) Price(context.Context, string) (int, error) { return u.cents, u.err }

func label(ctx context.Context, t *testing.T) string {
	t.Helper()
	s, err := Label(ctx, "tea")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPricesAreCachedForAMinute(t *testing.T) {
	t.Parallel()
	u := &upstream{cents: 250}
	ctx := WithUpstream(adaptertest.New(t), u)

	label(ctx, t)
	adaptertest.Miss(t, ctx, prices)

	u.cents = 275
	adaptertest.Advance(ctx, 59*time.Second)
	if got := label(ctx, t); got != "tea 2.50" {
		t.Errorf("within the ttl: %s", got)
	}
	adaptertest.Hit(t, ctx, prices)

	adaptertest.Advance(ctx, time.Second)
	if got := label(ctx, t); got != "tea 2.75" {
		t.Errorf("after the ttl: %s", got)
	}
	adaptertest.Runs(t, ctx, prices, 2)
}

func TestThePriceOutlivesTheUpstream(t *testing.T) {
	t.Parallel()
	u := &upstream{cents: 250}
	ctx := WithUpstream(adaptertest.New(t), u)
	label(ctx, t)

	u.err = errors.New("upstream is down")
	adaptertest.Advance(ctx, 2*time.Minute)
	if got := label(ctx, t); got != "tea 2.50" {
		t.Errorf("label %s", got)
	}
	adaptertest.Stale(t, ctx, prices)
}

func TestTheShopSellsWithoutItsCache(t *testing.T) {
	t.Parallel()
	ctx := WithUpstream(adaptertest.New(t), &upstream{cents: 250})

	adaptertest.Down(ctx)
	if got := label(ctx, t); got != "tea 2.50" {
		t.Errorf("label %s", got)
	}
	adaptertest.Stored(t, ctx, prices, 0)

	adaptertest.Up(ctx)
	if err := prices.Clear(ctx); err != nil {
		t.Fatal(err)
	}
	label(ctx, t)
	adaptertest.Stored(t, ctx, prices, 1)
}

func TestAnotherContainerFindsThePrice(t *testing.T) {
	t.Parallel()
	ctx := WithUpstream(adaptertest.New(t), &upstream{cents: 250})
	label(ctx, t)
	adaptertest.Settle(ctx)

	cold := adaptertest.Container(t, ctx)
	label(cold, t)
	adaptertest.Hit(t, cold, prices)
	adaptertest.Runs(t, cold, prices, 0)
}
