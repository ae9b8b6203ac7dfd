package backendstest

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var leaseTests = []subtest{
	{"one of many racers gets the lease", func(e *env) {
		ls := e.fleet()
		for round := range e.rounds(5) {
			key := "k" + string(rune('a'+round))
			var won atomic.Int32
			var wg sync.WaitGroup
			for i := range 24 {
				wg.Go(func() {
					switch _, err := e.tryLease(ls[i%len(ls)], key, time.Minute); {
					case err == nil:
						won.Add(1)
					case !errors.Is(err, backends.ErrLeased):
						e.Errorf("Lease: %v, want ErrLeased", err)
					}
				})
			}
			wg.Wait()
			if n := won.Load(); n != 1 {
				e.Fatalf("round %d: %d racers got the lease, want 1", round, n)
			}
		}
	}},
	{"who is refused learns which holder has it, the same as long as it renews, another when it changes hands", func(e *env) {
		ls := e.fleet()
		first := e.lease(ls[0], "k", time.Minute)
		a := e.holder(ls[len(ls)-1], "k")
		if err := first.Renew(e.ctx, time.Minute); err != nil {
			e.Fatal(err)
		}
		b := e.holder(ls[0], "k")
		e.release(first)
		e.lease(ls[0], "k", time.Minute)
		c := e.holder(ls[len(ls)-1], "k")
		if a == "" || a != b || c == "" || c == a {
			e.Fatalf("holders %q, after renewing %q, after changing hands %q", a, b, c)
		}
	}},
	{"a lease and the entry behind it", func(e *env) {
		l := e.fleet()[0]
		s := l.(backends.Store)
		g := e.generation(s)
		held, r, err := e.leaseAndRead(l, "k")
		if err != nil || held == nil || r.Entry != nil || r.Version != backends.Absent || r.Generation != g {
			e.Fatalf("Lease of nothing: %v, %+v, %v; want a lease, nothing, %x", held, r, err, g)
		}
		if other, r, err := e.leaseAndRead(l, "k"); other != nil || r.Entry != nil || !errors.Is(err, backends.ErrLeased) {
			e.Fatalf("Lease of a lease that is held: %v, %+v, %v; want ErrLeased", other, r, err)
		}
		e.put(s, "k", "v")
		e.release(held)
		held, r, err = e.leaseAndRead(l, "k")
		if err != nil || held == nil || string(r.Entry) != "v" || r.Version != e.read(s, "k").Version || r.Generation != g {
			e.Fatalf("Lease = %v, %+v, %v; want a lease, v, %x", held, r, err, g)
		}
		if err := held.Renew(e.ctx, time.Minute); err != nil {
			e.Fatalf("Renew: %v", err)
		}
		e.release(held)
	}},
	{"who gets a lease and looks sees what each holder before it put", func(e *env) {
		ls := e.fleet()
		for round := range e.rounds(3) {
			key := "k" + string(rune('a'+round))
			var runs atomic.Int32
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					s := ls[i%len(ls)]
					for {
						held, r, err := e.leaseAndRead(s, key)
						if errors.Is(err, backends.ErrLeased) {
							time.Sleep(time.Millisecond)
							continue
						}
						if err == nil && r.Entry == nil {
							runs.Add(1)
							_, err = s.(backends.Store).Put(e.ctx, key, []byte("v"), time.Time{}, r.Version)
						}
						if err != nil {
							e.Errorf("Lease or Put: %v", err)
						}
						if held != nil {
							e.release(held)
						}
						return
					}
				})
			}
			wg.Wait()
			if n := runs.Load(); n != 1 {
				e.Fatalf("round %d: %d of 8 found nothing, want 1", round, n)
			}
		}
	}},
	{"a released lease can be taken again", func(e *env) {
		ls := e.fleet()
		for i := range 4 {
			held := e.lease(ls[i%len(ls)], "k", time.Minute)
			e.wantLeased(ls[0], "k")
			e.release(held)
		}
	}},
	{"releasing twice, or a lease that is over, is not an error", func(e *env) {
		l := e.fleet()[0]
		held := e.lease(l, "k", time.Minute)
		e.release(held)
		e.release(held)
	}},
	{"renewing a released lease returns ErrLeaseLost", func(e *env) {
		l := e.fleet()[0]
		held := e.lease(l, "k", time.Minute)
		e.release(held)
		e.wantLost(held)
		e.release(e.lease(l, "k", time.Minute))
	}},
	{"a lease whose time is over is taken by another, and the first holder has lost it", func(e *env) {
		ls := e.fleet()
		first := e.lease(ls[0], "k", e.h.MinTTL)
		second := e.takeOver(ls[len(ls)-1], "k")
		e.wantLost(first)
		e.release(first)
		e.wantLeased(ls[0], "k")
		if err := second.Renew(e.ctx, time.Minute); err != nil {
			e.Fatalf("Renew by the new holder, after the old one's Release: %v", err)
		}
		e.release(second)
	}},
	{"one of many racers takes over a lease whose time is over", func(e *env) {
		ls := e.fleet()
		e.lease(ls[0], "k", e.h.MinTTL)
		var won atomic.Int32
		race := func() bool {
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() {
					switch _, err := e.tryLease(ls[i%len(ls)], "k", 5*time.Minute); {
					case err == nil:
						won.Add(1)
					case !errors.Is(err, backends.ErrLeased):
						e.Errorf("Lease: %v, want ErrLeased", err)
					}
				})
			}
			wg.Wait()
			return won.Load() > 0
		}
		e.eventually("the lease is taken over", e.h.MinTTL+time.Millisecond, race)
		race()
		if n := won.Load(); n != 1 {
			e.Fatalf("%d racers took the lease over, want 1", n)
		}
	}},
	{"renew extends the lease", func(e *env) {
		ls := e.fleet()
		held := e.lease(ls[0], "k", e.h.MinTTL)
		if err := held.Renew(e.ctx, time.Hour); err != nil {
			e.Fatalf("Renew: %v", err)
		}
		e.pass(2*e.h.MinTTL, func() { e.wantLeased(ls[len(ls)-1], "k") })
		e.release(held)
		e.release(e.lease(ls[0], "k", time.Minute))
	}},
	{"leases of different keys, functions and namespaces are independent", func(e *env) {
		l := e.fleet()[0]
		held := e.lease(l, "k", time.Minute)
		e.lease(l, "K", time.Minute)
		e.lease(l, "k/", time.Minute)
		for _, f := range []backends.Function{named("shop", "other"), named("other", fn().Name)} {
			e.lease(e.storeOf(e.pm, f).(backends.Leaser), "k", time.Minute)
		}
		e.release(held)
		e.wantLeased(l, "K")
	}},
	{"every hostile key has a lease of its own", func(e *env) {
		l := e.fleet()[0]
		keys := HostileKeys()
		for _, k := range keys {
			e.lease(l, k, time.Hour)
		}
		for _, k := range keys[:10] {
			e.wantLeased(l, k)
		}
	}},
	{"a lease and an entry of the same key do not disturb each other", func(e *env) {
		l := e.fleet()[0]
		s := l.(backends.Store)
		held := e.lease(l, "k", time.Minute)
		e.wantNone(s, "k")
		e.put(s, "k", "v")
		e.want(s, "k", "v")
		e.wantLeased(l, "k")
		e.delete(s, "k")
		e.clear(s)
		e.wantLeased(l, "k")
		e.put(s, "k", "w")
		e.release(held)
		e.want(s, "k", "w")
		e.release(e.lease(l, "k", time.Minute))
	}},
}

