package runtimeapitest

import (
	"context"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// Importing this package registers the backend "gated:", which keeps entries in memory and whose writes wait at the
// gate "write". It is registered here because a package-level cached function may ask for it before any test code runs.
func init() {
	backends.Register("gated", func(context.Context, *url.URL) (backends.PersistenceManager, error) {
		return &gated{entries: map[string][]byte{}}, nil
	})
}

// gated is the manager and its one store: the functions behind it are few, and their keys differ.
type gated struct {
	mu      sync.Mutex
	entries map[string][]byte
}

func (g *gated) Store(context.Context, backends.Function) (backends.Store, error) { return g, nil }
func (g *gated) Check(backends.Function) error                                    { return nil }
func (g *gated) Close() error                                                     { return nil }
func (g *gated) Generation(context.Context) (uint64, error)                       { return 1, nil }
func (g *gated) ClearAll(ctx context.Context) error                               { return g.Clear(ctx) }

func (g *gated) Get(_ context.Context, key string) ([]byte, uint64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if entry, ok := g.entries[key]; ok {
		return slices.Clone(entry), 1, nil
	}
	return nil, 1, backends.ErrNotFound
}

func (g *gated) Put(_ context.Context, key string, entry []byte, _ time.Time) error {
	if err := Pass("write"); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.entries[key] = slices.Clone(entry)
	return nil
}

func (g *gated) Delete(_ context.Context, key string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.entries, key)
	return nil
}

func (g *gated) Clear(context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.entries)
	return nil
}
