package backends

import (
	"context"
	"time"
)

// ExpiryGetter is implemented by a [Store] that knows when the entry that it returns expires. Tiers use it to give a
// copy in a faster tier the rest of the entry's life, and no more.
type ExpiryGetter interface {
	// GetExpiry is [Store.Get] that also returns when the entry expires; the zero time means never.
	GetExpiry(ctx context.Context, key string) (entry []byte, generation uint64, expires time.Time, err error)
}
