package tiered

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

const (
	failuresToOpen = 3
	openFor        = 5 * time.Second
)

// tier is one backend with what the manager knows about its health.
type tier struct {
	Tier
	m    *manager
	last bool

	mu       sync.Mutex
	failures int       // in a row
	resting  time.Time // reads leave it alone until then
}

// level is a tier's store of one function.
type level struct {
	*tier
	store  backends.Store
	expiry backends.ExpiryGetter // nil where the store does not know
}

func newLevel(t *tier, s backends.Store) *level {
	x, _ := s.(backends.ExpiryGetter)
	return &level{tier: t, store: s, expiry: x}
}

// found is an entry as a tier returned it.
type found struct {
	entry      []byte
	generation uint64
	expires    time.Time
	timed      bool // expires is known
}

func (l *level) get(ctx context.Context, key string) (f found, err error) {
	if l.expiry != nil {
		f.timed = true
		f.entry, f.generation, f.expires, err = l.expiry.GetExpiry(ctx, key)
		return f, err
	}
	f.entry, f.generation, err = l.store.Get(ctx, key)
	return f, err
}

// put stores the entry for as long as this tier may hold it. A tier that refuses it as too large loses the entry that
// it has under the key: that one would hide the new entry in the slower tiers.
func (l *level) put(ctx context.Context, key string, entry []byte, expires time.Time) error {
	err := backends.ErrTooLarge
	if l.MaxEntry == 0 || int64(len(entry)) <= l.MaxEntry {
		err = l.store.Put(ctx, key, entry, l.held(expires))
	}
	if errors.Is(err, backends.ErrTooLarge) {
		l.report(ctx, "delete", l.store.Delete(ctx, key))
	}
	return err
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

// awake reports whether a read may ask this tier. After a rest one read tries while the others still pass it over.
func (t *tier) awake() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failures < failuresToOpen {
		return true
	}
	now := t.m.now()
	// A clock that stepped back must not lengthen the rest.
	if now.Before(t.resting) && t.resting.Sub(now) <= openFor {
		return false
	}
	t.resting = now.Add(openFor)
	return true
}

// learn notes how a read from this tier went.
func (t *tier) learn(ctx context.Context, err error) {
	failed := err != nil && !errors.Is(err, backends.ErrNotFound)
	if failed && ctx.Err() != nil {
		return // the caller left; that says nothing about the tier
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !failed {
		t.failures = 0
		return
	}
	t.failures = min(t.failures+1, failuresToOpen)
	if t.failures == failuresToOpen {
		t.resting = t.m.now().Add(openFor)
	}
}
