package tiered

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var errAbandoned = errors.New("tiered: reading the generation was abandoned")

var seed = maphash.MakeSeed()

// store is one function's store over all tiers.
type store struct {
	m      *manager
	levels []*level
	shared *shared
	keep   time.Duration // how long a generation may be kept
}

var _ backends.GenerationKeeper = (*store)(nil)

func (s *store) authority() *level { return s.levels[len(s.levels)-1] }
func (s *store) faster() []*level  { return s.levels[:len(s.levels)-1] }

func (s *store) changes(key string) *changes {
	return &s.shared.changes[maphash.String(seed, key)%uint64(len(s.shared.changes))]
}

func (s *store) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if err := s.m.check(ctx); err != nil {
		return nil, 0, err
	}
	before, quiet := s.changes(key).quiet()
	for i, l := range s.faster() {
		f, ok := s.tryFaster(ctx, l, key)
		if !ok {
			if err := ctx.Err(); err != nil {
				return nil, 0, err
			}
			continue
		}
		// Whoever cannot tell the generation has no hit: see the package's documentation.
		g, err := s.shared.keeper.current(ctx, s.keep, s.m.now, s.authority().store.Generation)
		if err != nil {
			return nil, 0, err
		}
		if quiet {
			s.copyTo(ctx, s.levels[:i], key, f, before)
		}
		return f.entry, g, nil
	}
	f, g, err := s.getLast(ctx, key)
	if err == nil && quiet {
		s.copyTo(ctx, s.faster(), key, f, before)
	}
	return f.entry, g, err
}

func (s *store) tryFaster(ctx context.Context, l *level, key string) (f found, ok bool) {
	if !l.awake() {
		return f, false
	}
	err := l.bounded(ctx, 1, func(ctx context.Context) (err error) {
		f, err = l.get(ctx, key)
		return err
	})
	l.learn(ctx, err)
	if err != nil && !errors.Is(err, backends.ErrNotFound) {
		l.report(ctx, "get", err)
	}
	return f, err == nil
}

func (s *store) getLast(ctx context.Context, key string) (found, uint64, error) {
	mark, at := s.shared.keeper.mark(), s.m.now().Add(-s.authorityAge())
	f, err := s.authority().get(ctx, key)
	if err != nil && !errors.Is(err, backends.ErrNotFound) {
		return found{}, 0, err
	}
	return f, s.shared.keeper.hear(f.generation, at, s.m.now(), mark), err
}

// copyTo puts an entry that a slower tier returned into faster ones, unless a Put or Delete of this process has changed
// the key since before: the copy would bring back what is gone.
func (s *store) copyTo(ctx context.Context, levels []*level, key string, f found, before uint64) {
	c := s.changes(key)
	unchanged := func() bool {
		now, quiet := c.quiet()
		return quiet && now == before
	}
	expires := f.expires
	if !f.timed {
		expires = s.m.now().Add(unknownHold)
	}
	for _, l := range levels {
		if l.MaxEntry > 0 && int64(len(f.entry)) > l.MaxEntry || !l.awake() || !unchanged() {
			continue
		}
		err := l.bounded(ctx, writeFactor, func(ctx context.Context) error {
			return l.store.Put(ctx, key, f.entry, l.held(expires))
		})
		if err != nil && !errors.Is(err, backends.ErrTooLarge) {
			l.report(ctx, "copy", err)
		}
		if !unchanged() {
			// Also when the caller has gone: what was overtaken must not stay.
			l.report(context.Background(), "delete", l.bounded(context.WithoutCancel(ctx), writeFactor,
				func(ctx context.Context) error { return l.store.Delete(ctx, key) }))
		}
	}
}

func (s *store) Put(ctx context.Context, key string, entry []byte, expires time.Time) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	defer s.changes(key).begin()()
	errs := make([]error, len(s.levels))
	var wg sync.WaitGroup
	for i, l := range s.levels {
		wg.Go(func() {
			errs[i] = l.bounded(ctx, writeFactor, func(ctx context.Context) error {
				return l.put(ctx, key, entry, expires)
			})
		})
	}
	wg.Wait() // all of them: the slice is the caller's again when we return
	return s.judge(ctx, errs)
}

// judge makes one result of what the tiers said about a Put: one that took the entry is enough.
func (s *store) judge(ctx context.Context, errs []error) error {
	var failed []error
	took := false
	for i, err := range errs {
		switch l := s.levels[i]; {
		case err == nil:
			took = true
		case !errors.Is(err, backends.ErrTooLarge):
			failed = append(failed, fmt.Errorf("%s: %w", l.Name, err))
		}
	}
	switch {
	case took:
		for i, err := range errs {
			if !errors.Is(err, backends.ErrTooLarge) {
				s.levels[i].report(ctx, "put", err)
			}
		}
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case len(failed) == 0:
		return backends.ErrTooLarge
	}
	return errors.Join(failed...)
}

// Delete goes from the slowest tier to the fastest: a copy that another container makes meanwhile, of what it read
// before, is most likely there in time to be deleted too.
func (s *store) Delete(ctx context.Context, key string) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	defer s.changes(key).begin()()
	var errs []error
	for i := len(s.levels) - 1; i >= 0; i-- {
		l := s.levels[i]
		err := l.bounded(ctx, writeFactor, func(ctx context.Context) error { return l.store.Delete(ctx, key) })
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", l.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (s *store) Generation(ctx context.Context) (uint64, error) {
	if err := s.m.check(ctx); err != nil {
		return 0, err
	}
	mark, at := s.shared.keeper.mark(), s.m.now()
	g, err := s.authority().store.Generation(ctx)
	if err != nil {
		return 0, err
	}
	return s.shared.keeper.hear(g, at, s.m.now(), mark), nil
}

// Clear replaces the authority's generation. The other tiers are asked too, for the room that it may free.
func (s *store) Clear(ctx context.Context) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	err := s.authority().store.Clear(ctx)
	s.shared.keeper.forget() // also after an error: it may have been done all the same
	if err != nil {
		return err
	}
	for _, l := range s.faster() {
		l.report(ctx, "clear", l.bounded(ctx, writeFactor, l.store.Clear))
	}
	return nil
}

// GenerationAge is half of the function's NearTTL, or what the authority keeps one for where that is longer.
func (s *store) GenerationAge() time.Duration { return max(s.keep, s.authorityAge()) }

func (s *store) authorityAge() time.Duration {
	if k, ok := s.authority().store.(backends.GenerationKeeper); ok {
		return k.GenerationAge()
	}
	return 0
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
