package redis_test

import (
	"errors"
	"maps"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// through returns a URL of a server that leads through a proxy.
func through(r *servers.RedisServer, p *servers.Proxy, params ...string) string {
	return strings.Replace(r.URL(append(params, "read-timeout=5s")...), r.Addr, p.Addr, 1)
}

func TestRoundTrips(t *testing.T) {
	for _, secured := range []bool{false, true} {
		name := "open server"
		var opts []servers.RedisOption
		if secured {
			name, opts = "server with a password", []servers.RedisOption{servers.WithPassword()}
		}
		t.Run(name, func(t *testing.T) {
			r := servers.Redis(t, opts...)
			at := "prefix=" + prefix()
			first := store(t, open(t, r.URL(at)))
			put(t, first, "k", "value")
			_, err := first.Generation(t.Context())
			must(t, err)

			p := servers.NewProxy(t, r.Addr)
			s := store(t, open(t, through(r, p, at)))
			r.ResetCommands(t)
			cost := func(what string, trips int, commands map[string]int, f func() error) {
				t.Helper()
				before := p.RoundTrips()
				r.ResetCommands(t)
				if err := f(); err != nil && !errors.Is(err, backendstest.ErrNone) {
					t.Fatalf("%s: %v", what, err)
				}
				if got := p.RoundTrips() - before; got != trips {
					t.Errorf("%s took %d round trips, want %d", what, got, trips)
				}
				if got := r.Commands(t); !maps.Equal(got, commands) {
					t.Errorf("%s sent %v, want %v", what, got, commands)
				}
			}
			get := func(key string) func() error {
				return func() error { _, _, err := backendstest.Get(t.Context(), s, key); return err }
			}
			var lease backends.Lease
			cost("the first Get of a container", 2, map[string]int{"hello": 1, "mget": 1}, get("k"))
			cost("a hit", 1, map[string]int{"mget": 1}, get("k"))
			cost("a miss", 1, map[string]int{"mget": 1}, get("other"))
			cost("Generation", 1, map[string]int{"mget": 1}, func() error { _, err := s.Generation(t.Context()); return err })
			var version backends.Version
			cost("Put of a new entry", 1, map[string]int{"set": 1}, func() (err error) {
				version, err = s.Put(t.Context(), "new", []byte("v"), time.Now().Add(time.Hour), backends.Absent)
				return err
			})
			cost("Put over an entry", 1, map[string]int{"eval": 1, "type": 1, "getrange": 1, "set": 1}, func() (err error) {
				version, err = s.Put(t.Context(), "new", []byte("w"), time.Now().Add(time.Hour), version)
				return err
			})
			cost("a Read that finds the entry unchanged", 1, map[string]int{"eval": 1, "getrange": 1, "mget": 1}, func() error {
				reading, err := s.Read(t.Context(), "new", backends.ReadOptions{IfChanged: version})
				if !reading.Unchanged {
					t.Errorf("%+v, want an unchanged one", reading)
				}
				return err
			})
			cost("a Read with records and the clock", 1, map[string]int{"mget": 1, "time": 1}, func() error {
				_, err := s.Read(t.Context(), "new", backends.ReadOptions{Records: []string{"a", "b"}, Clock: true})
				return err
			})
			cost("Delete", 1, map[string]int{"eval": 1, "getrange": 1, "del": 1}, func() error {
				return s.Delete(t.Context(), "new", version)
			})
			cost("Invalidate", 1, map[string]int{"set": 1}, func() error { return s.Invalidate(t.Context(), "k") })
			cost("Clear", 1, map[string]int{"set": 2, "get": 2}, func() error { return backendstest.Clear(t.Context(), s) })
			cost("Lease", 1, map[string]int{"eval": 1, "get": 1, "time": 1, "set": 1, "mget": 1}, func() (err error) {
				lease, err = backendstest.Lease(t.Context(), s, "k", time.Minute)
				return err
			})
			cost("a Lease that is taken", 1, map[string]int{"eval": 1, "get": 1, "time": 1, "pttl": 1, "mget": 1}, func() error {
				if _, err := backendstest.Lease(t.Context(), s, "k", time.Minute); !errors.Is(err, backends.ErrLeased) {
					t.Errorf("Lease: %v, want ErrLeased", err)
				}
				return nil
			})
			cost("Renew", 1, map[string]int{"eval": 1, "get": 1, "pexpire": 1}, func() error {
				return lease.Renew(t.Context(), time.Minute)
			})
			cost("Release", 1, map[string]int{"eval": 1, "get": 1, "del": 1}, func() error {
				return lease.Release(t.Context(), backends.Mark{})
			})
			if p.Connections() != 1 {
				t.Errorf("%d connections for calls one after the other, want 1", p.Connections())
			}
		})
	}
}

func TestFirstUseMakesTheGenerationInOneMoreRoundTrip(t *testing.T) {
	r := servers.SharedRedis(t)
	p := servers.NewProxy(t, r.Addr)
	s := store(t, open(t, through(r, p, "prefix="+prefix())))
	if _, _, err := backendstest.Get(t.Context(), s, "k"); !errors.Is(err, backendstest.ErrNone) {
		t.Fatal(err)
	}
	if got := p.RoundTrips(); got != 3 {
		t.Errorf("%d round trips, want 3: greeting, question, generation", got)
	}
}

func TestStoreDoesNotConnect(t *testing.T) {
	r := servers.SharedRedis(t)
	p := servers.NewProxy(t, r.Addr)
	store(t, open(t, through(r, p)))
	if p.Connections() != 0 {
		t.Errorf("%d connections before the first call", p.Connections())
	}
}

func TestNothingRunsInTheBackground(t *testing.T) {
	r := servers.SharedRedis(t)
	for name, at := range map[string]string{"reachable": r.URL(), "unreachable": "redis://127.0.0.1:1"} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			s := store(t, open(t, at))
			for range 40 { // more failures than the pool has connections
				_, _, _ = backendstest.Get(t.Context(), s, "k")
			}
			eventually(t, "the goroutines that served calls are gone", func() bool { return runtime.NumGoroutine() <= before })
		})
	}
}

func TestAfterAThawConnectionsAreNewOnes(t *testing.T) {
	r := servers.SharedRedis(t)
	p := servers.NewProxy(t, r.Addr)
	clock := newClock()
	m := with(t, through(r, p, "prefix="+prefix()), clock.use)
	s := store(t, m)
	put(t, s, "k", "v")
	clock.advance(4 * time.Minute)
	want(t, s, "k", "v")
	if p.Connections() != 1 {
		t.Errorf("%d connections after a short gap, want 1", p.Connections())
	}
	clock.advance(6 * time.Minute)
	want(t, s, "k", "v")
	if p.Connections() != 2 {
		t.Errorf("%d connections after a long gap, want 2", p.Connections())
	}
	clock.advance(-time.Hour)
	want(t, s, "k", "v")
	clock.advance(time.Hour)
	want(t, s, "k", "v")
	if p.Connections() != 2 {
		t.Errorf("%d connections after the clock was set back and forth, want 2", p.Connections())
	}
}
