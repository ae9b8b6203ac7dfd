package memory_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

func BenchmarkHit(b *testing.B) {
	tier := memory.New(1<<30, func(any) {})
	o := tier.Owner("a", 0, 0)
	for i := range 1000 {
		o.Set(fmt.Sprintf("%060d", i), entry(200))
	}
	key := fmt.Appendf(nil, "%060d", 7)
	for b.Loop() {
		if o.Get(key) == nil {
			b.Fatal("a miss")
		}
	}
}

// BenchmarkHitParallel is for -cpu 1,2: each goroutine has keys of its own.
func BenchmarkHitParallel(b *testing.B) {
	tier := memory.New(1<<30, func(any) {})
	o := tier.Owner("a", 0, 0)
	for i := range 1000 {
		o.Set(fmt.Sprintf("%060d", i), entry(200))
	}
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		mine := n.Add(1)
		var keys [16][]byte
		for i := range keys {
			keys[i] = fmt.Appendf(nil, "%060d", 16*mine+int64(i))
		}
		for i := 0; pb.Next(); i++ {
			if o.Get(keys[i%16]) == nil {
				b.Error("a miss")
			}
		}
	})
}

// BenchmarkSet is a set that evicts, with a hit on another entry in between.
func BenchmarkSet(b *testing.B) {
	tier := memory.New(1000*600, func(any) {})
	o := tier.Owner("a", 0, 0)
	keys := make([]string, 4000)
	for i := range keys {
		keys[i] = fmt.Sprintf("%060d", i)
	}
	e := entry(200)
	i := 0
	for b.Loop() {
		o.Set(keys[i%len(keys)], e)
		o.Get([]byte(keys[(i*7)%len(keys)]))
		i++
	}
}
