// Package backends defines where cached functions keep their entries beyond the life of one container.
//
// A backend is a [PersistenceManager]: it opens one [Store] for each cached function. A Store keeps opaque bytes in
// slots, one for each key. A slot has a [Version], so that a write can depend on what the writer saw: a run that was
// overtaken by an invalidation cannot bring back what was removed. Beside its slots a Store has a generation: a number
// that [Store.Clear] replaces, so that clearing costs the same for ten entries as for a million. What a store can do
// beyond that (leases across containers, batches, records, listing) it says by implementing one of the small capability
// interfaces.
//
// Backends are selected by URL: each package below this one registers its scheme with [Register], and [Open] finds it.
// Importing github.com/stillwarm/stillwarm/backends/all links every scheme.
//
// Whoever writes a backend runs the conformance suite in github.com/stillwarm/stillwarm/backends/backendstest: each
// "must" on this page is one of its subtests.
package backends

import (
	"context"
	"time"
)

// Function describes the cached function that a [Store] is opened for.
type Function struct {
	// Namespace keeps applications apart that share one backend. It may be empty.
	Namespace string
	// Name identifies the function within its namespace, for example "example.com/shop.quotes". Never empty.
	Name string
	// TTL is how long an entry stays fresh; zero means without end. The library enforces it on read: a store uses
	// it only to judge whether it can serve the function (see [PersistenceManager.Check]).
	TTL time.Duration
	// MaxEntries and MaxSize are the limits the function asked for in one container; zero means none.
	MaxEntries int
	MaxSize    int64
	// NearTTL is how long a container may act on a generation that it has read. A store that keeps generations to
	// save reads must not keep one longer than half of it; see [Reading.GenerationAge].
	NearTTL time.Duration
}

// A PersistenceManager opens the stores in which cached functions keep their entries. It is safe for concurrent use.
type PersistenceManager interface {
	// Store returns the store of one function. It must not connect or read: a cold start pays for nothing that the
	// first call does not need. Two calls with the same Namespace and Name must see the same entries.
	Store(ctx context.Context, fn Function) (Store, error)
	// Check reports whether this backend can honour the function's parameters: nil, or an error that names the
	// parameter, its value and what is accepted.
	Check(fn Function) error
	// ClearAll makes every entry of every function that this manager can reach a miss, in all namespaces. Its cost
	// must not depend on the number of entries.
	ClearAll(ctx context.Context) error
	// Close releases connections. Stores of a closed manager must return errors that match [ErrClosed]. Closing twice
	// must be harmless.
	Close() error
}

// Lister is implemented by a [Store] that can enumerate its entries, for inspection. It may be slow.
type Lister interface {
	// List calls yield for each entry until yield returns false. Expired entries and tombstones must not be listed.
	// Entries that come and go meanwhile may be missed. yield may use the store.
	List(ctx context.Context, yield func(Info) bool) error
}

// Info describes one stored entry.
type Info struct {
	Key     string
	Size    int64     // in bytes; a store may count what it adds to an entry
	Expires time.Time // zero: it does not expire
}

// Pruner is implemented by a [PersistenceManager] whose entries do not all go by themselves: it removes those that
// have expired and those that Clear left behind. It must keep tombstones whose time is not over, generations, records,
// and leases that are held.
type Pruner interface {
	// Prune removes entries and returns how many. generationOf reads the generation out of an entry's bytes
	// (the store does not know its format) and reports false for bytes that are no entry; those are removed too.
	Prune(ctx context.Context, generationOf func(entry []byte) (uint64, bool)) (removed int, err error)
}
