package runtimeapitest

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// Importing this package registers the backend "gated:", which keeps entries in memory and whose writes wait at the
// gate "write". It is registered here because a package-level cached function may ask for it before any test code runs.
func init() {
	backends.Register("gated", func(context.Context, *url.URL) (backends.PersistenceManager, error) {
		return &gated{entries: map[string][]byte{}, versions: map[string]backends.Version{}}, nil
	})
}

// gated is the manager and its one store: the functions behind it are few, and their keys differ.
type gated struct {
	mu       sync.Mutex
	entries  map[string][]byte
	versions map[string]backends.Version
	writes   int
}

func (g *gated) Store(context.Context, backends.Function) (backends.Store, error) { return g, nil }
func (g *gated) Check(backends.Function) error                                    { return nil }
func (g *gated) Close() error                                                     { return nil }
func (g *gated) Generation(context.Context) (uint64, error)                       { return 1, nil }
func (g *gated) ClearAll(ctx context.Context) error {
	_, err := g.Clear(ctx)
	return err
}

func (g *gated) Read(_ context.Context, key string, _ backends.ReadOptions) (backends.Reading, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return backends.Reading{Entry: slices.Clone(g.entries[key]), Version: g.versions[key], Generation: 1}, nil
}

func (g *gated) Put(_ context.Context, key string, entry []byte, _ time.Time, seen backends.Version) (backends.Version, error) {
	if err := Pass("write"); err != nil {
		return backends.Absent, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.versions[key] != seen {
		return backends.Absent, backends.ErrConflict
	}
	g.set(key, append([]byte{}, entry...))
	return g.versions[key], nil
}

func (g *gated) Invalidate(_ context.Context, key string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set(key, nil)
	return nil
}

func (g *gated) Delete(_ context.Context, key string, seen backends.Version) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.versions[key] == seen {
		delete(g.entries, key)
		delete(g.versions, key)
	}
	return nil
}

// set replaces what the slot holds. The lock is held.
func (g *gated) set(key string, entry []byte) {
	g.writes++
	g.entries[key], g.versions[key] = entry, backends.Version(strconv.Itoa(g.writes))
}

func (g *gated) Clear(context.Context) (uint64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.entries)
	clear(g.versions)
	return 1, nil
}
