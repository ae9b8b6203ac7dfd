// Package backends is where cached functions keep their entries beyond the life of one container.
//
// A backend is a [PersistenceManager]: it opens one [Store] for each cached function. A Store keeps opaque bytes
// under opaque keys, and a generation: a number that [Store.Clear] replaces, so that clearing costs the same for ten
// entries as for a million. What a store can do beyond that (leases across containers, listing, pruning) it says by
// implementing one of the small capability interfaces.
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
	// NearTTL is how long a container may act on a generation it heard. A store that keeps generations to save
	// reads must not keep one longer than half of it; see [GenerationKeeper].
	NearTTL time.Duration
}

// A PersistenceManager opens the stores in which cached functions keep their entries. It is safe for concurrent use.
type PersistenceManager interface {
	// Store returns the store of one function. It must not connect or read: a cold start pays for nothing that the
	// first call does not need. Two calls with the same Namespace and Name see the same entries.
	Store(ctx context.Context, fn Function) (Store, error)
	// Check reports whether this backend can honour the function's parameters: nil, or an error that names the
	// parameter, its value and what is accepted.
	Check(fn Function) error
	// ClearAll makes every entry of every function that this manager can reach a miss, in all namespaces. Its cost
	// must not depend on the number of entries.
	ClearAll(ctx context.Context) error
	// Close releases connections. Stores of a closed manager return errors that match [ErrClosed].
	Close() error
}

// A Store holds one cached function's entries: opaque bytes under opaque keys. Keys are any non-empty strings,
// of any length and any bytes; a store must tell them apart exactly. It is safe for concurrent use.
//
// Every method returns the context's error, unwrapped or wrapped, soon after the context ends.
type Store interface {
	// Get returns the entry stored under key, which the caller may keep and change, and the function's current
	// generation, in one round trip. Without an entry, or with one that has expired, the error matches
	// [ErrNotFound] and the generation is valid all the same.
	//
	// Where the store has no generation (a first use, or it was evicted or flushed) Get makes a new unique one.
	Get(ctx context.Context, key string) (entry []byte, generation uint64, err error)
	// Put stores the entry whole or not at all, replacing what was there. After expires the store may drop it, and
	// must not return it; the zero time means that it does not expire. The store must not keep or change the slice.
	// An entry larger than the store accepts is refused with an error that matches [ErrTooLarge].
	Put(ctx context.Context, key string, entry []byte, expires time.Time) error
	// Delete removes the entry. Deleting what is not there is not an error.
	Delete(ctx context.Context, key string) error
	// Generation returns the function's current generation, freshly read, and makes a new unique one where there is none.
	Generation(ctx context.Context) (uint64, error)
	// Clear replaces the generation by a new unique one. Its cost must not depend on the number of entries. Whoever
	// reads an entry compares the generation inside it with the current one, so the old entries themselves may stay
	// until they expire, are overwritten or are pruned; a store that can drop them at once for free may do so.
	Clear(ctx context.Context) error
}

// DeadlineGetter is implemented by a [Store] whose reads end at a deadline without the help of a timer: a connection
// takes a deadline, and for a server nearby setting a timer takes longer than the answer.
type DeadlineGetter interface {
	// GetBefore is Get with a context whose deadline is the earlier of ctx's and the given one.
	GetBefore(ctx context.Context, deadline time.Time, key string) (entry []byte, generation uint64, err error)
}

// GenerationKeeper is implemented by a [Store] whose Get may return a generation that it has kept from an earlier
// read, because reading it costs money (S3). [Store.Generation] always reads.
type GenerationKeeper interface {
	// GenerationAge is the greatest age of a generation that Get returns.
	GenerationAge() time.Duration
}

// Leaser is implemented by a [Store] that can let one container in the fleet run for a key while the others wait.
// Leases save cost; correctness never depends on them.
type Leaser interface {
	// Lease takes the lease of key for ttl. Where another holder has it, and its time is not over, the error matches
	// [ErrLeased], and should be a [*LeasedError]. Leases and entries of the same key do not disturb each other.
	Lease(ctx context.Context, key string, ttl time.Duration) (Lease, error)
}

// LeaseGetter is implemented by a [Store] that takes a lease and reads the entry for less than one after the other takes:
// whoever gets a lease must look for what its last holder wrote.
type LeaseGetter interface {
	// LeaseGet is [Leaser.Lease] and, where that returns a lease, [Store.Get] after it: what holders of the lease put
	// before they released it is there. The lease is returned whenever it was taken. Then the error is Get's, such as
	// one that matches [ErrNotFound], with the generation; without a lease it is Lease's.
	LeaseGet(ctx context.Context, key string, ttl time.Duration) (l Lease, entry []byte, generation uint64, err error)
}

// A Lease is the right to run for one key until its time is over.
type Lease interface {
	// Renew extends the lease to ttl from now. The error matches [ErrLeaseLost] where it is no longer held.
	Renew(ctx context.Context, ttl time.Duration) error
	// Release gives the lease back, and never touches one that another holder has taken meanwhile. Releasing a lease
	// that is over is not an error.
	Release(ctx context.Context) error
}

// Lister is implemented by a [Store] that can enumerate its entries, for inspection. It may be slow.
type Lister interface {
	// List calls yield for each entry until yield returns false. Entries that come and go meanwhile may be missed.
	List(ctx context.Context, yield func(Info) bool) error
}

// Info describes one stored entry.
type Info struct {
	Key     string
	Size    int64
	Expires time.Time // zero: it does not expire
}

// Pruner is implemented by a [PersistenceManager] whose entries do not all go by themselves: it removes those that
// have expired and those that Clear left behind.
type Pruner interface {
	// Prune removes entries and returns how many. generationOf reads the generation out of an entry's bytes
	// (the store does not know its format) and reports false for bytes that are no entry; those are removed too.
	Prune(ctx context.Context, generationOf func(entry []byte) (uint64, bool)) (removed int, err error)
}
