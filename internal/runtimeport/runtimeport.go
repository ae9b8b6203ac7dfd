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

	Tier           *memory.Tier
	Reads, Writes  *breaker.Breaker
	Sealer         *serialize.Sealer
	Namespace      string
	BackendTimeout time.Duration
	LeaseTTL       time.Duration
	Leases         *lease.Leases // of the process
	Development    bool
}

// Of returns the Env of an *adapter.Runtime. Package adapter sets it.
var Of func(rt any) *Env
