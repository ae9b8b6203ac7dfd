package memory_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

func entry(cost int64) *memory.Entry {
	return &memory.Entry{Cost: cost, Fresh: memory.Never, End: memory.Never}
}

func TestTier(t *testing.T) {
	t.Run("what was set is there, and the key's bytes may be reused", func(t *testing.T) {
		tier := memory.New(1<<20, func(any) {})
		o := tier.Owner("a", 0, 0)
		e := entry(10)
		o.Set("key", e)
		key := []byte("key")
		if o.Get(key) != e {
			t.Fatal("not there")
		}
		copy(key, "xxx")
		if o.Get([]byte("key")) != e || o.Get(key) != nil {
			t.Fatal("the tier kept the caller's bytes")
		}
	})
	t.Run("the budget holds over all owners", func(t *testing.T) {
		var evicted atomic.Int64
		tier := memory.New(100_000, func(any) { evicted.Add(1) })
		a, b := tier.Owner("a", 0, 0), tier.Owner("b", 0, 0)
		for i := range 200 {
			a.Set(fmt.Sprint("a", i), entry(1000))
			b.Set(fmt.Sprint("b", i), entry(1000))
		}
		an, ab := a.Len()
		bn, bb := b.Len()
		if ab+bb > 100_000 || ab+bb < 50_000 || an+bn+evicted.Load() != 400 {
			t.Fatal(an, ab, bn, bb, evicted.Load())
		}
	})
	t.Run("an owner's bounds hold for it alone", func(t *testing.T) {
		evicted := map[any]int{}
		tier := memory.New(1<<30, func(tag any) { evicted[tag]++ })
		few, small, free := tier.Owner("few", 5, 0), tier.Owner("small", 0, 10_000), tier.Owner("free", 0, 0)
		for i := range 100 {
			few.Set(fmt.Sprint("f", i), entry(1000))
			small.Set(fmt.Sprint("s", i), entry(1000))
			free.Set(fmt.Sprint("x", i), entry(1000))
		}
		fn, _ := few.Len()
		_, sb := small.Len()
		xn, _ := free.Len()
		if fn != 5 || sb > 10_000 || sb == 0 || xn != 100 {
			t.Fatal(fn, sb, xn)
		}
		if evicted["few"] != 95 || evicted["free"] != 0 {
			t.Fatal(evicted)
		}
		there := 0
		for i := range 100 {
			if few.Get(fmt.Append(nil, "f", i)) != nil {
				there++
			}
		}
		if there != 5 {
			t.Fatalf("%d entries can be found", there)
		}
	})
	t.Run("replacing and deleting keep the counts right", func(t *testing.T) {
		tier := memory.New(1<<20, func(any) {})
		o := tier.Owner("a", 10, 1<<20)
		for i := range 100 {
			o.Set("k", entry(int64(i)))
		}
		if n, _ := o.Len(); n != 1 {
			t.Fatal(n)
		}
		o.Delete("k")
		o.Delete("k")
		if n, b := o.Len(); n != 0 || b != 0 {
			t.Fatal(n, b)
		}
	})
	t.Run("Sweep removes the owner's entries only", func(t *testing.T) {
		tier := memory.New(1<<20, func(any) {})
		a, b := tier.Owner("a", 0, 0), tier.Owner("b", 0, 0)
		a.Set("a", entry(1))
		b.Set("b", entry(1))
		a.Sweep(func(*memory.Entry) bool { return true })
		an, _ := a.Len()
		bn, _ := b.Len()
		if an != 0 || bn != 1 {
			t.Fatal(an, bn)
		}
	})
	t.Run("what is used stays, what is not goes first", func(t *testing.T) {
		tier := memory.New(1<<20, func(any) {})
		o := tier.Owner("a", 10, 0)
		for i := range 10 {
			o.Set(fmt.Sprint(i), entry(1))
		}
		for i := range 100 {
			if o.Get([]byte("0")) == nil {
				t.Fatal("the entry in use went, of", i)
			}
			o.Set(fmt.Sprint("new", i), entry(1))
		}
		if o.Get([]byte("1")) != nil {
			t.Fatal("the entry that nobody used stayed")
		}
	})
	t.Run("an entry too large for the tier pushes out nothing but the one before it", func(t *testing.T) {
		tier := memory.New(100_000, func(any) {})
		o, small := tier.Owner("a", 0, 0), tier.Owner("b", 0, 10_000)
		o.Set("k", entry(1000))
		o.Set("large", entry(1000))
		o.Set("large", entry(200_000))
		small.Set("s", entry(1000))
		small.Set("t", entry(20_000))
		if o.Get([]byte("k")) == nil || o.Get([]byte("large")) != nil || small.Get([]byte("s")) == nil || small.Get([]byte("t")) != nil {
			t.Fatal(o.Get([]byte("k")), o.Get([]byte("large")), small.Get([]byte("s")), small.Get([]byte("t")))
		}
		if o.Fits(200_000) || !o.Fits(50_000) || small.Fits(50_000) || !small.Fits(5000) {
			t.Fatal("Fits")
		}
	})
	t.Run("everything at once", func(t *testing.T) {
		var tier *memory.Tier
		var owners [3]*memory.Owner
		tier = memory.New(50_000, func(tag any) { owners[0].Get([]byte("k1")) }) // whoever is told may call again
		for i := range owners {
			owners[i] = tier.Owner(i, 10*i, int64(10_000*i))
		}
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				o := owners[g%3]
				for i := range 500 {
					key := fmt.Sprint("k", g%3, "-", i%50)
					o.Set(key, entry(500))
					o.Get([]byte(key))
					if i%7 == 0 {
						o.Delete(key)
					}
				}
			})
		}
		wg.Wait()
		for _, o := range owners {
			if n, b := o.Len(); n < 0 || b < 0 || b > 60_000 {
				t.Fatal(n, b)
			}
		}
	})
}
