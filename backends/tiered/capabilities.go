package tiered

import (
	"context"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

type (
	leasingStore struct {
		*store
		leasing
	}
	listingStore struct {
		*store
		listing
	}
	leasingListingStore struct {
		*store
		leasing
		listing
	}
)

// leasing takes leases in one tier.
type leasing struct {
	owner *manager
	tier  backends.Leaser
}

// Lease implements [backends.Leaser].
func (l leasing) Lease(ctx context.Context, key string, ttl time.Duration) (backends.Lease, error) {
	if err := l.owner.check(ctx); err != nil {
		return nil, err
	}
	return l.tier.Lease(ctx, key, ttl)
}

// listing lists what any tier has.
type listing struct{ of *store }

// List implements [backends.Lister]: the last tier's entries, then those that only a faster one has.
func (l listing) List(ctx context.Context, yield func(backends.Info) bool) error {
	if err := l.of.m.check(ctx); err != nil {
		return err
	}
	seen := make(map[string]bool)
	more := true
	for i := len(l.of.levels) - 1; i >= 0 && more; i-- {
		level := l.of.levels[i]
		lister, ok := level.store.(backends.Lister)
		if !ok {
			continue
		}
		err := lister.List(ctx, func(info backends.Info) bool {
			if seen[info.Key] {
				return true
			}
			seen[info.Key] = true
			more = yield(info)
			return more
		})
		if err == nil {
			continue
		}
		if level.last || ctx.Err() != nil {
			return err
		}
		level.report(ctx, "list", err)
	}
	return nil
}