// fleet returns the function's store as one or two containers see it, or skips.
func (e *env) fleet() []backends.Leaser {
	e.Helper()
	l, ok := e.store().(backends.Leaser)
	if !ok {
		e.Skipf("%s is no Leaser", e.h.Name)
	}
	ls := []backends.Leaser{l}
	if e.h.Reopen != nil {
		ls = append(ls, e.storeOf(e.reopen(), fn()).(backends.Leaser))
	}
	return ls
}

func (e *env) lease(l backends.Leaser, key string, ttl time.Duration) backends.Lease {
	e.Helper()
	held, err := e.tryLease(l, key, ttl)
	if err != nil {
		e.Fatalf("Lease(%s): %v", show(key), err)
	}
	return held
}

func (e *env) takeOver(l backends.Leaser, key string) (held backends.Lease) {
	e.Helper()
	e.eventually("the lease is over", e.h.MinTTL+time.Millisecond, func() bool {
		var err error
		held, err = e.tryLease(l, key, 5*time.Minute)
		if err != nil && !errors.Is(err, backends.ErrLeased) && !errors.Is(err, backends.ErrMarked) {
			e.Fatalf("Lease: %v, want ErrLeased", err)
		}
		return err == nil
	})
	return held
}

func (e *env) release(held backends.Lease) {
	e.Helper()
	if err := held.Release(e.ctx, backends.Mark{}); err != nil {
		e.Fatalf("Release: %v", err)
	}
}

func (e *env) wantLeased(l backends.Leaser, key string) {
	e.Helper()
	if _, err := e.tryLease(l, key, time.Minute); !errors.Is(err, backends.ErrLeased) {
		e.Fatalf("Lease(%s) of a held lease: %v, want ErrLeased", show(key), err)
	}
}

func (e *env) wantLost(held backends.Lease) {
	e.Helper()
	if err := held.Renew(e.ctx, time.Minute); !errors.Is(err, backends.ErrLeaseLost) {
		e.Fatalf("Renew of a lost lease: %v, want ErrLeaseLost", err)
	}
}

// holder returns who has the lease, by the error of whoever asks for it.
func (e *env) holder(l backends.Leaser, key string) string {
	e.Helper()
	_, err := e.tryLease(l, key, time.Minute)
	leased, ok := errors.AsType[*backends.LeasedError](err)
	if !ok {
		e.Fatalf("Lease of a held lease: %v, want a LeasedError", err)
	}
	return leased.Holder
}
