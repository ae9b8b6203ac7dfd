package memory_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// expiring is an entry that may serve until end.
func expiring(cost, end int64) *memory.Entry {
	return &memory.Entry{Cost: cost, Fresh: end, End: end}
}

// present returns the keys that are there, without using them: by what Sweep sees.
func present(o *memory.Owner, byEntry map[*memory.Entry]string) []string {
	var keys []string
	o.Sweep(func(e *memory.Entry) bool {
		keys = append(keys, byEntry[e])
		return false
	})
	slices.Sort(keys)
	return keys
}

func TestOrder(t *testing.T) {
	t.Run("W8 expired entries leave first, then the least recently used", func(t *testing.T) {
		now := int64(100)
		for name, bounds := range map[string]func() *memory.Owner{
			"the budget": func() *memory.Owner {
				return memory.New(4*1400, func(any) {}, memory.WithClock(func() int64 { return now })).Owner("a", 0, 0)
			},
			"max entries": func() *memory.Owner {
				return memory.New(1<<30, func(any) {}, memory.WithClock(func() int64 { return now })).Owner("a", 4, 0)
			},
			"max size": func() *memory.Owner {
				return memory.New(1<<30, func(any) {}, memory.WithClock(func() int64 { return now })).Owner("a", 0, 4*1400)
			},
		} {
			t.Run(name, func(t *testing.T) {
				now = 100
				o, byEntry := bounds(), map[*memory.Entry]string{}
				set := func(key string, end int64) {
					e := expiring(1000, end)
					byEntry[e] = key
					o.Set(key, e)
				}
				set("long", 1000)
				set("short", 200)
				set("forever", memory.Never)
				set("shorter", 150)
				now = 200 // the entries that were used last have expired
				set("x", 1000)
				if got := present(o, byEntry); !slices.Equal(got, []string{"forever", "long", "short", "x"}) {
					t.Fatal(got)
				}
				set("y", 1000)
				if got := present(o, byEntry); !slices.Equal(got, []string{"forever", "long", "x", "y"}) {
					t.Fatal(got)
				}
				o.Get([]byte("long"))
				set("z", 1000)
				if got := present(o, byEntry); !slices.Equal(got, []string{"long", "x", "y", "z"}) {
					t.Fatal(got)
				}
			})
		}
	})
	t.Run("W8 an entry that was replaced by one that lives longer does not leave early", func(t *testing.T) {
		now := int64(100)
		tier := memory.New(1<<30, func(any) {}, memory.WithClock(func() int64 { return now }))
		o := tier.Owner("a", 2, 0)
		o.Set("k", expiring(1, 110))
		o.Set("old", expiring(1, 1000))
		o.Set("k", expiring(1, 1000))
		now = 500
		o.Set("new", expiring(1, 1000))
		if o.Get([]byte("k")) == nil || o.Get([]byte("old")) != nil {
			t.Fatal("the wrong entry left")
		}
	})
	t.Run("W8 the oldest of one function makes room for another function", func(t *testing.T) {
		tier := memory.New(10*(1001+memory.EntryOverhead), func(any) {})
		a, b := tier.Owner("a", 0, 0), tier.Owner("b", 0, 0)
		for i := range 10 {
			a.Set(fmt.Sprint(i), entry(1000))
		}
		for i := range 5 {
			a.Get([]byte(fmt.Sprint(i)))
		}
		for i := range 5 {
			b.Set(fmt.Sprint(i), entry(1000))
		}
		for i := range 10 {
			if got, want := a.Get([]byte(fmt.Sprint(i))) != nil, i < 5; got != want {
				t.Fatalf("%d is there: %v", i, got)
			}
		}
	})
	t.Run("W8 one caller's order of use is exact", func(t *testing.T) {
		for seed := range uint64(200) {
			testAgainstModel(t, seed)
		}
	})
}

// testAgainstModel compares a tier with a list that is searched.
func testAgainstModel(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	now := int64(1)
	budget := int64(2000 + r.IntN(20000))
	tier := memory.New(budget, func(any) {}, memory.WithClock(func() int64 { return now }))
	const owners = 3
	m := model{budget: budget}
	var real [owners]*memory.Owner
	for i := range real {
		entries, size := r.IntN(3)*r.IntN(8), int64(r.IntN(2)*r.IntN(8000))
		real[i] = tier.Owner(i, entries, size)
		m.entries = append(m.entries, entries)
		m.sizes = append(m.sizes, size)
	}
	for step := range 300 {
		o, key := r.IntN(owners), fmt.Sprint(r.IntN(12))
		now += 300 * int64(r.IntN(3))
		switch r.IntN(6) {
		case 0, 1:
			e := entry(int64(r.IntN(3000)))
			if r.IntN(2) == 0 {
				e.End = now + int64(r.IntN(40))*300 + int64(step) // no two are the same
			}
			real[o].Set(key, e)
			m.set(o, key, e, now)
		case 2:
			real[o].Delete(key)
			m.remove(o, key)
		default:
			if got, want := real[o].Get([]byte(key)), m.get(o, key); got != want {
				t.Fatalf("seed %d, step %d: Get(%d, %s) = %v, want %v", seed, step, o, key, got, want)
			}
		}
	}
}

type model struct {
	budget  int64
	entries []int
	sizes   []int64
	used    []modelEntry // the least recently used first
}

type modelEntry struct {
	owner int
	key   string
	e     *memory.Entry
}

