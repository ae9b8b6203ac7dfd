package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
)

// Invalidate makes every entry that depends on one of the records a miss: in this container at once, elsewhere within
// NearTTL. An error says that the backend could not be told; it is told before anything there is believed.
//
// What is read from the backend meanwhile may have been read before the backend was told, so the records are entered
// here once more when it was, or when it is owed. A read takes its point before it asks what is owed: it either finds
// the new records, or tells them itself, or its point lies before the second entry and nothing keeps what it brought.
func (r *Records) Invalidate(ctx context.Context, names ...string) error {
	r.local.Invalidate(names...)
	recs := r.open.Load()
	if recs == nil {
		return nil
	}
	err := r.tell(ctx, *recs, names, r.env.Writes.Timeout())
	if err != nil {
		r.owe(names)
	}
	r.local.Invalidate(names...)
	return err
}

// tell tells the backend of invalidations.
func (r *Records) tell(ctx context.Context, recs backends.Records, names []string, within time.Duration) error {
	return r.env.Writes.Within(ctx, within, func(ctx context.Context, deadline time.Time) error {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		return invalidation.Tell(ctx, recs, names, freshness.Time(r.env.Now()))
	})
}

// owe remembers invalidations that could not be told. There are no more names than tags have records.
func (r *Records) owe(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending == nil {
		r.pending = map[string]uint64{}
	}
	r.failed++
	for _, name := range names {
		r.pending[name] = r.failed
	}
	r.owing.Store(true)
}

// owes reports whether one of the records has an invalidation that could not be told.
func (r *Records) owes(refs []invalidation.Ref) bool {
	if !r.owing.Load() {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ref := range refs {
		if _, owed := r.pending[ref.Name]; owed {
			return true
		}
	}
	return false
}

// owed returns some of the names that are owed, and the number of the latest invalidation.
func (r *Records) owed() (names []string, upTo uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.pending {
		if names = append(names, name); len(names) >= toldAtOnce {
			break
		}
	}
	return names, r.failed
}

// told forgets names that were told, except those with an invalidation that failed since.
func (r *Records) told(names []string, upTo uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range names {
		if r.pending[name] <= upTo {
			delete(r.pending, name)
		}
	}
	r.owing.Store(len(r.pending) > 0)
}

// toldAtOnce bounds what one request tells of the invalidations that are owed.
const toldAtOnce = 1024

// settle tells the backend of invalidations that it could not be told before, and reports whether tagged entries there
// may be believed.
func (r *Records) settle(ctx context.Context, within time.Duration) bool {
	if !r.owing.Load() {
		return true
	}
	recs := r.open.Load()
	if recs == nil {
		return true
	}
	for start := time.Now(); r.owing.Load(); {
		names, upTo := r.owed()
		if len(names) == 0 {
			break
		}
		left := within - time.Since(start)
		if left <= 0 || r.tell(ctx, *recs, names, left) != nil {
			return false
		}
		r.told(names, upTo)
	}
	return true
}

func (r *Records) do(ctx context.Context, within time.Duration, op func(context.Context) error) error {
	return r.env.Reads.Within(ctx, within, func(ctx context.Context, deadline time.Time) error {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		return op(ctx)
	})
}

// InvalidateTags makes every entry that has one of the tags a miss, whichever of the functions made it: here at once,
// elsewhere within NearTTL. Each backend of the functions is told once.
func InvalidateTags(ctx context.Context, functions []*Function, tags []string) error {
	names := make([]string, len(tags))
	for i, tag := range tags {
		names[i] = invalidation.TagRecord(tag)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	told := map[*Records]bool{}
	var errs []error
	for _, f := range functions { // before any is told
		f.connect(ctx)
	}
	for _, f := range functions {
		if told[f.records] {
			continue
		}
		told[f.records] = true
		for _, tag := range tags {
			f.records.tags.learn(invalidation.TagRecord(tag), tag)
		}
		errs = append(errs, f.records.Invalidate(ctx, names...))
	}
	return errors.Join(errs...)
}
