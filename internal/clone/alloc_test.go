//go:build !race

package clone

import (
	"testing"
	"time"
)

// The race detector makes sync.Pool forget at random, so these hold without it only.

func allocs[T any](t *testing.T, want float64, v T) {
	t.Helper()
	p := compileFor[T](t)
	kept := &Kept[T]{Value: v}
	got := testing.AllocsPerRun(200, func() {
		var out T
		if err := Copy(p, &out, kept); err != nil {
			t.Fatal(err)
		}
	})
	if got != want {
		t.Errorf("a copy of %T allocates %v times, want %v", v, got, want)
	}
	if got := testing.AllocsPerRun(200, func() { Size(p, kept) }); got > 0 && want <= 1 {
		t.Errorf("Size of %T allocates %v times", v, got)
	}
}

func TestAllocations(t *testing.T) {
	t.Run("a flat value takes none", func(t *testing.T) { allocs(t, 0, flatShape{Name: "x"}) })
	t.Run("a slice of numbers takes one", func(t *testing.T) { allocs(t, 1, make([]int64, 100)) })
	t.Run("a slice of strings takes one", func(t *testing.T) { allocs(t, 1, make([]string, 100)) })
	t.Run("a slice of flat structs takes one", func(t *testing.T) { allocs(t, 1, hundred{Items: make([]item, 100)}) })
	t.Run("a pointer to numbers takes one", func(t *testing.T) { allocs(t, 1, &[4]int{}) })
	t.Run("a pointer to a flat struct takes one", func(t *testing.T) { allocs(t, 1, &flatShape{}) })
	t.Run("bytes take one", func(t *testing.T) { allocs(t, 1, make([]byte, 1<<10)) })
	t.Run("a time takes none", func(t *testing.T) { allocs(t, 0, time.Unix(1, 0)) })
	t.Run("nil takes none", func(t *testing.T) { allocs(t, 0, []string(nil)) })
	t.Run("slices in a slice take one each", func(t *testing.T) { allocs(t, 4, [][]string{{"a"}, {"b"}, {"c"}}) })
}
