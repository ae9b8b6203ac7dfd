package tiered

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/backends/memory"
)

var errDown = errors.New("connection refused")

// faulty is a memory backend whose failures the test decides. Its stores have no capabilities unless rich is set.
type faulty struct {
	*memory.Manager
	rich  bool // stores are Leaser and Lister
	down  atomic.Bool
	hangs atomic.Bool
	// panics makes operations panic.
	panics atomic.Bool
	calls  sync.Map // op -> *atomic.Int64
	// during runs in the middle of an operation: after a Read or a Lease has read, before a Put writes.
	during   atomic.Pointer[func(op string)]
	closeErr error
}

func newFaulty(t *testing.T, clock *fakeClock, rich bool) *faulty {
	t.Helper()
	return &faulty{Manager: must[*memory.Manager](t)(memory.New(memory.Options{Clock: clock.now})), rich: rich}
}

func (f *faulty) count(op string) int64 {
	n, _ := f.calls.LoadOrStore(op, new(atomic.Int64))
	return n.(*atomic.Int64).Load()
}

func (f *faulty) enter(ctx context.Context, op string) error {
	n, _ := f.calls.LoadOrStore(op, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
	if f.panics.Load() {
		panic("a fault of the backend")
	}
	if f.hangs.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if f.down.Load() {
		return errDown
	}
	return nil
}

func (f *faulty) middle(op string) {
	if do := f.during.Load(); do != nil {
		(*do)(op)
	}
}

func (f *faulty) Close() error { return errors.Join(f.Manager.Close(), f.closeErr) }

func (f *faulty) ClearAll(ctx context.Context) error {
	if err := f.enter(ctx, "ClearAll"); err != nil {
		return err
	}
	return f.Manager.ClearAll(ctx)
}

func (f *faulty) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := f.Manager.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	plain := &faultyStore{f, s}
	if !f.rich {
		return plain, nil
	}
	return &richStore{plain, s.(backends.Leaser), s.(backends.Lister)}, nil
}

type faultyStore struct {
	f     *faulty
	inner backends.Store
}

func (s *faultyStore) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	if !o.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, o.Deadline)
		defer cancel()
	}
	if err := s.f.enter(ctx, "Read"); err != nil {
		return backends.Reading{}, err
	}
	r, err := s.inner.Read(ctx, key, o)
	s.f.middle("Read")
	return r, err
}

func (s *faultyStore) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	if err := s.f.enter(ctx, "Put"); err != nil {
		return backends.Absent, err
	}
	s.f.middle("Put")
	return s.inner.Put(ctx, key, entry, expires, seen)
}

func (s *faultyStore) Invalidate(ctx context.Context, key string) error {
	if err := s.f.enter(ctx, "Invalidate"); err != nil {
		return err
	}
	return s.inner.Invalidate(ctx, key)
}

func (s *faultyStore) Delete(ctx context.Context, key string, seen backends.Version) error {
	if err := s.f.enter(ctx, "Delete"); err != nil {
		return err
	}
	return s.inner.Delete(ctx, key, seen)
}

func (s *faultyStore) Generation(ctx context.Context) (uint64, error) {
	if err := s.f.enter(ctx, "Generation"); err != nil {
		return 0, err
	}
	g, err := s.inner.Generation(ctx)
	s.f.middle("Generation")
	return g, err
}

func (s *faultyStore) Clear(ctx context.Context) (uint64, error) {
	if err := s.f.enter(ctx, "Clear"); err != nil {
		return 0, err
	}
	return s.inner.Clear(ctx)
}

type richStore struct {
	*faultyStore
	backends.Leaser
	backends.Lister
}

func (s *richStore) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	l, reading, err := s.Leaser.Lease(ctx, key, r, o)
	s.f.middle("Lease")
	return l, reading, err
}

// pair is two faulty tiers and one function over them.
type pair struct {
	*testing.T
	clock      *fakeClock
	fast, slow *faulty
	pm         backends.PersistenceManager
	store      backends.Store
	mu         sync.Mutex
	failures   []Failure
}

const nearTTL = 4 * time.Second

func newPair(t *testing.T, change func(fast, slow *Tier)) *pair {
	t.Helper()
	p := &pair{T: t, clock: newFakeClock()}
	p.fast, p.slow = newFaulty(t, p.clock, true), newFaulty(t, p.clock, true)
	fast, slow := Tier{Manager: p.fast, Name: "fast", Timeout: time.Minute}, Tier{Manager: p.slow, Name: "slow"}
	if change != nil {
		change(&fast, &slow)
	}
	p.pm = must[backends.PersistenceManager](t)(NewTiers(Options{Tiers: []Tier{fast, slow}, Clock: p.clock.now,
		Observe: func(f Failure) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.failures = append(p.failures, f)
		}}))
	p.store = must[backends.Store](t)(p.pm.Store(t.Context(), function()))
	return p
}

func function() backends.Function { return backends.Function{Name: "f", NearTTL: nearTTL} }

func (p *pair) observed() []Failure {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.failures
	p.failures = nil
	return seen
}

func (p *pair) put(key, value string, expires time.Time) {
	p.Helper()
	if err := backendstest.Put(p.Context(), p.store, key, []byte(value), expires); err != nil {
		p.Fatalf("Put(%s): %v", key, err)
	}
}

func (p *pair) want(key, value string) uint64 {
	p.Helper()
	got, g, err := backendstest.Get(p.Context(), p.store, key)
	if err != nil || string(got) != value {
		p.Fatalf("Get(%s) = %q, %v; want %q", key, got, err, value)
	}
	return g
}

func (p *pair) wantNone(key string) uint64 {
	p.Helper()
	got, g, err := backendstest.Get(p.Context(), p.store, key)
	if !errors.Is(err, backendstest.ErrNone) {
		p.Fatalf("Get(%s) = %q, %v; want no entry", key, got, err)
	}
	return g
}

// rested lets reads ask the fast tier again at once.
func (p *pair) rested() {
	m, ok := p.pm.(interface{ tier(int) *tier })
	if !ok {
		p.Fatalf("%T", p.pm)
	}
	m.tier(0).reads.Reset()
}

func (m *manager) tier(i int) *tier { return m.tiers[i] }

// in looks into one tier, past its faults.
func (p *pair) in(f *faulty, key string) (value string, expires time.Time, ok bool) {
	p.Helper()
	s := must[backends.Store](p.T)(f.Manager.Store(p.Context(), function()))
	r, err := s.Read(p.Context(), key, backends.ReadOptions{})
	if err != nil {
		p.Fatal(err)
	}
	return string(r.Entry), r.Expires, r.Entry != nil
}

// forget removes the key from one tier, as an eviction would.
func (p *pair) forget(f *faulty, key string) {
	p.Helper()
	s := must[backends.Store](p.T)(f.Manager.Store(p.Context(), function()))
	if err := backendstest.Delete(p.Context(), s, key); err != nil {
		p.Fatal(err)
	}
}
