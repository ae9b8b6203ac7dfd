package memory

import (
	"context"
	"slices"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// store is one function's view of a place.
type store struct {
	m  *Manager
	id fnID
}

var (
	_ backends.Pruner       = (*Manager)(nil)
	_ backends.Leaser       = (*store)(nil)
	_ backends.Lister       = (*store)(nil)
	_ backends.ExpiryGetter = (*store)(nil)
)

func (s *store) at(key string) address { return address{s.id, key} }

func (s *store) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	b, g, _, err := s.GetExpiry(ctx, key)
	return b, g, err
}

func (s *store) GetExpiry(ctx context.Context, key string) ([]byte, uint64, time.Time, error) {
	if err := s.m.check(ctx); err != nil {
		return nil, 0, time.Time{}, err
	}
	b, g, expires, err := s.m.place.get(s.at(key))
	return slices.Clone(b), g, expires, err // cloned outside the lock
}

func (s *store) Put(ctx context.Context, key string, entry []byte, expires time.Time) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	own := make([]byte, len(entry)) // exactly as large as the bound counts
	copy(own, entry)
	return s.m.place.put(s.at(key), own, expires)
}

func (s *store) Delete(ctx context.Context, key string) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	s.m.place.delete(s.at(key))
	return nil
}

func (s *store) Generation(ctx context.Context) (uint64, error) {
	if err := s.m.check(ctx); err != nil {
		return 0, err
	}
	return s.m.place.generation(s.id), nil
}

func (s *store) Clear(ctx context.Context) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	s.m.place.clear(s.id)
	return nil
}

func (s *store) List(ctx context.Context, yield func(backends.Info) bool) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	for _, e := range s.m.place.living(func(id fnID) bool { return id == s.id }) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !yield(backends.Info{Key: e.at.key, Size: int64(len(e.bytes)), Expires: e.expires}) {
			return nil
		}
	}
	return nil
}
