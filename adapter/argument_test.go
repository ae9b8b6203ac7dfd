package adapter_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/stillwarm/stillwarm/adapter"
)

// scribble overwrites the stack where functions that its caller has called before had their variables.
//
//go:noinline
func scribble(n int) (sum int) {
	var page [4096]byte
	for i := range page {
		page[i] = 'x'
	}
	for _, b := range page[n%100:] {
		sum += int(b)
	}
	return sum
}

// A string that is put together and passed on has its bytes on the stack of whoever does that, where the compiler believes that
// nobody keeps them.
func TestWhatAnArgumentRefersTo(t *testing.T) {
	type query struct{ IDs []int }
	var text string
	var ids []int
	ofText := func(_ context.Context, s string) (int, error) { text = s; return 1, nil }
	ofIDs := func(_ context.Context, q query) (int, error) { ids = q.IDs; return 1, nil }
	seenText := adapter.Key(func(s string) (string, bool) { text = s; return s, true })
	seenIDs := adapter.Key(func(q query) (int, bool) { ids = q.IDs; return q.IDs[0], true })
	c := newWorld(t).container()
	texts := adapter.CacheData(ofText, adapter.Name("texts"), adapter.WithRuntime(c.Runtime))
	lists := adapter.CacheData(ofIDs, adapter.Name("lists"), adapter.WithRuntime(c.Runtime))
	keyedTexts := adapter.CacheData(ofText, adapter.Name("keyed texts"), adapter.WithRuntime(c.Runtime), seenText)
	keyedLists := adapter.CacheData(ofIDs, adapter.Name("keyed lists"), adapter.WithRuntime(c.Runtime), seenIDs)
	ctx := t.Context()
	for _, tt := range []struct {
		name string
		call func(n int)
	}{
		{"Get", func(n int) {
			_, _ = texts.Get(ctx, "user:"+strconv.Itoa(n))
			_, _ = lists.Get(ctx, query{[]int{n}})
		}},
		{"Refresh", func(n int) {
			_, _ = texts.Refresh(ctx, "user:"+strconv.Itoa(n))
			_, _ = lists.Refresh(ctx, query{[]int{n}})
		}},
		{"Uncached", func(n int) {
			_, _ = texts.Uncached(ctx, "user:"+strconv.Itoa(n))
			_, _ = lists.Uncached(ctx, query{[]int{n}})
		}},
		{"Explain", func(n int) {
			_, _ = keyedTexts.Explain(ctx, "user:"+strconv.Itoa(n))
			_, _ = keyedLists.Explain(ctx, query{[]int{n}})
		}},
		{"ClearFor", func(n int) {
			_ = keyedTexts.ClearFor(ctx, "user:"+strconv.Itoa(n))
			_ = keyedLists.ClearFor(ctx, query{[]int{n}})
		}},
		{"Set", func(n int) {
			_ = keyedTexts.Set(ctx, "user:"+strconv.Itoa(n), 1)
			_ = keyedLists.Set(ctx, query{[]int{n}}, 1)
		}},
		{"GetAll", func(n int) {
			_, _ = texts.GetAll(ctx, []string{"user:" + strconv.Itoa(n)})
			_, _ = lists.GetAll(ctx, []query{{[]int{n}}})
		}},
	} {
		t.Run("K18 what an argument refers to is good for as long as anybody has it: "+tt.name, func(t *testing.T) {
			text, ids = "", nil
			n := 1000 + len(tt.name)*1000
			tt.call(n)
			scribble(n)
			if text != "user:"+strconv.Itoa(n) || len(ids) != 1 || ids[0] != n {
				t.Errorf("%q and %v after the call of %d", text, ids, n)
			}
		})
	}
}
