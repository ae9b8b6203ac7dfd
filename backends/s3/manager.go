package s3

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/genstate"
)

// Manager keeps the entries of cached functions in one bucket, below one prefix. It is safe for concurrent use.
type Manager struct {
	o      Options
	place  string // for messages
	layout layout
	epoch  atomic.Pointer[string] // the token that was read or written last; nil: none
	closed atomic.Bool
	seen   sightings

	conditions atomic.Int32 // whether the server heeds them
	trial      sync.Mutex   // held by who finds out

	mu     sync.Mutex
	client *awss3.Client
	conns  *httpClient                // nil where the client was injected
	gens   map[string]*genstate.State // by function: two stores of one function share what Clear changes
}

var (
	_ backends.PersistenceManager = (*Manager)(nil)
	_ backends.Pruner             = (*Manager)(nil)
	_ backends.FunctionLister     = (*Manager)(nil)
)

// New returns a manager. It does not connect and reads no credentials: both happen at the first call. The error names
// the option, its value and what is accepted.
func New(o Options) (*Manager, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	place := "s3://" + o.Bucket
	if o.Prefix != "" {
		place += "/" + o.Prefix
	}
	return &Manager{o: o, place: place, layout: newLayout(o.Prefix), gens: map[string]*genstate.State{}, client: o.Client}, nil
}

// Store implements [backends.PersistenceManager]. The store has every capability of package backends; without conditions
// it has no leases.
func (m *Manager) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := m.Check(fn); err != nil {
		return nil, err
	}
	if m.closed.Load() {
		return nil, m.wrap(ctx, "open store", backends.ErrClosed)
	}
	id := functionID(fn.Namespace, fn.Name)
	s := &store{m: m, namespace: fn.Namespace, function: id, gen: m.stateOf(id), keep: keepFor(fn.NearTTL)}
	if m.o.NoConditions {
		return unconditional{s, s, s, s, s, fenceless{}}, nil
	}
	return s, nil
}

// Check implements [backends.PersistenceManager]: S3 sets no bound to ttl or number of entries.
func (m *Manager) Check(fn backends.Function) error { return backends.CheckFunction(fn) }

// ClearAll implements [backends.PersistenceManager] with one PUT.
func (m *Manager) ClearAll(ctx context.Context) error {
	return m.wrap(ctx, "clear all", m.clearEverything(ctx))
}

// Close implements [backends.PersistenceManager]. It closes idle connections; an injected client stays as it is.
func (m *Manager) Close() error {
	m.closed.Store(true)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conns != nil {
		m.conns.closeIdle()
	}
	return nil
}

// String returns the place, without parameters: s3://bucket/prefix.
func (m *Manager) String() string { return m.place }

func (m *Manager) stateOf(function string) *genstate.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.gens[function]
	if s == nil {
		s = &genstate.State{}
		m.gens[function] = s
	}
	return s
}

// concurrency is how many requests one call sends side by side.
func (m *Manager) concurrency() int { return concurrency(m.o.Concurrency) }

// now is the wall clock: without the monotonic reading, which may stand still while a container is frozen.
func (m *Manager) now() time.Time { return m.o.Clock().Round(0) }

// sdk returns the client, and builds it at the first call. A failure is not kept: a laptop's login may come later.
func (m *Manager) sdk(ctx context.Context) (*awss3.Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if m.closed.Load() {
		return nil, fmt.Errorf("%s: %w", m.place, backends.ErrClosed)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.client != nil {
		return m.client, nil
	}
	client, conns, err := build(ctx, m.o)
	if err != nil {
		return nil, err
	}
	m.client, m.conns = client, conns
	return client, nil
}

// keepFor is how long a generation may be kept for a function: the contract's half of NearTTL, and never long.
func keepFor(near time.Duration) time.Duration { return min(maxKeep, near/2) }
