// Package memory is the backend that keeps entries in this process: for tests, and as the fastest of several tiers.
// Nothing is shared with other processes and nothing outlives this one.
//
// As a URL it is "memory:" (a place of its own at each Open) or "memory:name" (one place for every manager that opens
// that name in this process, for its whole life, as a server would be). The parameter max bounds what it holds,
// "memory:?max=128MiB"; the default is 64 MiB. What was used least recently goes first. max-entry bounds one entry.
package memory

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// DefaultMax is the bound in bytes where [Options] sets none.
const DefaultMax = 64 << 20

func init() { backends.Register("memory", OpenURL) }

// Options configure a Manager. The zero value is a place of its own, bounded by [DefaultMax].
type Options struct {
	// Name selects a place that all managers with this name share. Empty: a place of its own.
	Name string
	// Max is the bound in bytes over all functions, keys and a share for bookkeeping included; zero is DefaultMax.
	// For a named place the first manager decides; another value later is an error.
	Max int64
	// MaxEntry is the size in bytes of the largest entry; zero: only Max bounds it. For a named place the first manager
	// decides.
	MaxEntry int64
	// Clock is the time that expiry and leases follow; nil is time.Now. For a named place the first manager decides.
	Clock func() time.Time
}

// Manager is a [backends.PersistenceManager] and a [backends.Pruner] in memory; its stores have every
// capability of package backends. It is safe for concurrent use.
type Manager struct {
	place  *place
	closed atomic.Bool
}

var named struct {
	sync.Mutex
	places map[string]*place
}

// New returns a manager. The only errors are a negative Max, and a Max that differs from that of the named place.
func New(o Options) (*Manager, error) {
	if o.Max < 0 {
		return nil, fmt.Errorf("memory: max %d is negative; use zero for the default of %d bytes", o.Max, int64(DefaultMax))
	}
	if o.MaxEntry < 0 {
		return nil, fmt.Errorf("memory: max entry %d is negative; use zero for no limit", o.MaxEntry)
	}
	if o.Name == "" {
		return &Manager{place: newPlace(o)}, nil
	}
	named.Lock()
	defer named.Unlock()
	p := named.places[o.Name]
	switch {
	case p == nil:
		p = newPlace(o)
		if named.places == nil {
			named.places = make(map[string]*place)
		}
		named.places[o.Name] = p
	case o.Max != 0 && o.Max != p.max:
		return nil, fmt.Errorf("memory: place %q is open with max %d, which a later max %d cannot change", o.Name, p.max, o.Max)
	}
	return &Manager{place: p}, nil
}

// OpenURL is the opener behind the scheme "memory". It does not change u.
func OpenURL(_ context.Context, u *url.URL) (backends.PersistenceManager, error) {
	o, err := ParseURL(u)
	if err != nil {
		return nil, err
	}
	m, err := New(o)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Copy returns a manager of a place of its own, that holds what this one holds now, leases and
// versions included: what a replica knows that takes over later, or a snapshot that is restored. It is meant for tests.
func (m *Manager) Copy() *Manager { return &Manager{place: m.place.copy()} }

// ParseURL returns the options that a URL describes.
func ParseURL(u *url.URL) (Options, error) {
	q := backends.NewQuery(u)
	o := Options{Name: u.Opaque, Max: q.Size("max", 0), MaxEntry: q.Size("max-entry", 0)}
	if u.Host != "" {
		o.Name = u.Host
	}
	if err := q.Err(); err != nil {
		return o, err
	}
	if u.Path != "" || u.User != nil {
		return o, fmt.Errorf(`memory: a place is named "memory:name", without user and path`)
	}
	return o, nil
}

// Store returns the function's store. The error is about the function's parameters or matches ErrClosed.
func (m *Manager) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	if err := m.check(ctx); err != nil {
		return nil, err
	}
	if err := backends.CheckFunction(fn); err != nil {
		return nil, err
	}
	return &store{m: m, id: fnID{fn.Namespace, fn.Name}}, nil
}

// Check accepts all parameters that make sense at all.
func (m *Manager) Check(fn backends.Function) error { return backends.CheckFunction(fn) }

// ClearAll gives every function a new generation and drops all entries.
func (m *Manager) ClearAll(ctx context.Context) error {
	if err := m.check(ctx); err != nil {
		return err
	}
	m.place.clearAll()
	return nil
}

// Prune removes expired and cleared-away entries; see [backends.Pruner].
func (m *Manager) Prune(ctx context.Context, generationOf func([]byte) (uint64, bool)) (int, error) {
	if err := m.check(ctx); err != nil {
		return 0, err
	}
	return m.place.prune(ctx, generationOf)
}

// Close makes this manager's stores return ErrClosed; a named place stays for the others. It returns nil.
func (m *Manager) Close() error {
	m.closed.Store(true)
	return nil
}

func (m *Manager) check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.closed.Load() {
		return backends.ErrClosed
	}
	return nil
}
