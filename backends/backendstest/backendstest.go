// Package backendstest is the conformance suite for backends. Run it from a test of your own [backends.PersistenceManager]:
//
//	func TestConformance(t *testing.T) {
//		backendstest.Run(t, backendstest.Harness{
//			Name: "mystore",
//			Open: func(t *testing.T) backends.PersistenceManager { return newEmptyManager(t) },
//		})
//	}
//
// Each "must" in the documentation of package backends is a named subtest, so that a failure says which promise was
// broken. Capabilities ([backends.BatchReader], [backends.Leaser], [backends.BatchLeaser], [backends.Records],
// [backends.FunctionLister], [backends.Lister], [backends.Pruner]) are tested where the store has them; a
// subtest that does not apply is skipped and says why. Run it with the race detector.
package backendstest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// Harness says how to reach the backend under test.
type Harness struct {
	// Name says what is tested, and where: "redis 7.2 at localhost:6379". It is logged, so that a job proves which
	// server it ran against.
	Name string
	// Open returns a manager for a fresh, empty place that no other test uses. The suite closes it; closing twice
	// must be harmless. Use t.Cleanup for what else has to go.
	Open func(t *testing.T) backends.PersistenceManager
	// Reopen returns another manager for the place of the last Open, as a second container of the fleet would
	// have. Nil where entries die with their manager.
	Reopen func(t *testing.T) backends.PersistenceManager
	// Now is the store's clock; nil means time.Now.
	Now func() time.Time
	// Advance moves that clock. Nil means that time cannot be driven: the suite then uses short times and polls.
	Advance func(d time.Duration)
	// MaxEntry is the size of the largest entry that the store accepts: that one must fit, and one byte more must be
	// refused with ErrTooLarge. Zero means no limit worth testing: 50 MB must fit.
	MaxEntry int64
	// MinTTL is the shortest expiry and lease that the store can tell from none; zero means 300 ms. It is also
	// what the suite waits for where it cannot drive the clock.
	MinTTL time.Duration
	// Slow cuts the rounds of the concurrent subtests, for a store with a slow round trip.
	Slow bool
	// Requests returns how many requests the store has made so far; without a server, how many slots or files it has
	// touched. The suite proves that it counts before it relies on it. Nil skips the subtests about costs.
	Requests func() int64
	// LoseAnswer makes the answer to the store's next request get lost on its way, after the server has acted on it. Nil:
	// there are no answers to lose.
	LoseAnswer func(t *testing.T)
	// HoldBack keeps the store's next request from the server, as a slow network does, and lets whoever sent it see a
	// broken connection. deliver hands it to the server at last. Nil: there is no network.
	HoldBack func(t *testing.T) (deliver func())
	// Unfenced says that the server is known to have no conditional writes. The suite then holds the store to
	// [backends.Unfenced].
	Unfenced bool
}

// Run tests the backend: it fails t where a promise is broken. The subtests run one after the other, each in a place of
// its own.
func Run(t *testing.T, h Harness) {
	t.Helper()
	if h.Name == "" || h.Open == nil {
		t.Fatal("backendstest: the harness needs Name and Open")
	}
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.MinTTL == 0 {
		h.MinTTL = 300 * time.Millisecond
	}
	t.Logf("backend under test: %s", h.Name)
	groups := []struct {
		name  string
		tests []subtest
	}{
		{"entries", entryTests},
		{"versions", versionTests},
		{"tombstones", tombstoneTests},
		{"unchanged", unchangedTests},
		{"unfenced", unfencedTests},
		{"retries", retryTests},
		{"keys", keyTests},
		{"values", valueTests},
		{"expiry", expiryTests},
		{"generation", generationTests},
		{"clear", clearTests},
		{"isolation", isolationTests},
		{"context", contextTests},
		{"concurrency", concurrencyTests},
		{"manager", managerTests},
		{"lease", leaseTests},
		{"lease knowledge", leaseKnowledgeTests},
		{"marks", markTests},
		{"batch", batchTests},
		{"batch lease", batchLeaseTests},
		{"records", recordTests},
		{"functions", functionTests},
		{"costs", costTests},
		{"list", listTests},
		{"prune", pruneTests},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, st := range g.tests {
				t.Run(st.promise, func(t *testing.T) { st.run(open(t, h)) })
			}
		})
	}
}

// subtest is one promise; its name reads as a sentence about the store.
type subtest struct {
	promise string
	run     func(*env)
}

// env is one subtest's place.
type env struct {
	*testing.T
	h  Harness
	pm backends.PersistenceManager
	// ctx is a guard against a store that hangs, not a measure of speed.
	ctx context.Context
}

func open(t *testing.T, h Harness) *env {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	e := &env{T: t, h: h, ctx: ctx}
	e.pm = h.Open(t)
	if e.pm == nil {
		t.Fatal("Open returned nil")
	}
	t.Cleanup(func() { _ = e.pm.Close() })
	return e
}

