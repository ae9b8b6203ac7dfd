package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
)

// full is a backend that takes no entries while it is full.
type full struct {
	backends.PersistenceManager
	is *atomic.Bool
}

func (m full) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	return fullStore{s.(everything), m.is}, nil
}

type fullStore struct {
	everything
	is *atomic.Bool
}

func (s fullStore) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	if s.is.Load() {
		return backends.Absent, errors.New("out of space")
	}
	return s.everything.Put(ctx, key, entry, expires, seen)
}

func TestAnOlderEntryInTheBackend(t *testing.T) {
	for name, get := range map[string]func(b *box) (int64, error){
		"Get": func(b *box) (v int64, err error) {
			v, _, err = b.call("x", time.Minute)
			return v, err
		},
		"GetAll": func(b *box) (v int64, err error) {
			b.invoke(func(ctx context.Context) {
				a := b.getAll(ctx, "x", "y")[0]
				if err = a.err; err == nil {
					v = *a.reply.Value.(*int64)
				}
			})
			return v, err
		},
	} {
		t.Run("T6 what could not be written stands in, not what the backend has of before it: "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T, fl *fleet) {
				m := full{fl.m, new(atomic.Bool)}
				b := fl.container(func(s *engine.Spec) {
					s.Manager, s.Policy = m, freshness.Policy{TTL: time.Minute, FailSafe: 2 * time.Hour}
				})
				if _, err := get(b); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Minute)
				m.is.Store(true)
				want, err := get(b)
				if err != nil || want < 2 {
					t.Fatal(want, err)
				}
				time.Sleep(10 * time.Minute)
				b.run = func(context.Context, string) (int64, error) { return 0, errors.New("no") }
				for range 3 {
					if v, err := get(b); v != want || err != nil {
						t.Errorf("%d, %v, want %d", v, err, want)
					}
					time.Sleep(50 * time.Second)
				}
			})
		})
	}
}
