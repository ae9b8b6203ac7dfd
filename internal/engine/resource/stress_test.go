package resource_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/resource"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/internal/pending"
)

// thing is an object that knows who has it, and complains where it is released under somebody or twice.
type thing struct {
	began    int64 // in the order of the arena
	users    atomic.Int64
	releases atomic.Int64
	broken   atomic.Bool
	stays    atomic.Bool
}

// arena is a pool under test with all that was ever opened.
type arena struct {
	t      *testing.T
	pool   *resource.Pool
	now    atomic.Int64
	thaws  atomic.Int64
	closed atomic.Bool
	calls  pending.Counter
	order  atomic.Int64
	clears [5]atomic.Int64 // of each key, and of all: the last one that has returned
	after  pending.Counter

	mu     sync.Mutex
	opened []*thing
}

func newArena(t *testing.T, entries int) *arena {
	a := &arena{t: t}
	env := &resource.Env{
		Now:      a.now.Load,
		Log:      func(context.Context, slog.Level, string, ...any) { yield() },
		LogOnce:  func(context.Context, string, slog.Level, string, ...any) {},
		Emit:     func(context.Context, resource.Event) { yield() },
		Observed: func(context.Context) bool { return true },
		Defer:    func(ctx context.Context, job func(context.Context)) { a.leave(ctx, job, nil) },
		DeferRefresh: func(ctx context.Context, job func(context.Context), drop func()) {
			a.leave(ctx, job, drop)
		},
		Invocation: invocation.From,
		Begin: func() bool {
			yield()
			a.calls.Add()
			if a.closed.Load() {
				a.calls.Done()
				return false
			}
			return true
		},
		End: a.calls.Done, Closed: a.closed.Load,
		Used: func() int64 { yield(); return a.thaws.Load() }, Thaws: a.thaws.Load,
		ReleaseTimeout: 2 * time.Millisecond,
	}
	a.pool = resource.New(env, resource.Spec{
		Name: "thing", Policy: freshness.Policy{TTL: 100, Stale: 100}, MaxEntries: entries, ValidateEvery: 10,
		Release: func(_ context.Context, v any) error {
			yield()
			o := v.(*thing)
			if n := o.users.Load(); n != 0 {
				t.Errorf("released while %d have it", n)
			}
			if n := o.releases.Add(1); n != 1 {
				t.Errorf("released %d times", n)
			}
			if rand.IntN(8) == 0 {
				panic("release")
			}
			return nil
		},
		Progress: func(context.Context) func() { return func() {} },
	})
	return a
}

// leave does a job after the response, in a goroutine, or drops it.
func (a *arena) leave(ctx context.Context, job func(context.Context), drop func()) {
	if drop != nil && rand.IntN(8) == 0 {
		drop()
		return
	}
	a.after.Add()
	run := func(ctx context.Context) { defer a.after.Done(); job(ctx) }
	if !invocation.From(ctx).After(run) {
		go run(context.WithoutCancel(ctx))
	}
}

// yield lets others run, at most of the places where they might matter.
func yield() {
	for range rand.IntN(3) {
		runtime.Gosched()
	}
}

var errOpen = errors.New("would not open")

func (a *arena) access(key string) resource.Access {
	return resource.Access{
		Key: key,
		Open: func(context.Context) (any, error) {
			o := &thing{began: a.order.Add(1)}
			yield()
			switch rand.IntN(12) {
			case 0:
				return nil, errOpen
			case 1:
				panic("open")
			}
			a.mu.Lock()
			a.opened = append(a.opened, o)
			a.mu.Unlock()
			return o, nil
		},
		Valid: func(_ context.Context, v any) error {
			yield()
			if v.(*thing).broken.Load() || rand.IntN(16) == 0 {
				return errors.New("broken")
			}
			return nil
		},
	}
}

// have uses an object for a while.
func (a *arena) have(o *thing) {
	o.users.Add(1)
	yield()
	if o.releases.Load() != 0 {
		a.t.Error("got a released object, or it was released in use")
	}
	if rand.IntN(10) == 0 {
		o.broken.Store(true)
	}
}

// invoke is one invocation: it gets some objects, keeps them to its end, and clears now and then.
func (a *arena) invoke() {
	defer func() { _ = recover() }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ctx, inv := invocation.Begin(ctx, invocation.Options{AfterResponse: true})
	var had []*thing
	defer func() {
		for _, o := range had {
			o.users.Add(-1)
		}
		inv.Finish(context.WithoutCancel(ctx))
	}()
	for range 1 + rand.IntN(4) {
		k := rand.IntN(4)
		key := fmt.Sprint(k)
		switch rand.IntN(12) {
		case 0:
			a.clear(4, func() { a.pool.Clear(ctx) })
		case 1:
			a.clear(k, func() { a.pool.ClearFor(ctx, key) })
		case 2:
			access := a.access(key)
			access.Alone = true
			if v, err := a.pool.Get(ctx, access); err == nil {
				a.have(v.(*thing))
				had = append(had, v.(*thing))
			}
		case 3:
			o, err := a.get(context.Background(), k) // which says nothing of how long it is used
			if err == nil && a.closed.Load() {
				o.stays.Store(true) // of a pool that is closed, it may be the caller's for good
			}
		default:
			if v, err := a.get(ctx, k); err == nil {
				a.have(v)
				had = append(had, v)
			}
		}
		a.now.Add(int64(rand.IntN(30)))
	}
}

