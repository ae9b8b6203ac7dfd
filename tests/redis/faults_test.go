package redis_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/tests/servers"
)

func TestFaultsAreErrorsOfTheBackendAndEnd(t *testing.T) {
	value := strings.Repeat("0123456789", 20_000)
	for name, tc := range map[string]struct {
		plan servers.Plan
		hint string
	}{
		"refused":          {servers.Plan{Fault: servers.Refuse}, "check host and port"},
		"reset":            {servers.Plan{Fault: servers.Reset}, "rediss://"},
		"hanging":          {servers.Plan{Fault: servers.Hang}, "read-timeout"},
		"garbage":          {servers.Plan{Fault: servers.Garbage}, ""},
		"cut in the entry": {servers.Plan{Fault: servers.Truncate, Bytes: 5_000}, ""},
		"slow":             {servers.Plan{Fault: servers.Slow, Bandwidth: 50_000}, "read-timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			r := servers.SharedRedis(t)
			p := servers.NewProxy(t, r.Addr)
			at := strings.Replace(r.URL("prefix="+prefix(), "read-timeout=250ms"), r.Addr, p.Addr, 1)
			s := store(t, open(t, at))
			put(t, s, "k", value)
			g := want(t, s, "k", value)

			p.Set(t, tc.plan)
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				_, _, err := backendstest.Get(ctx, s, "k")
				cancel()
				e := failure(t, err)
				if e.Permanent || !strings.Contains(e.Hint, tc.hint) || e.Op != "read" {
					t.Errorf("error %+v, want a passing one of read with the hint %q", e, tc.hint)
				}
				if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, backendstest.ErrNone) {
					t.Errorf("error %v looks like the caller's context or a miss", err)
				}
			}
			p.Set(t, servers.Plan{})
			p.Drop()
			if again := want(t, s, "k", value); again != g {
				t.Errorf("generation %d after the fault, %d before", again, g)
			}
		})
	}
}

