package disk

import (
	"fmt"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
)

func BenchmarkStore(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		for _, noSync := range []bool{false, true} {
			m, err := New(Options{Dir: b.TempDir(), NoSync: noSync})
			if err != nil {
				b.Fatal(err)
			}
			s, err := m.Store(b.Context(), backends.Function{Name: "f"})
			if err != nil {
				b.Fatal(err)
			}
			value := make([]byte, size)
			b.Run(fmt.Sprintf("put/%dKB/fsync=%v", size>>10, !noSync), func(b *testing.B) {
				i := 0
				for b.Loop() {
					i++
					if err := backendstest.Put(b.Context(), s, fmt.Sprint("k", i%1000), value, time.Time{}); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(fmt.Sprintf("get/%dKB/fsync=%v", size>>10, !noSync), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, _, err := backendstest.Get(b.Context(), s, "k1"); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// The cost of Clear must not depend on the number of entries.
func BenchmarkClear(b *testing.B) {
	for _, entries := range []int{10, 10_000} {
		m, err := New(Options{Dir: b.TempDir(), NoSync: true})
		if err != nil {
			b.Fatal(err)
		}
		s, err := m.Store(b.Context(), backends.Function{Name: "f"})
		if err != nil {
			b.Fatal(err)
		}
		for i := range entries {
			if err := backendstest.Put(b.Context(), s, fmt.Sprint("k", i), []byte("v"), time.Time{}); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprint("entries=", entries), func(b *testing.B) {
			for b.Loop() {
				if err := backendstest.Clear(b.Context(), s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