// clear notes when a clear began, once it has returned.
func (a *arena) clear(which int, do func()) {
	began := a.order.Add(1)
	do()
	for {
		old := a.clears[which].Load()
		if old >= began || a.clears[which].CompareAndSwap(old, began) {
			return
		}
	}
}

// get calls Get, whose open function may panic. What it returns was opened after every clear that had returned.
func (a *arena) get(ctx context.Context, k int) (o *thing, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errOpen
		}
	}()
	cleared := max(a.clears[k].Load(), a.clears[4].Load())
	v, err := a.pool.Get(ctx, a.access(fmt.Sprint(k)))
	if err != nil {
		return nil, err
	}
	o = v.(*thing)
	if o.began < cleared {
		a.t.Error("got an object of before a clear")
	}
	return o, nil
}

// use is one call of Use, with a context that may never end, or may end while the call waits.
func (a *arena) use() {
	defer func() { _ = recover() }()
	ctx := context.Background()
	if rand.IntN(2) == 0 {
		c, cancel := context.WithCancel(ctx)
		ctx = c
		go func() { yield(); yield(); cancel() }()
	}
	_ = a.pool.Use(ctx, a.access(fmt.Sprint(rand.IntN(4))), func(v any) error {
		o := v.(*thing)
		a.have(o)
		o.users.Add(-1)
		if rand.IntN(8) == 0 {
			panic("use")
		}
		return nil
	})
}

func TestReleaseUnderRaces(t *testing.T) {
	t.Run("R3 exactly once, and never under somebody, with Close beside calls", func(t *testing.T) {
		for range 150 {
			a := newArena(t, 1+rand.IntN(4))
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					for range 8 {
						if rand.IntN(3) == 0 {
							a.use()
						} else {
							a.invoke()
						}
						if rand.IntN(6) == 0 {
							a.thaws.Add(1)
						}
					}
				})
			}
			wg.Go(func() {
				for range rand.IntN(400) {
					runtime.Gosched()
				}
				a.close()
			})
			wg.Wait()
			a.settle()
			a.released()
		}
	})
}

// close is what a runtime does.
func (a *arena) close() {
	a.closed.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if !a.calls.Wait(ctx) || !a.after.Wait(ctx) {
		a.t.Error("calls did not end")
	}
	if err := a.pool.Shutdown(ctx); err != nil {
		a.t.Error(err)
	}
}

// released waits until everything that was opened is released: a run that its callers have left may only begin now.
func (a *arena) released() {
	deadline := time.Now().Add(time.Minute)
	for {
		a.mu.Lock()
		left := 0
		for _, o := range a.opened {
			if o.releases.Load() == 0 && !o.stays.Load() {
				left++
			}
		}
		a.mu.Unlock()
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("%d objects were not released", left)
		}
		time.Sleep(time.Millisecond)
	}
}

// settle waits until what goes on by itself is done: jobs, and releases by contexts that ended.
func (a *arena) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if !a.after.Wait(ctx) {
		a.t.Error("work was left")
	}
	if n := a.pool.Len(); n != 0 {
		a.t.Errorf("%d objects are in a pool that was shut down", n)
	}
}

func TestPlaces(t *testing.T) {
	t.Run("R3 an object that is found invalid after it left the pool leaves the one in its place there", func(t *testing.T) {
		a := newArena(t, 0)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		access := func(valid func(*thing) error) resource.Access {
			return resource.Access{
				Key:   "k",
				Open:  func(context.Context) (any, error) { return &thing{began: a.order.Add(1)}, nil },
				Valid: func(_ context.Context, v any) error { return valid(v.(*thing)) },
			}
		}
		get := func(valid func(*thing) error) int64 {
			v, err := a.pool.Get(ctx, access(valid))
			if err != nil {
				t.Fatal(err)
			}
			return v.(*thing).began
		}
		fine := func(*thing) error { return nil }
		if n := get(fine); n != 1 {
			t.Fatal("the first object:", n)
		}
		a.thaws.Add(1) // it is validated whatever ValidateEvery says
		if n := get(func(o *thing) error {
			if o.began != 1 {
				return nil
			}
			a.pool.ClearFor(ctx, "k") // and another call opens the next one
			if n := get(fine); n != 2 {
				t.Error("the object in its place:", n)
			}
			return errors.New("broken")
		}); n != 2 {
			t.Fatalf("the call whose object was broken got number %d", n)
		}
		if n := get(fine); n != 2 {
			t.Fatalf("the next call got number %d", n)
		}
		cancel()
		a.close()
		a.settle()
	})
}
