package redis_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/redis"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// A read with a deadline makes no timer until something waits for one. Here is everything that such a read can wait for.
func TestAReadEndsAtItsDeadlineWhateverItWaitsFor(t *testing.T) {
	const soon, never = 100 * time.Millisecond, 5 * time.Second // the read timeout
	before := func(ctx context.Context, s backends.Store, deadline time.Time) error {
		_, err := s.Read(ctx, "k", backends.ReadOptions{Deadline: deadline})
		return err
	}
	inTime := func(t *testing.T, ctx context.Context, s backends.Store) {
		t.Helper()
		start := time.Now()
		err := before(ctx, s, start.Add(soon))
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > never/2 {
			t.Errorf("%v after %v, want the end of the deadline", err, took)
		}
	}
	// behind returns a store behind a proxy, which has the entry k.
	behind := func(t *testing.T, value string, params ...string) (*servers.Proxy, *redis.Store) {
		r := servers.SharedRedis(t)
		p := servers.NewProxy(t, r.Addr)
		s := store(t, open(t, through(r, p, append(params, "prefix="+prefix())...)))
		put(t, s, "k", value)
		return p, s
	}
	t.Run("an answer", func(t *testing.T) {
		p, s := behind(t, "v")
		p.Set(t, servers.Plan{Fault: servers.Hang})
		inTime(t, t.Context(), s)
	})
	t.Run("a connection from the pool", func(t *testing.T) {
		p, s := behind(t, "v", "pool=1")
		p.Set(t, servers.Plan{Fault: servers.Hang})
		ctx, cancel := context.WithCancel(t.Context())
		var busy sync.WaitGroup
		busy.Go(func() { _ = before(ctx, s, time.Now().Add(5*soon)) })
		inTime(t, t.Context(), s)
		cancel()
		busy.Wait()
	})
	t.Run("a connection that is being opened", func(t *testing.T) {
		at := silent(t)
		s := store(t, open(t, "redis://"+at+"/?dial-timeout=20s"))
		inTime(t, t.Context(), s)
	})
	t.Run("a connection in place of one that was closed", func(t *testing.T) {
		p, s := behind(t, "v", "dial-timeout=20s")
		p.Set(t, servers.Plan{Fault: servers.Hang})
		p.Drop()
		inTime(t, t.Context(), s)
	})
	t.Run("the end of the caller's context", func(t *testing.T) {
		p, s := behind(t, "v", "pool=1")
		p.Set(t, servers.Plan{Fault: servers.Hang})
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		start := time.Now()
		err := before(ctx, s, start.Add(never))
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > never/2 {
			t.Errorf("%v after %v, want the end of the context", err, took)
		}
	})
	t.Run("and nothing is left behind", func(t *testing.T) {
		value := strings.Repeat("v", 10_000)
		p, s := behind(t, value, "pool=2")
		for range 5 {
			p.Set(t, servers.Plan{Fault: servers.Hang})
			inTime(t, t.Context(), s)
			p.Set(t, servers.Plan{})
			p.Drop()
			want(t, s, "k", value)
		}
	})
}

// silent returns the address of a listener that accepts connections and never says a word.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
		}
	}()
	return l.Addr().String()
}