func (m *model) weight(e modelEntry) int64 {
	return e.e.Cost + int64(len(e.key)) + memory.EntryOverhead
}

func (m *model) remove(o int, key string) {
	m.used = slices.DeleteFunc(m.used, func(e modelEntry) bool { return e.owner == o && e.key == key })
}

func (m *model) get(o int, key string) *memory.Entry {
	i := slices.IndexFunc(m.used, func(e modelEntry) bool { return e.owner == o && e.key == key })
	if i < 0 {
		return nil
	}
	e := m.used[i]
	m.used = append(slices.Delete(m.used, i, i+1), e)
	return e.e
}

func (m *model) set(o int, key string, e *memory.Entry, now int64) {
	m.remove(o, key)
	added := modelEntry{o, key, e}
	if w := m.weight(added); w > m.budget || m.sizes[o] > 0 && w > m.sizes[o] {
		return
	}
	m.used = append(m.used, added)
	m.evict(now, func(e modelEntry) bool { return e.owner == o }, m.entries[o], m.sizes[o])
	m.evict(now, func(modelEntry) bool { return true }, 0, m.budget)
}

// evict drops entries of a part until it is within its bounds; zero is none.
func (m *model) evict(now int64, part func(modelEntry) bool, entries int, size int64) {
	for {
		n, sum, victim := 0, int64(0), -1
		for i, e := range m.used {
			if !part(e) {
				continue
			}
			n, sum = n+1, sum+m.weight(e)
			switch {
			case victim < 0,
				e.e.End <= now && (m.used[victim].e.End > now || e.e.End < m.used[victim].e.End):
				victim = i
			}
		}
		if (entries == 0 || n <= entries) && (size == 0 || sum <= size) {
			return
		}
		m.used = slices.Delete(m.used, victim, victim+1)
	}
}

func TestConcurrentReaders(t *testing.T) {
	t.Run("a key that is there is found, whatever else comes and goes", func(t *testing.T) {
		tier := memory.New(1<<40, func(any) {})
		o := tier.Owner("a", 0, 0)
		const stay = 50
		for i := range stay {
			o.Set(fmt.Sprint("stay", i), entry(1))
		}
		var stop atomic.Bool
		var writers, readers sync.WaitGroup
		for g := range 2 {
			writers.Go(func() {
				for round := range 60 {
					n := 1 << (round % 9) // the table grows and shrinks
					for i := range n {
						o.Set(fmt.Sprint("go", g, "-", i), entry(1))
						o.Set(fmt.Sprint("stay", i%stay), entry(1)) // replaced: the old one or the new one is found
						if i%16 == 0 {
							runtime.Gosched()
						}
					}
					for i := range n {
						o.Delete(fmt.Sprint("go", g, "-", i))
					}
				}
			})
		}
		for range 2 {
			readers.Go(func() {
				for i := 0; !stop.Load(); i++ {
					if o.Get(fmt.Append(nil, "stay", i%stay)) == nil {
						t.Error("an entry was not found")
						return
					}
				}
			})
		}
		writers.Wait()
		stop.Store(true)
		readers.Wait()
		if n, _ := o.Len(); n != stay {
			t.Fatal(n)
		}
	})
	t.Run("W8 the budget is never exceeded while others use the tier", func(t *testing.T) {
		const budget = 60_000
		tier := memory.New(budget, func(any) {})
		owners := []*memory.Owner{tier.Owner("a", 0, 0), tier.Owner("b", 20, 0), tier.Owner("c", 0, 20_000)}
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(g), 1))
				for range 2000 {
					o := owners[r.IntN(len(owners))]
					key := fmt.Sprint(r.IntN(100))
					if r.IntN(2) == 0 {
						o.Get([]byte(key))
					} else {
						o.Set(key, entry(int64(r.IntN(2000))))
					}
				}
			})
		}
		wg.Wait()
		var sum int64
		for _, o := range owners {
			_, bytes := o.Len()
			sum += bytes
		}
		if entries, _ := owners[1].Len(); sum > budget || sum < budget/2 || entries > 20 {
			t.Fatal(sum, entries)
		}
	})
}

func TestHonestCharge(t *testing.T) {
	t.Run("I4 entries take no more memory than they are charged for", func(t *testing.T) {
		for _, bounded := range []int{0, 1 << 30} {
			before := heapInUse()
			tier := memory.New(1<<40, func(any) {})
			o := tier.Owner("a", bounded, 0)
			const n = 30_000
			for i := range n {
				o.Set(strings.Clone(fmt.Sprintf("%048d", i)), &memory.Entry{End: int64(i + 1)})
			}
			_, charged := o.Len()
			took := heapInUse() - before
			t.Logf("%d bytes an entry, charged %d", took/n, charged/n)
			if took > charged {
				t.Errorf("%d entries take %d bytes and are charged %d", n, took, charged)
			}
			o.Sweep(func(*memory.Entry) bool { return true })
			if left := heapInUse() - before; left > charged/20 {
				t.Errorf("%d bytes are left of %d after everything was swept", left, charged)
			}
			runtime.KeepAlive(tier)
		}
	})
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestHitAllocatesNothing(t *testing.T) {
	tier := memory.New(1<<20, func(any) {})
	o := tier.Owner("a", 10, 0)
	o.Set("key", entry(1))
	key := []byte("key")
	if n := testing.AllocsPerRun(100, func() { o.Get(key) }); n != 0 {
		t.Fatal(n)
	}
}
