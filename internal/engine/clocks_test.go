package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
)

func TestEntriesFromTheFuture(t *testing.T) {
	const ttl = 10 * time.Minute
	for name, change := range map[string]func(*engine.Spec){
		"memory has room":            func(*engine.Spec) {},
		"it is too large for memory": noMemory,
	} {
		for way, get := range map[string]func(b *box) int64{
			"Get": func(b *box) int64 { return b.get("x") },
			"GetAll": func(b *box) (v int64) {
				b.invoke(func(ctx context.Context) { v = *b.getAll(ctx, "x", "y")[0].reply.Value.(*int64) })
				return v
			},
		} {
			t.Run("T3 an entry of a container whose clock is hours ahead is kept no longer than its ttl: "+way+", "+name, func(t *testing.T) {
				bubble(t, func(t *testing.T, fl *fleet) {
					lasting := func(s *engine.Spec) { s.Policy = freshness.Policy{TTL: ttl} }
					ahead, b := fl.container(lasting), fl.container(lasting, change)
					ahead.env.Now = func() int64 { return time.Now().Add(3 * time.Hour).UnixNano() }
					ahead.get("x")
					if v := get(b); v != 1 {
						t.Fatalf("%d: the entry is not used", v)
					}
					time.Sleep(ttl / 2)
					if v := get(b); v != 1 {
						t.Fatalf("%d: the entry is not used", v)
					}
					time.Sleep(ttl/2 + time.Second)
					if v := get(b); v == 1 {
						t.Errorf("it is still used %v after it was read for the first time", ttl+time.Second)
					}
				})
			})
		}
	}
}

// An entry from the future is written again with other times, and the result of the Refresh that has found it is written:
// both after the response, side by side. The race detector looks on.
func TestRefreshOfAnEntryFromTheFuture(t *testing.T) {
	for name, change := range map[string]func(*engine.Spec){
		"untagged": func(*engine.Spec) {},
		"tagged":   func(s *engine.Spec) { s.TagsOf = true },
	} {
		t.Run("T3 C6 what is written again does not see what a Refresh makes of its lookup: "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T, fl *fleet) {
				lasting := func(s *engine.Spec) { s.Policy = freshness.Policy{TTL: time.Hour} }
				ahead, b, c := fl.container(lasting, change), fl.container(lasting, change), fl.container(lasting, change)
				ahead.terms.Tags, b.terms.Tags, c.terms.Tags = []string{"t"}, []string{"t"}, []string{"t"}
				ahead.env.Now = func() int64 { return time.Now().Add(3 * time.Hour).UnixNano() }
				ahead.get("x")
				var refreshed int64
				b.do(func(ctx context.Context) error {
					r, err := b.f.Refresh(ctx, b.lookup("x"))
					if err == nil {
						refreshed = *r.Value.(*int64)
					}
					return err
				})
				if v := b.get("x"); refreshed == 1 || v != refreshed {
					t.Errorf("%d after a Refresh that came to %d", v, refreshed)
				}
				if v := c.get("x"); v == 1 {
					t.Errorf("another container has %d", v)
				}
			})
		})
	}
}