// reopen returns a second container's manager, or skips.
func (e *env) reopen() backends.PersistenceManager {
	e.Helper()
	if e.h.Reopen == nil {
		e.Skipf("%s: entries die with their manager", e.h.Name)
	}
	pm := e.h.Reopen(e.T)
	e.Cleanup(func() { _ = pm.Close() })
	return pm
}

// fn is the function most subtests use. Its NearTTL is zero: no generation may be kept.
func fn() backends.Function {
	return backends.Function{Namespace: "shop", Name: "example.com/shop.quotes", TTL: time.Hour}
}

func (e *env) store() backends.Store { return e.storeOf(e.pm, fn()) }

func (e *env) storeOf(pm backends.PersistenceManager, f backends.Function) backends.Store {
	e.Helper()
	s, err := pm.Store(e.ctx, f)
	if err != nil {
		e.Fatalf("Store(%q, %q): %v", f.Namespace, f.Name, err)
	}
	return s
}

func (e *env) put(s backends.Store, key, value string) {
	e.Helper()
	e.putUntil(s, key, value, time.Time{})
}

func (e *env) putUntil(s backends.Store, key, value string, expires time.Time) {
	e.Helper()
	if err := e.write(s, key, []byte(value), expires); err != nil {
		e.Fatalf("Put(%s): %v", show(key), err)
	}
}

func (e *env) want(s backends.Store, key, value string) {
	e.Helper()
	got, _, err := e.get(s, key)
	if err != nil {
		e.Fatalf("Get(%s): %v, want %s", show(key), err, show(value))
	}
	if string(got) != value {
		e.Fatalf("Get(%s) = %s, want %s", show(key), show(string(got)), show(value))
	}
}

func (e *env) wantNone(s backends.Store, key string) {
	e.Helper()
	got, _, err := e.get(s, key)
	if !errors.Is(err, ErrNone) {
		e.Fatalf("Get(%s) = %s, %v; want no entry", show(key), show(string(got)), err)
	}
}

func (e *env) generation(s backends.Store) uint64 {
	e.Helper()
	g, err := s.Generation(e.ctx)
	if err != nil {
		e.Fatalf("Generation: %v", err)
	}
	return g
}

func (e *env) clear(s backends.Store) {
	e.Helper()
	if err := e.tryClear(s); err != nil {
		e.Fatalf("Clear: %v", err)
	}
}

func (e *env) delete(s backends.Store, key string) {
	e.Helper()
	if err := e.tryDelete(s, key); err != nil {
		e.Fatalf("Delete(%s): %v", show(key), err)
	}
}

// pass lets d go by on the store's clock: at once where it can be driven, else by doing check again and again.
func (e *env) pass(d time.Duration, check func()) {
	e.Helper()
	if e.h.Advance != nil {
		e.h.Advance(d)
		check()
		return
	}
	for end := time.Now().Add(d); time.Now().Before(end); {
		check()
		<-time.After(min(10*time.Millisecond, d/10+1))
	}
}

// eventually waits until done reports true; d is about how long that takes on the store's clock.
func (e *env) eventually(what string, d time.Duration, done func() bool) {
	e.Helper()
	if e.h.Advance != nil {
		e.h.Advance(d)
		if !done() {
			e.Fatalf("%s: not after %v on the store's clock", what, d)
		}
		return
	}
	for guard := time.Now().Add(d + 30*time.Second); time.Now().Before(guard); {
		if done() {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	e.Fatalf("%s: not within %v", what, d+30*time.Second)
}

// rounds returns n, or less for a slow store.
func (e *env) rounds(n int) int {
	if e.h.Slow || testing.Short() {
		return max(2, n/5)
	}
	return n
}

func show(s string) string {
	if len(s) > 60 {
		return fmt.Sprintf("%q... (%d bytes)", s[:60], len(s))
	}
	return fmt.Sprintf("%q", s)
}

func (e *env) read(s backends.Store, key string) backends.Reading {
	e.Helper()
	r, err := s.Read(e.ctx, key, backends.ReadOptions{ForWrite: true})
	if err != nil {
		e.Fatalf("Read(%s): %v", show(key), err)
	}
	return r
}

func (e *env) get(s backends.Store, key string) ([]byte, uint64, error) { return Get(e.ctx, s, key) }

func (e *env) write(s backends.Store, key string, entry []byte, expires time.Time) error {
	return Put(e.ctx, s, key, entry, expires)
}

func (e *env) tryDelete(s backends.Store, key string) error { return Delete(e.ctx, s, key) }

func (e *env) tryClear(s backends.Store) error { return Clear(e.ctx, s) }

func (e *env) tryLease(l backends.Leaser, key string, ttl time.Duration) (backends.Lease, error) {
	return Lease(e.ctx, l, key, ttl)
}

// leaseAndRead is tryLease with what comes with the lease.
func (e *env) leaseAndRead(l backends.Leaser, key string) (backends.Lease, backends.Reading, error) {
	return l.Lease(e.ctx, key, backends.LeaseRequest{Token: rand.Text(), TTL: time.Minute}, backends.ReadOptions{ForWrite: true})
}
