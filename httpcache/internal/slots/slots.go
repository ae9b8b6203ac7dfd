// Package slots is the [port.Engine] of a container: entries in the memory tier that all cached functions share, behind
// them the slots of a backend, and the order in which all of it may be believed.
//
// # What may be believed
//
// Three things make an entry a miss, and each has one place:
//
//   - Clear: entries carry the generation of the cache under which their run began.
//   - Invalidation elsewhere: entries carry the ids of the invalidation records of their URL and tags. One more record, the
//     epoch, moves after each of them. A container reads the epoch once per NearTTL, with whatever it reads anyway, and the
//     records of an entry only where the epoch is not the one under which the entry was checked last.
//   - Invalidation here: a local order by a counter, asked at every read of memory and every write. It holds whatever the
//     backend does.
//
// An invalidation that could not be told to the backend is remembered and told before anything there is believed again.
package slots

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/internal/runtimeport"
)

// Env is what a process offers to its caches.
type Env = runtimeport.Env

// Spec is what one cache is.
type Spec struct {
	Name    string
	Code    func() (string, error) // the identity of the code, part of every key in the backend
	Manager backends.PersistenceManager
	NearTTL time.Duration
	Number  uint32 // of the cache in its process: begins its keys in memory
	Decode  func(data []byte, limit int64) (port.Value, error)
}

// maxKeep bounds how long the backend keeps an entry, and with it how long invalidation records must be kept.
const maxKeep = 366 * 24 * time.Hour

// Engine implements [port.Engine] for one cache. It is safe for concurrent use.
type Engine struct {
	env   *Env
	spec  Spec
	owner *memory.Owner
	local local
	edits sync.Mutex // orders compare-and-set in memory
	marks marks

	opening sync.Once
	store   *driver // nil: memory only
	prefix  string  // of keys in the backend

	heard atomic.Pointer[hearing]

	untold untold
	stats  counters
}

type counters struct{ evictions, stores, storeErrors, backendErrors, badEntries, fleetWaits atomic.Uint64 }

// hearing is what the backend said last of the cache as a whole.
type hearing struct {
	at         int64
	generation uint64
	epoch      string
}

var _ port.Engine = (*Engine)(nil)

// New returns the engine of a cache. It connects to nothing.
func New(env *Env, spec Spec) *Engine {
	e := &Engine{env: env, spec: spec}
	e.owner = env.Tier.Owner(func() { e.stats.evictions.Add(1) }, 0, 0) // the tier calls its owner's tag
	return e
}

// Entries lists what memory holds, at most limit entries.
func (e *Engine) Entries(limit int) (list []runtimeport.Entry) {
	e.owner.Sweep(func(m *memory.Entry) bool {
		if it, ok := m.Value.(*item); ok && len(list) < limit {
			list = append(list, runtimeport.Entry{
				Cache: e.spec.Name, Key: hex.EncodeToString(it.key[:]), URL: it.entry.URL, Variant: it.entry.Variant,
				Created: m.Created, Fresh: nanos(it.entry.Fresh), End: m.End, Size: m.Cost, RunTime: m.RunTime,
			})
		}
		return false
	})
	return list
}

// emit tells observers of what happened to an entry.
func (e *Engine) emit(ctx context.Context, kind string, k port.Key, entry *port.Entry, ev runtimeport.Event) {
	if !e.env.Observed(ctx) {
		return
	}
	ev.Kind, ev.Cache, ev.Key, ev.Tier = kind, e.spec.Name, hex.EncodeToString(k[:]), "backend"
	if entry != nil {
		ev.URL = entry.URL
	}
	e.env.Emit(ctx, ev)
}

// Now is the wall-clock time.
func (e *Engine) Now() time.Time { return time.Unix(0, e.env.Now()) }

// After does a job once the response is out.
func (e *Engine) After(ctx context.Context, job func(context.Context)) { e.env.Defer(ctx, job) }

// AfterOr does a job once the response is out, or drops it where the response would have to wait for it.
func (e *Engine) AfterOr(ctx context.Context, job func(context.Context), drop func()) {
	e.env.DeferRefresh(ctx, job, drop)
}

// Begin is called before a run.
func (e *Engine) Begin() port.Run {
	r := port.Run{Began: e.Now(), Sequence: e.local.Now()}
	if h := e.heard.Load(); h != nil {
		r.Epoch, r.Generation = h.epoch, h.generation
	}
	return r
}

// Usage is what the cache holds in memory now, and what happened to its entries.
func (e *Engine) Usage() port.Usage {
	s := &e.stats
	u := port.Usage{
		Evictions: s.evictions.Load(), Stores: s.stores.Load(), StoreErrors: s.storeErrors.Load(),
		BackendErrors: s.backendErrors.Load(), BadEntries: s.badEntries.Load(), FleetWaits: s.fleetWaits.Load(),
	}
	u.Entries, u.Bytes = e.owner.Len()
	return u
}

type noBudget struct{}

// unbudgeted marks reads that do not count as time before a run: what comes after the response, and looks while another
// container's run, or the own one, is under way.
func unbudgeted(ctx context.Context) context.Context {
	return context.WithValue(ctx, noBudget{}, time.Duration(math.MaxInt64))
}

// bounded is unbudgeted for a look that may take so long: a run of its own has to begin in time.
func bounded(ctx context.Context, within time.Duration) context.Context {
	return context.WithValue(ctx, noBudget{}, within)
}

// reads does a read of the backend. Before a run it is bounded by what the invocation has left of its budget for all that
// happens before runs.
func (e *Engine) reads(ctx context.Context, op func(context.Context) error) error {
	switch within, ok := ctx.Value(noBudget{}).(time.Duration); {
	case ok && within == math.MaxInt64:
		return e.env.Reads.Do(ctx, op)
	case ok:
		return e.readsWithin(ctx, within, op)
	}
	budget := invocation.BudgetOf(ctx, e.env.BackendTimeout)
	within := budget.Enter()
	defer budget.Leave()
	return e.readsWithin(ctx, within, op)
}

func (e *Engine) readsWithin(ctx context.Context, within time.Duration, op func(context.Context) error) error {
	if within <= 0 {
		return errBudget
	}
	return e.env.Reads.Within(ctx, within, func(ctx context.Context, deadline time.Time) error {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		return op(ctx)
	})
}

var errBudget = errors.New("the invocation's budget for the backend is spent")

// backend returns the cache's store, opened at its first use; nil where there is none.
func (e *Engine) backend(ctx context.Context) *driver {
	if e.spec.Manager == nil {
		return nil
	}
	e.opening.Do(func() {
		d, err := openDriver(context.WithoutCancel(ctx), e.spec.Manager, backends.Function{
			Namespace: e.env.Namespace, Name: e.spec.Name, NearTTL: e.spec.NearTTL,
		})
		code := ""
		if err == nil {
			code, err = e.spec.Code()
		}
		if err != nil {
			e.env.Log(ctx, slog.LevelError, "the HTTP cache cannot persist answers; they are kept in memory only",
				"cache", e.spec.Name, "error", err.Error())
			return
		}
		e.store, e.prefix = d, code
	})
	return e.store
}
