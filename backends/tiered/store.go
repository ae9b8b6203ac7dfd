package tiered

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/genstate"
)

// store is one function's store over all tiers.
type store struct {
	m      *manager
	levels []*level
	shared *shared
	keep   time.Duration // how long a generation may be kept
}

var (
	_ backends.BatchReader    = (*store)(nil)
	_ backends.Unfenced       = (*store)(nil)
	_ backends.DeadlineKeeper = (*store)(nil)
)

func (s *store) authority() *level { return s.levels[len(s.levels)-1] }
func (s *store) faster() []*level  { return s.levels[:len(s.levels)-1] }

// Put goes to the authority first: what it refuses must not be found in a faster tier either. Then it goes to the others
// side by side; those that do not take it lose what they have.
func (s *store) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	if err := s.m.check(ctx); err != nil {
		return backends.Absent, err
	}
	vs, ok := splitVersion(seen, len(s.levels))
	last := len(s.levels) - 1
	if !ok || !vs[last].known {
		return backends.Absent, fmt.Errorf("tiered: the version was not read for writing: %w", backends.ErrConflict)
	}
	if a := s.authority(); a.MaxEntry > 0 && int64(len(entry)) > a.MaxEntry {
		return backends.Absent, backends.ErrTooLarge
	}
	v, err := s.authority().store.Put(ctx, key, entry, expires, vs[last].v)
	if err != nil {
		return backends.Absent, err
	}
	vs[last].v = v
	var wg sync.WaitGroup
	for i, l := range s.faster() {
		wg.Go(func() { vs[i] = s.putFaster(ctx, i, l, key, entry, expires, vs[i]) })
	}
	wg.Wait() // all of them: the slice is the caller's again when we return
	return join(vs), nil
}

// putFaster returns the version that the tier has afterwards.
func (s *store) putFaster(ctx context.Context, i int, l *level, key string, entry []byte, expires time.Time, seen slotVersion) slotVersion {
	err := backends.ErrConflict
	if seen.known && (l.MaxEntry == 0 || int64(len(entry)) <= l.MaxEntry) {
		point := s.shared.untold.begin()
		var v backends.Version
		err = l.bounded(ctx, writeFactor, func(ctx context.Context) (err error) {
			v, err = l.store.Put(ctx, key, entry, l.held(expires), seen.v)
			return err
		})
		if err == nil {
			s.shared.untold.told(i, key, point)
			return slotVersion{known: true, v: v}
		}
	}
	if !errors.Is(err, backends.ErrConflict) && !errors.Is(err, backends.ErrTooLarge) {
		l.report(ctx, "put", err)
	}
	_ = s.tell(ctx, i, l, key)
	return slotVersion{}
}

// tell invalidates the key in one tier, and remembers where that fails.
func (s *store) tell(ctx context.Context, i int, l *level, key string) error {
	point := s.shared.untold.begin()
	err := l.bounded(ctx, writeFactor, func(ctx context.Context) error { return l.store.Invalidate(ctx, key) })
	if err != nil {
		s.shared.untold.add(i, key)
		l.report(ctx, "invalidate", err)
		return fmt.Errorf("%s: %w", l.Name, err)
	}
	s.shared.untold.told(i, key, point)
	return nil
}

// Invalidate goes to the authority first: a reader that copies what the authority had before saw what the faster tier has
// before its own tombstone, so the copy is refused.
func (s *store) Invalidate(ctx context.Context, key string) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	last := len(s.levels) - 1
	errs := make([]error, len(s.levels))
	errs[last] = s.tell(ctx, last, s.authority(), key)
	var wg sync.WaitGroup
	for i, l := range s.faster() {
		wg.Go(func() { errs[i] = s.tell(ctx, i, l, key) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(errs...)
}

// Delete deletes in each tier whose version is known.
func (s *store) Delete(ctx context.Context, key string, seen backends.Version) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	vs, ok := splitVersion(seen, len(s.levels))
	if !ok || seen == backends.Absent {
		return nil
	}
	var errs []error
	for i := len(s.levels) - 1; i >= 0; i-- {
		l := s.levels[i]
		if !vs[i].known || vs[i].v == backends.Absent {
			continue
		}
		err := l.bounded(ctx, writeFactor, func(ctx context.Context) error { return l.store.Delete(ctx, key, vs[i].v) })
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
	if err := s.settle(ctx); err != nil {
		return 0, err
	}
	read := s.shared.generation.Begin(s.m.nanos())
	g, err := s.authority().store.Generation(ctx)
	if err != nil {
		return 0, err
	}
	return s.observe(read, g, 0), nil
}

// observe notes what the authority said and returns what is current as far as is known now. A generation that came back
// is returned as it is, and not kept: who asked has to see it.
func (s *store) observe(r genstate.Read, generation uint64, age time.Duration) uint64 {
	if known, o := s.shared.generation.Observe(r, generation, age); o == genstate.Older {
		return known
	}
	return generation
}

// Clear replaces the authority's generation. The other tiers are asked too, for the room that it may free.
func (s *store) Clear(ctx context.Context) (uint64, error) {
	if err := s.m.check(ctx); err != nil {
		return 0, err
	}
	g, err := s.clearAuthority(ctx)
	if err != nil {
		return 0, err
	}
	for _, l := range s.faster() {
		l.report(ctx, "clear", l.bounded(ctx, writeFactor, func(ctx context.Context) error {
			_, err := l.store.Clear(ctx)
			return err
		}))
	}
	return g, nil
}

func (s *store) clearAuthority(ctx context.Context) (uint64, error) {
	s.shared.generation.Forget()
	point := s.shared.untold.begin()
	read := s.shared.generation.Begin(s.m.nanos())
	g, err := s.authority().store.Clear(ctx)
	if err != nil {
		s.shared.generation.Forget() // it may have been done all the same
		return 0, err
	}
	s.shared.generation.Observe(read, g, 0)
	s.shared.untold.cleared(point)
	return g, nil
}

// settle clears the function where more keys than can be remembered could not be told to some tier.
func (s *store) settle(ctx context.Context) error {
	if !s.shared.untold.due() {
		return nil
	}
	_, err := s.clearAuthority(ctx)
	return err
}

// KeepsDeadlines implements [backends.DeadlineKeeper] where every tier does.
func (s *store) KeepsDeadlines() bool {
	for _, l := range s.levels {
		if !l.keepsDeadlines {
			return false
		}
	}
	return true
}

// Unfenced reports whether any tier is known to write without conditions.
func (s *store) Unfenced() bool {
	for _, l := range s.levels {
		if u, ok := l.store.(backends.Unfenced); ok && u.Unfenced() {
			return true
		}
	}
	return false
}
