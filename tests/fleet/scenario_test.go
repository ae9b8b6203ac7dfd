package fleet_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/internal/hooks"
)

// What becomes of the container that takes the lease. It asks at 0 s.
const (
	lives  = "lives"
	slow   = "takes six times as long"
	fails  = "returns an error"
	killed = "is killed"
)

// scenario is a fleet of containers that ask for one key.
type scenario struct {
	run, timeout time.Duration // timeout 0: the context has no deadline
	known        time.Duration // how long a run takes as far as is known from before a deploy; 0: nobody knows
	holder       string
	kill         time.Duration   // when the holder is killed
	callers      []time.Duration // when the other containers ask
	killed       []time.Duration // when the first of those are killed, too
}

// outcome is what the callers that live got.
type outcome struct {
	ofHolder, own, ofAnother, failed int
	slowest                          time.Duration
	runs                             int // the holder's is one of them
}

// play runs a scenario in virtual time, over a backend in memory.
func play(t *testing.T, s scenario) (o outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &virtualFleet{t: t}
		var err error
		if f.shared, err = memory.New(memory.Options{Clock: time.Now}); err != nil {
			t.Fatal(err)
		}
		if s.known > 0 {
			f.before(s.known)
		}
		holder := f.container(s.run)
		switch s.holder {
		case slow:
			holder.run *= 6
		case fails:
			holder.err = errors.New("boom")
		case killed:
			time.AfterFunc(s.kill, holder.kill)
		}
		var wg sync.WaitGroup
		wg.Go(func() { _, _, _ = holder.call(s.timeout) })
		var mu sync.Mutex
		for i, at := range s.callers {
			c := f.container(s.run)
			if i < len(s.killed) {
				time.AfterFunc(s.killed[i], c.kill)
			}
			wg.Go(func() {
				time.Sleep(at)
				got, took, err := c.call(s.timeout)
				mu.Lock()
				defer mu.Unlock()
				if !c.dead.Load() {
					o.note(holder, c, got, took, err)
				}
			})
		}
		wg.Wait()
		o.runs = int(f.runs.Load())
		time.Sleep(time.Hour) // runs that nobody waits for, and what follows them
	})
	return o
}

func (o *outcome) note(holder, c *virtual, got int, took time.Duration, err error) {
	o.slowest = max(o.slowest, took)
	switch {
	case err != nil:
		o.failed++
	case got == holder.id:
		o.ofHolder++
	case got == c.id:
		o.own++
	default:
		o.ofAnother++
	}
}

// virtualFleet makes containers in this process.
type virtualFleet struct {
	t      *testing.T
	shared backends.PersistenceManager
	next   int
	runs   atomic.Int64
}

// virtual is one container. What it returns is its id.
type virtual struct {
	f    *virtualFleet
	id   int
	run  time.Duration
	err  error
	dead atomic.Bool
	data *adapter.Data[string, int]
	rt   *adapter.Runtime
}

func (f *virtualFleet) container(run time.Duration) *virtual { return f.build(run, "2") }

func (f *virtualFleet) build(run time.Duration, version string) *virtual {
	f.next++
	c := &virtual{f: f, id: f.next, run: run}
	var err error
	c.rt, err = adapter.New(adapter.Config{
		Manager: mortal{f.shared, &c.dead}, Namespace: "fleet", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	c.data = adapter.CacheData(c.compute, adapter.Name("f"), adapter.Version(version), adapter.WithRuntime(c.rt))
	return c
}

// before lets the fleet know from an older build how long a run takes.
func (f *virtualFleet) before(run time.Duration) {
	c := f.build(run, "1")
	if _, err := c.data.Get(f.t.Context(), "another key"); err != nil {
		f.t.Fatal(err)
	}
	if !hooks.Of(c.rt).WaitIdle(f.t.Context()) {
		f.t.Fatal("the record was not written")
	}
	f.runs.Store(0)
}

func (c *virtual) compute(context.Context, string) (int, error) {
	c.f.runs.Add(1)
	time.Sleep(c.run)
	return c.id, c.err
}

// call asks for the key. A call that fails for another reason than its deadline or its own function's error fails the test.
func (c *virtual) call(timeout time.Duration) (got int, took time.Duration, err error) {
	ctx := c.f.t.Context()
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	start := time.Now()
	got, err = c.data.Get(ctx, "key")
	if err != nil && !errors.Is(err, context.DeadlineExceeded) && c.err == nil && !c.dead.Load() {
		c.f.t.Errorf("container %d: %v", c.id, err)
	}
	return got, time.Since(start), err
}

// kill ends a container as Lambda does: nothing of it reaches the backend any more.
func (c *virtual) kill() { c.dead.Store(true) }

// mortal is a container's way to the backend.
type mortal struct {
	backends.PersistenceManager
	dead *atomic.Bool
}

var errDead = errors.New("the container is dead")

func (m mortal) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	return mortalStore{s, s.(backends.Leaser), s.(backends.Records), m.dead}, nil
}

// mortalStore lets nothing through that writes once the container is dead.
type mortalStore struct {
	backends.Store
	backends.Leaser
	backends.Records
	dead *atomic.Bool
}

func (s mortalStore) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	if s.dead.Load() {
		return backends.Absent, errDead
	}
	return s.Store.Put(ctx, key, entry, expires, seen)
}

func (s mortalStore) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	if s.dead.Load() {
		return nil, backends.Reading{}, errDead
	}
	l, reading, err := s.Leaser.Lease(ctx, key, r, o)
	if l != nil {
		l = mortalLease{l, s.dead}
	}
	return l, reading, err
}

func (s mortalStore) Takeover(ctx context.Context, key, from string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	if s.dead.Load() {
		return nil, backends.Reading{}, errDead
	}
	l, reading, err := s.Leaser.Takeover(ctx, key, from, r, o)
	if l != nil {
		l = mortalLease{l, s.dead}
	}
	return l, reading, err
}

type mortalLease struct {
	backends.Lease
	dead *atomic.Bool
}

func (l mortalLease) Renew(ctx context.Context, ttl time.Duration) error {
	if l.dead.Load() {
		return errDead
	}
	return l.Lease.Renew(ctx, ttl)
}

func (l mortalLease) Release(ctx context.Context, m backends.Mark) error {
	if l.dead.Load() {
		return errDead
	}
	return l.Lease.Release(ctx, m)
}
