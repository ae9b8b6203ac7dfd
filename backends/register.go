package backends

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// An OpenFunc opens the backend that a URL describes. It must not connect: [PersistenceManager] says why. It must not
// change the URL, which other openers may be reading, and reports parameters it does not know (see [Query]).
type OpenFunc = func(ctx context.Context, u *url.URL) (PersistenceManager, error)

// A TiersFunc puts the backends of several URLs in a row, fastest first.
type TiersFunc = func(ctx context.Context, urls []*url.URL) (PersistenceManager, error)

var registry struct {
	sync.RWMutex
	schemes map[string]OpenFunc
	tiers   TiersFunc
}

// Register makes a backend available under a URL scheme. It is meant for the init function of a backend's package and,
// like database/sql's Register, panics when the scheme is empty or taken, or open is nil: both are mistakes in the
// program, which no input can bring about. Schemes are compared in lower case. Safe for concurrent use.
func Register(scheme string, open func(context.Context, *url.URL) (PersistenceManager, error)) {
	scheme = strings.ToLower(scheme)
	if scheme == "" {
		panic("backends: Register with an empty scheme")
	}
	if open == nil {
		panic("backends: Register of scheme " + scheme + " without an open function")
	}
	registry.Lock()
	defer registry.Unlock()
	if _, taken := registry.schemes[scheme]; taken {
		panic("backends: Register called twice for scheme " + scheme)
	}
	if registry.schemes == nil {
		registry.schemes = make(map[string]OpenFunc)
	}
	registry.schemes[scheme] = open
}

// RegisterTiers makes Open accept several URLs. The package backends/tiered calls it from its init function: a variable
// instead of an import, because that package imports this one, and because a function with a single backend should not
// link it. It panics when called twice or with nil.
func RegisterTiers(open TiersFunc) {
	if open == nil {
		panic("backends: RegisterTiers without an open function")
	}
	registry.Lock()
	defer registry.Unlock()
	if registry.tiers != nil {
		panic("backends: RegisterTiers called twice")
	}
	registry.tiers = open
}

// Schemes returns the URL schemes that are linked into this program, sorted. The slice is the caller's own.
func Schemes() []string {
	registry.RLock()
	defer registry.RUnlock()
	names := make([]string, 0, len(registry.schemes))
	for name := range registry.schemes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func opener(scheme string) OpenFunc {
	registry.RLock()
	defer registry.RUnlock()
	return registry.schemes[strings.ToLower(scheme)]
}

func tiersOpener() TiersFunc {
	registry.RLock()
	defer registry.RUnlock()
	return registry.tiers
}
