package stripe_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stillwarm/stillwarm/internal/stripe"
)

func TestIndex(t *testing.T) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[int]int{}
	gate := make(chan struct{})
	for range 200 {
		wg.Go(func() {
			i := stripe.Index()
			mu.Lock()
			seen[i]++
			mu.Unlock()
			<-gate // alive together, so that their stacks are apart
		})
	}
	close(gate)
	wg.Wait()
	for i := range seen {
		if i < 0 || i >= stripe.Count {
			t.Fatal(i)
		}
	}
	if len(seen) < 2 {
		t.Fatalf("200 goroutines share %d stripes", len(seen))
	}
}

func TestCounter(t *testing.T) {
	var c stripe.Counter
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 1000 {
				c.Add(2)
			}
		})
	}
	wg.Wait()
	if c.Load() != 32000 {
		t.Fatal(c.Load())
	}
}

func TestClock(t *testing.T) {
	t.Run("one goroutine sees rising numbers", func(t *testing.T) {
		var c stripe.Clock
		last := uint64(0)
		for i := range 1000 {
			v := c.Next()
			if i%7 == 0 {
				v = c.Tick()
			}
			if v <= last {
				t.Fatal(i, v, last)
			}
			last = v
		}
	})
	t.Run("a touch makes what was used the latest, and writes nothing where it is that already", func(t *testing.T) {
		var c stripe.Clock
		var a, b atomic.Uint64
		a.Store(c.Tick())
		b.Store(c.Tick())
		if c.Touch(&a); a.Load() <= b.Load() {
			t.Fatal("a touch after a tick is not later than it", a.Load(), b.Load())
		}
		if c.Touch(&b); b.Load() <= a.Load() {
			t.Fatal("what was touched last is not the latest", a.Load(), b.Load())
		}
		was := b.Load()
		for range 100 {
			c.Touch(&b)
		}
		if b.Load() != was {
			t.Fatal("the latest was written again", was, b.Load())
		}
		tick := c.Tick()
		if c.Touch(&b); b.Load() <= tick {
			t.Fatal("a touch after a tick is not later than it", b.Load(), tick)
		}
	})
	t.Run("a tick is later than all before it and earlier than all after it", func(t *testing.T) {
		var c stripe.Clock
		for range 100 {
			var wg sync.WaitGroup
			var before, after [16]uint64
			for g := range before {
				wg.Go(func() {
					for range g {
						before[g] = c.Next()
					}
				})
			}
			wg.Wait()
			tick := c.Tick()
			for g := range after {
				wg.Go(func() { after[g] = c.Next() })
			}
			wg.Wait()
			for g := range before {
				if before[g] >= tick || after[g] <= tick {
					t.Fatal(before[g], tick, after[g])
				}
			}
		}
	})
}
