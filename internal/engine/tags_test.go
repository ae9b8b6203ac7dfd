package engine_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
)

func TestManyTags(t *testing.T) {
	t.Run("C8 a result with more tags than an entry can name is not written without some of them", func(t *testing.T) {
		m, now := backend(t), clockNow()
		own := func(s *engine.Spec) { s.TagsOf = true }
		a, b := newBox(t, m, now, own), newBox(t, m, now, own)
		tags, seen := make([]string, 0, 1<<16), map[string]bool{}
		for i := 0; len(tags) < 1<<16; i++ {
			tags = append(tags, fmt.Sprint("item:", i))
			seen[invalidation.TagRecord(tags[i])] = true
		}
		last := ""
		for i := 0; last == "" || seen[invalidation.TagRecord(last)]; i++ {
			last = fmt.Sprint("list:", i)
		}
		a.terms.Tags = append(tags, last)
		a.get("x")
		if err := engine.InvalidateTags(t.Context(), []*engine.Function{a.f}, []string{last}); err != nil {
			t.Fatal(err)
		}
		b.terms.Tags = a.terms.Tags
		b.runs.Store(10)
		if v := b.get("x"); v != 11 {
			t.Errorf("%d, made of what the invalidation has outdated", v)
		}
	})
}

// early is a backend that does something before the next read.
type early struct {
	backends.PersistenceManager
	before func()
}

func (m *early) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	return earlyStore{s.(everything), m}, nil
}

type earlyStore struct {
	everything
	m *early
}

func (s earlyStore) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	if do := s.m.before; do != nil {
		s.m.before = nil
		do()
	}
	return s.everything.Read(ctx, key, o)
}

func TestASetBesideAnInvalidation(t *testing.T) {
	for name, roomless := range map[string]bool{"in memory": false, "in the backend": true} {
		t.Run("C7 C8 what a Set that began before it puts in is a miss, too, "+name, func(t *testing.T) {
			now, m := clockNow(), &early{PersistenceManager: backend(t)}
			b := newBox(t, m, now, func(s *engine.Spec) {
				if roomless {
					noMemory(s)
				}
			})
			tagged := func() *engine.Lookup {
				l := b.lookup("x")
				l.Tags = []string{"t"}
				return l
			}
			m.before = func() {
				if err := engine.InvalidateTags(t.Context(), []*engine.Function{b.f}, []string{"t"}); err != nil {
					t.Error(err)
				}
			}
			b.do(func(ctx context.Context) error {
				v := int64(77)
				return b.f.Set(ctx, tagged(), engine.Result{Value: &v, Terms: engine.Terms{TTL: -1}})
			})
			b.do(func(ctx context.Context) error {
				r, err := b.f.Get(ctx, tagged())
				if err == nil && *r.Value.(*int64) == 77 {
					t.Error("the Set began before the invalidation, and what it put in is used after that")
				}
				return err
			})
		})
	}
}
