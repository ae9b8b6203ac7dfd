package backendstest

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// ErrNone is what Get returns where there is no entry.
var ErrNone = errors.New("no entry")

// Get reads a key's entry and the generation, for tests that need no more of a reading.
func Get(ctx context.Context, s backends.Store, key string) (entry []byte, generation uint64, err error) {
	r, err := s.Read(ctx, key, backends.ReadOptions{})
	if err == nil && r.Entry == nil {
		err = ErrNone
	}
	return r.Entry, r.Generation, err
}

// Put replaces whatever is there, as a writer does who has just looked.
func Put(ctx context.Context, s backends.Store, key string, entry []byte, expires time.Time) error {
	for {
		r, err := s.Read(ctx, key, backends.ReadOptions{ForWrite: true})
		if err != nil {
			return err
		}
		if _, err = s.Put(ctx, key, entry, expires, r.Version); !errors.Is(err, backends.ErrConflict) {
			return err
		}
	}
}

// Delete empties the slot, as one does who has just looked.
func Delete(ctx context.Context, s backends.Store, key string) error {
	r, err := s.Read(ctx, key, backends.ReadOptions{ForWrite: true})
	if err != nil {
		return err
	}
	return s.Delete(ctx, key, r.Version)
}

// Clear is the store's Clear without the new generation.
func Clear(ctx context.Context, s backends.Store) error {
	_, err := s.Clear(ctx)
	return err
}

// Lease asks for a lease with a token of its own.
func Lease(ctx context.Context, l backends.Leaser, key string, ttl time.Duration) (backends.Lease, error) {
	held, _, err := l.Lease(ctx, key, backends.LeaseRequest{Token: rand.Text(), TTL: ttl}, backends.ReadOptions{})
	return held, err
}
