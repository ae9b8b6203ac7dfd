package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	memtier "github.com/stillwarm/stillwarm/internal/engine/memory"
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

// calling is a call whose run makes another one.
type calling struct {
	ops
	inner func(ctx context.Context) (*engine.Reply, error)
}

func (c *calling) Run(ctx context.Context) engine.Result {
	r, err := c.inner(ctx)
	if err != nil {
		return engine.Result{Err: err}
	}
	return engine.Result{Value: r.Value, Terms: engine.Terms{TTL: -1}}
}

func TestTagsThatCouldNotBeCompared(t *testing.T) {
	t.Run("C8 what is made of a result that could not be compared is compared once the backend answers", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			m := answering(fl.m)
			a, b := fl.container(), fl.container(func(s *engine.Spec) { s.Manager = m })
			outer := engine.New(b.env, engine.Spec{
				Name: "outer", Code: func() (string, error) { return "1", nil }, Manager: m, NearTTL: 5 * time.Second,
				Owner: memtier.New(1<<20, func(any) {}).Owner(nil, 0, 0),
			})
			tagged := func(b *box, in string) *engine.Lookup {
				l := b.lookup(in)
				l.Tags = []string{in}
				return l
			}
			call := func(in string) (v int64) {
				inner := func(ctx context.Context) (*engine.Reply, error) { return b.f.Get(ctx, tagged(b, in)) }
				b.do(func(ctx context.Context) error {
					l := &engine.Lookup{Ops: &calling{ops{b, in}, inner}, Key: in, Enc: []byte(in), Codec: 1, Arg: engine.Own}
					r, err := outer.Get(ctx, l)
					if err == nil {
						v = *r.Value.(*int64)
					}
					return err
				})
				return v
			}
			b.do(func(ctx context.Context) error { _, err := b.f.Get(ctx, tagged(b, "x")); return err })
			time.Sleep(6 * time.Second)
			if err := engine.InvalidateTags(t.Context(), []*engine.Function{a.f}, []string{"x"}); err != nil {
				t.Fatal(err)
			}
			call("y") // hears that something was invalidated
			m.reads.Store(true)
			m.records.Store(true)
			if v := call("x"); v != 1 {
				t.Fatalf("%d: memory does not serve while the backend does not answer", v)
			}
			m.reads.Store(false)
			m.records.Store(false)
			time.Sleep(time.Minute)
			if v := call("x"); v == 1 {
				t.Error("made of what was invalidated, and used a minute after the backend answers again")
			}
		})
	})
}