func TestIdleConnectionsThatWereClosedCostNoCall(t *testing.T) {
	r := servers.SharedRedis(t)
	p := servers.NewProxy(t, r.Addr)
	s := store(t, open(t, through(r, p, "prefix="+prefix(), "pool=4")))
	put(t, s, "k", "v")
	for range 20 {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, _, err := backendstest.Get(t.Context(), s, "k"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		p.Drop()
		must(t, backendstest.Put(t.Context(), s, "k", []byte("v"), time.Time{}))
	}
}

func TestTheCallersContextIsToldFromATimeoutOfOurOwn(t *testing.T) {
	r := servers.SharedRedis(t)
	p := servers.NewProxy(t, r.Addr)
	s := store(t, open(t, through(r, p, "prefix="+prefix())))
	put(t, s, "k", "v")
	p.Set(t, servers.Plan{Fault: servers.Hang})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := backendstest.Get(ctx, s, "k"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Get: %v, want the context's error", err)
	}
	if err := backendstest.Put(ctx, s, "k", []byte("w"), time.Time{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Put after the deadline: %v, want the context's error", err)
	}
}

func TestAServerThatIsFrozenAndThawsIsUsedAgain(t *testing.T) {
	r := servers.Redis(t)
	s := store(t, open(t, r.URL("read-timeout=200ms")))
	put(t, s, "k", "v")
	r.Freeze()
	_, _, err := backendstest.Get(t.Context(), s, "k")
	failure(t, err)
	r.Thaw()
	want(t, s, "k", "v")
}

func TestARestartUnderLoadLosesEntriesButNeverLies(t *testing.T) {
	r := servers.Redis(t)
	s := store(t, open(t, r.URL("read-timeout=2s")))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	for id := range 4 {
		wg.Go(func() {
			key := string(rune('a' + id))
			for ctx.Err() == nil {
				_ = backendstest.Put(ctx, s, key, []byte("value of "+key), time.Time{})
				b, _, err := backendstest.Get(ctx, s, key)
				_, own := errors.AsType[*backends.Error](err)
				switch {
				case err == nil && string(b) != "value of "+key:
					t.Errorf("key %s holds %q", key, b)
				case err != nil && !own && !errors.Is(err, backendstest.ErrNone) && ctx.Err() == nil:
					t.Errorf("key %s: %v (%T)", key, err, err)
				}
			}
		})
	}
	before, err := s.Generation(ctx)
	must(t, err)
	for range 2 {
		r.Restart(t)
		eventually(t, "the backend works again", func() bool {
			return backendstest.Put(ctx, s, "probe", nil, time.Time{}) == nil
		})
	}
	after, err := s.Generation(ctx)
	must(t, err)
	if before == after {
		t.Error("the generation came back after the server lost its data")
	}
	stop()
	wg.Wait()
}

func TestAFullServerRefusesWritesAndServesReads(t *testing.T) {
	r := servers.Redis(t)
	s := store(t, open(t, r.URL("read-timeout=5s")))
	put(t, s, "k", "v")
	want(t, s, "k", "v")
	r.Do(t, "config", "set", "maxmemory", "1", "maxmemory-policy", "noeviction")
	e := failure(t, backendstest.Put(t.Context(), s, "other", make([]byte, 1000), time.Time{}))
	if !strings.Contains(e.Hint, "allkeys-lru") || e.Permanent {
		t.Errorf("error %+v, want a passing one that names the policy", e)
	}
	want(t, s, "k", "v")
}

func TestManyCallersShareAFewConnections(t *testing.T) {
	r := servers.SharedRedis(t)
	p := servers.NewProxy(t, r.Addr)
	s := store(t, open(t, through(r, p, "prefix="+prefix(), "pool=3")))
	put(t, s, "k", "v")
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 20 {
				if _, _, err := backendstest.Get(t.Context(), s, "k"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if p.Connections() > 3 {
		t.Errorf("%d connections, the pool allows 3", p.Connections())
	}
}

func TestAnswersThatAreLostOnceAreAskedForAgain(t *testing.T) {
	r := servers.SharedRedis(t)
	p := servers.NewProxy(t, r.Addr)
	s := store(t, open(t, through(r, p, "prefix="+prefix(), "pool=1")))
	put(t, s, "k", "v")
	g := want(t, s, "k", "v")
	var lease backends.Lease
	for _, call := range []struct {
		name string
		do   func() error
	}{
		{"Get", func() error { _, _, err := backendstest.Get(t.Context(), s, "k"); return err }},
		{"Put", func() error { return backendstest.Put(t.Context(), s, "k", []byte("w"), time.Time{}) }},
		{"Lease, which the lost try has taken", func() (err error) {
			lease, err = backendstest.Lease(t.Context(), s, "k", time.Minute)
			return err
		}},
		{"Renew", func() error { return lease.Renew(t.Context(), time.Minute) }},
		{"Release", func() error { return lease.Release(t.Context(), backends.Mark{}) }},
		{"Delete", func() error { return backendstest.Delete(t.Context(), s, "k") }},
		{"Generation", func() error { _, err := s.Generation(t.Context()); return err }},
		{"Clear", func() error { return backendstest.Clear(t.Context(), s) }},
	} {
		p.Set(t, servers.Plan{Fault: servers.Truncate, Once: true})
		before := p.Connections()
		if err := call.do(); err != nil {
			t.Errorf("%s: %v", call.name, err)
		}
		if p.Connections() == before {
			t.Errorf("%s: no connection was lost", call.name)
		}
	}
	if again, err := s.Generation(t.Context()); err != nil || again == g {
		t.Errorf("generation %d, %v after Clear, %d before", again, err, g)
	}
	if _, err := backendstest.Lease(t.Context(), s, "k", time.Minute); err != nil {
		t.Errorf("the lease was not released: %v", err)
	}
}
