package invalidation

import (
	"fmt"
	"testing"
)

func TestLog(t *testing.T) {
	t.Run("C2 what began before a clear of its key is void, what begins after it is not", func(t *testing.T) {
		var l Log
		before := l.Begin()
		l.ClearKey("a", nil)
		after := l.Begin()
		if !l.Void("a", before) || l.Void("a", after) || l.Void("b", before) {
			t.Fatal("wrong")
		}
		if l.Store("a", before, func() { t.Error("stored") }) || !l.Store("a", after, func() {}) {
			t.Fatal("Store disagrees with Void")
		}
		l.Clear(nil)
		if !l.Void("b", after) || !l.VoidAll(after) || l.Epoch() != 1 {
			t.Fatal("Clear voids everything")
		}
	})
	t.Run("C5 many clears of single keys void nothing else that is under way", func(t *testing.T) {
		var l Log
		p := l.Begin()
		for i := range 3 * maxKeys {
			l.ClearKey(fmt.Sprint(i), nil)
			if l.VoidAll(p) || l.Void("other", p) || !l.Void(fmt.Sprint(i), p) {
				t.Fatal(i)
			}
			next := l.Begin() // there is always something under way
			l.End(p)
			p = next
		}
	})
	t.Run("C2 beyond the bound more is void than must be, never less", func(t *testing.T) {
		var l Log
		p := l.Begin()
		for i := range maxKeys + 1 {
			l.ClearKey(fmt.Sprint(i), nil)
		}
		for _, key := range []string{"0", fmt.Sprint(maxKeys), "other"} {
			if !l.Void(key, p) {
				t.Error(key)
			}
		}
	})
}

func TestLocal(t *testing.T) {
	t.Run("C8 what began before an invalidation of its record is void", func(t *testing.T) {
		var l Local
		refs := []Ref{{Name: TagRecord("a")}}
		before := l.Now()
		l.Invalidate(TagRecord("a"))
		if !l.Void(refs, before) || l.Void(refs, l.Now()) || l.Void(nil, before) {
			t.Fatal("wrong")
		}
	})
	t.Run("C8 beyond the bound everything older that has records is void", func(t *testing.T) {
		var l Local
		before := l.Now()
		for i := range maxLocal + 2 {
			l.Invalidate(fmt.Sprint(i))
		}
		if !l.Void([]Ref{{Name: "never"}}, before) || l.Void([]Ref{{Name: "never"}}, l.Now()) {
			t.Fatal("wrong")
		}
	})
}
