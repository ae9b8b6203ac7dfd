// Package runtimeport hands what an adapter.Runtime has to package httpcache, without making it part of the Runtime's public
// face.
package runtimeport

import (
	"context"
	"log/slog"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/breaker"
	"github.com/stillwarm/stillwarm/internal/engine/lease"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/serialize"
)

// Env is what a process offers to its caches. It does not change.
type Env struct {
	Now     func() int64 // wall clock, nanoseconds since 1970
	Log     func(ctx context.Context, level slog.Level, msg string, args ...any)
	LogOnce func(ctx context.Context, key string, level slog.Level, msg string, args ...any) // Log, once per key
	// Defer does a job once the response is out, or as soon as that is possible.
	Defer func(ctx context.Context, job func(context.Context))
	// DeferRefresh is Defer for a job that no response should wait for: drop is called in its place where one would.
	DeferRefresh func(ctx context.Context, job func(context.Context), drop func())
	// Off reports whether caches should do nothing now: they are disabled, or the Runtime was closed.
	Off func() bool
	// Tenant returns the tenant that a context's invocation is for, "" for none; known is false where that cannot be told.
	Tenant func(ctx context.Context) (id string, known bool)
	// Backend returns the backend of a cache, nil for memory only, and why it is less than was asked for. set, on and name
	// are what the cache's Persist option says.
	Backend func(set, on bool, name string) (m backends.PersistenceManager, why string)
	// InvalidateTags invalidates the cached functions of the Runtime that carry one of the tags; OnInvalidateTags is told
	// when somebody does that through the Runtime, and does its own part.
	InvalidateTags   func(ctx context.Context, tags []string) error
	OnInvalidateTags func(f func(ctx context.Context, tags []string) error)
	// Claim takes the name of a cache. It reports false where the name is taken.
	Claim func(name string) (number uint32, ok bool)

	// Observed reports whether anybody is told of events; Emit tells them of one.
	Observed func(ctx context.Context) bool
	Emit     func(ctx context.Context, e Event)
	// OnEntries is told how to list what memory holds of a cache: at most so many entries.
	OnEntries func(list func(limit int) []Entry)

	Tier           *memory.Tier
	Reads, Writes  *breaker.Breaker
	Sealer         *serialize.Sealer
	Namespace      string
	BackendTimeout time.Duration
	LeaseTTL       time.Duration
	Leases         *lease.Leases // of the process
	Development    bool
}

// Event is one thing that happened in an HTTP cache. The kinds and tiers are those of package adapter.
type Event struct {
	Kind, Cache, URL, Key, Tier, Reason string

	Age, TTL, Duration time.Duration
	Size               int64
	Err                error
}

// Entry is what memory holds of one answer. Times are nanoseconds since 1970.
type Entry struct {
	Cache, Key, URL, Variant           string
	Created, Fresh, End, Size, RunTime int64
}

// Of returns the Env of an *adapter.Runtime. Package adapter sets it.
var Of func(rt any) *Env
