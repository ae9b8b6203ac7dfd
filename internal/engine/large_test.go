package engine_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
)

// growing is a call whose result is too large for memory from 2 on.
type growing struct{ ops }

const tooLarge = 2 << 20

func (g *growing) Encode(dst []byte, v any) ([]byte, error) {
	dst, err := g.ops.Encode(dst, v)
	if *v.(*int64) > 1 {
		dst = append(dst, make([]byte, tooLarge)...)
	}
	return dst, err
}

func (g *growing) Decode(p []byte, keep bool) (any, error) {
	return g.ops.Decode(p[:min(8, len(p))], keep)
}

func (g *growing) Size(v any) int64 {
	if *v.(*int64) > 1 {
		return tooLarge
	}
	return 8
}

func (b *box) growing(in string) *engine.Lookup {
	l := b.lookup(in)
	l.Ops = &growing{ops{b, in}}
	return l
}

func (b *box) getGrowing(in string) (v int64) {
	b.do(func(ctx context.Context) error {
		r, err := b.f.Get(ctx, b.growing(in))
		if err == nil {
			v = *r.Value.(*int64)
		}
		return err
	})
	return v
}

func (b *box) getAllGrowing(keys ...string) (v int64) {
	b.do(func(ctx context.Context) error {
		elements := make([]engine.Element, len(keys))
		for i, key := range keys {
			elements[i] = engine.Element{Key: key, Enc: []byte(key)}
		}
		var first error
		b.f.GetAll(ctx, engine.Batch{
			Elements: elements,
			Lookup:   func(n int, _ *engine.Lookup) *engine.Lookup { return b.growing(keys[n]) },
			Answer: func(n int, r *engine.Reply, err error) {
				if n == 0 && err == nil {
					v = *r.Value.(*int64)
				} else if n == 0 {
					first = err
				}
			},
		})
		return first
	})
	return v
}

func TestAResultThatHasGrownTooLargeForMemory(t *testing.T) {
	stale := func(s *engine.Spec) { s.Policy = freshness.Policy{TTL: time.Minute, Stale: time.Hour} }
	t.Run("T5 what another container has refreshed takes the place of the stale value, also where memory has no room for it", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			a, b := fl.container(stale), fl.container(stale)
			a.getGrowing("x")
			b.getGrowing("x")
			time.Sleep(2 * time.Minute)
			a.getGrowing("x") // refreshes
			synctest.Wait()
			b.getGrowing("x") // finds that
			synctest.Wait()
			if v := b.getGrowing("x"); v != 2 {
				t.Errorf("%d, want the refreshed value", v)
			}
		})
	})
	for name, get := range map[string]func(b *box) int64{
		"Get":    func(b *box) int64 { return b.getGrowing("x") },
		"GetAll": func(b *box) int64 { return b.getAllGrowing("x", "y") },
	} {
		t.Run("C4 what was seen is not followed by what it has replaced, also where memory has no room for it: "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T, fl *fleet) {
				m := answering(fl.m)
				a := fl.container()
				b := fl.container(func(s *engine.Spec) { s.Manager, s.Coherent = m, true })
				a.getGrowing("x")
				a.getGrowing("y")
				if v := get(b); v != 1 {
					t.Fatal(v)
				}
				a.do(func(ctx context.Context) error { _, err := a.f.Refresh(ctx, a.growing("x")); return err })
				time.Sleep(6 * time.Second)
				want := get(b)
				if want < 2 {
					t.Fatal(want)
				}
				m.reads.Store(true)
				time.Sleep(6 * time.Second)
				if v := get(b); v < want {
					t.Errorf("%d after %d", v, want)
				}
			})
		})
	}
}
