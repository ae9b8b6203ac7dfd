package breaker

import (
	"context"
	"fmt"
	"time"
)

// guarded runs op; a panic of the backend is an error like any other.
func guarded(ctx context.Context, deadline time.Time, op func(context.Context, time.Time) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the backend panicked: %v", r)
		}
	}()
	return op(ctx, deadline)
}
