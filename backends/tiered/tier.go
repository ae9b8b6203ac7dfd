package tiered

import (
	"context"
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/breaker"
)

// tier is one backend with what the manager knows about its health.
type tier struct {
	Tier
	m    *manager
	last bool
	// reads bounds what is asked of a faster tier, and stops asking while it fails.
	reads *breaker.Breaker
}

// level is a tier's store of one function.
type level struct {
	*tier
	store          backends.Store
	keepsDeadlines bool
}

func newLevel(t *tier, s backends.Store) *level {
	k, ok := s.(backends.DeadlineKeeper)
	return &level{tier: t, store: s, keepsDeadlines: ok && k.KeepsDeadlines()}
}

// read asks the tier for the slots. known, which may be nil, are the versions that the caller of one key has.
func (l *level) read(ctx context.Context, xs []*reading, o backends.ReadOptions, known []slotVersion, i int) ([]backends.Reading, []error, error) {
	if !l.keepsDeadlines && !o.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, o.Deadline)
		defer cancel()
	}
	if len(xs) == 1 {
		o.IfChanged = backends.Absent
		if known != nil && known[i].known {
			o.IfChanged = known[i].v
		}
		r, err := l.store.Read(ctx, xs[0].key, o)
		return []backends.Reading{r}, nil, err
	}
	keys := make([]string, len(xs))
	for j, x := range xs {
		keys[j] = x.key
	}
	return backends.ReadAll(ctx, l.store, keys, o)
}

func (l *level) held(expires time.Time) time.Time {
	if l.Hold == 0 || l.last {
		return expires
	}
	if until := l.m.now().Add(l.Hold); expires.IsZero() || until.Before(expires) {
		return until
	}
	return expires
}

// bounded calls do with a share of the context's time, so that a tier that hangs leaves time for the others. The last
// tier gets all of it.
func (t *tier) bounded(ctx context.Context, factor int, do func(context.Context) error) error {
	if t.last {
		return do(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, t.Timeout*time.Duration(factor))
	defer cancel()
	return do(ctx)
}

// report observes an error that no caller will see. One that follows from the caller's own context is no news.
func (t *tier) report(ctx context.Context, op string, err error) {
	if err != nil && ctx.Err() == nil {
		t.m.observe(Failure{Tier: t.Name, Op: op, Err: err})
	}
}

// reportCopy observes a copy that failed. One that was overtaken, or is too large, is no news.
func (t *tier) reportCopy(ctx context.Context, err error) {
	if !errors.Is(err, backends.ErrConflict) && !errors.Is(err, backends.ErrTooLarge) {
		t.report(ctx, "copy", err)
	}
}
