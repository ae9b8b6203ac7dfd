package heapsize

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"unsafe"
)

// allocated returns how many bytes f leaves allocated: the least of some tries, for the runtime allocates beside it.
func allocated(f func() any) int64 {
	least := int64(math.MaxInt64)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		v := f()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(v)
		least = min(least, int64(after.TotalAlloc-before.TotalAlloc))
	}
	return least
}

func TestAlloc(t *testing.T) {
	for n := int64(1); n < 70_000; n = n*9/8 + 1 {
		got, want := Alloc(n), int64(cap(append([]byte(nil), make([]byte, n)...)))
		if got != want {
			t.Errorf("%d bytes: %d, the runtime takes %d", n, got, want)
		}
	}
}

type wide [200]byte

func makeMap[K comparable, V any](n int, key func(int) K) func() any {
	return func() any {
		m := make(map[K]V, n)
		for i := range n {
			var v V
			m[key(i)] = v
		}
		return m
	}
}

func TestMap(t *testing.T) {
	names := make([]string, 20_000)
	for i := range names {
		names[i] = fmt.Sprint("key-", i)
	}
	check := func(name string, estimate, real int64) {
		if estimate < real*9/10-128 || estimate > real*14/10+128 {
			t.Errorf("%s: %d, the runtime takes %d", name, estimate, real)
		}
	}
	for _, n := range []int{1, 7, 8, 9, 14, 15, 100, 500, 895, 897, 1000, 1500, 5000, 12_000} {
		check(fmt.Sprintf("%d strings to ints", n), Map(n, unsafe.Sizeof(""), unsafe.Sizeof(0)), allocated(makeMap[string, int](n, func(i int) string { return names[i] })))
		check(fmt.Sprintf("%d ints to nothing", n), Map(n, unsafe.Sizeof(0), 0), allocated(makeMap[int, struct{}](n, func(i int) int { return i })))
		check(fmt.Sprintf("%d bytes to large elements", n), Map(min(n, 256), 1, 200), allocated(makeMap[uint8, wide](min(n, 256), func(i int) uint8 { return uint8(i) })))
	}
}
