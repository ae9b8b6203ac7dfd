package engine_test

import (
	"fmt"
	"testing"

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
