// Package engine answers calls of cached functions: from this container's memory, from the backend, or by a run. It
// knows neither the types of users nor HTTP.
//
// State is passed down and never a pointer back up: a [Function] is made of an [Env], what the process offers it, and a
// [Spec], what its options say. The way of one call reads top to bottom in lookup.go; each step is one call into the room
// that decides it: freshness, invalidation, flight, fleet (leases), read, writes.
package engine

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/breaker"
	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/lease"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/serialize"
)

// Env is what a process offers to its cached functions. It is made once for each runtime and does not change.
type Env struct {
	// Now is the wall-clock time in nanoseconds since 1970.
	Now func() int64
	Log func(ctx context.Context, level slog.Level, msg string, args ...any)
	// LogOnce is Log, once per key.
	LogOnce func(ctx context.Context, key string, level slog.Level, msg string, args ...any)
	// Emit tells observers of an event; Observed reports whether there are any.
	Emit     func(ctx context.Context, e Event)
	Observed func(ctx context.Context) bool
	// Defer does a job once the response is out, or as soon as that is possible. It may run the job before it returns.
	Defer func(ctx context.Context, job func(context.Context))
	// DeferRefresh is Defer for a job that no response should wait for: drop is called in its place where one would.
	DeferRefresh func(ctx context.Context, job func(context.Context), drop func())
	// Defers reports whether Defer returns before the job is done.
	Defers func(ctx context.Context) bool
	// Closed reports whether the runtime is shutting down: what fails then is no outage.
	Closed func() bool

	Reads, Writes  *breaker.Breaker
	Sealer         *serialize.Sealer
	Namespace      string
	LeaseTTL       time.Duration
	BackendTimeout time.Duration
	MaxWait        time.Duration // bounds waits where the context has no deadline
	MemoryMax      int64
	// Spread returns a number below n that spreads what happens in many containers; nil: a random one.
	Spread func(n int64) int64

	leases  *lease.Leases
	writing chan struct{}
	records sync.Map // backends.PersistenceManager -> *Records
}

// maxWriting bounds how many entries are written at the same time. A backend that hangs would otherwise collect a
// connection for every run, and be met with all of them when it comes back.
const maxWriting = 32

// Init makes what the functions of an Env share. It is called once, before the first function.
func (env *Env) Init() {
	env.writing = make(chan struct{}, maxWriting)
	if env.Spread == nil {
		env.Spread = rand.Int64N
	}
	env.leases = lease.New(lease.Config{
		Reads: env.Reads, TTL: env.LeaseTTL, Timeout: env.BackendTimeout, MaxWait: env.MaxWait, Spread: env.Spread,
	})
}

// Leases returns the leases that the process holds.
func (env *Env) Leases() *lease.Leases { return env.leases }

// Spec is what a cached function's options say. It does not change.
type Spec struct {
	Name string
	// Code is the identity of the code, which is part of every key in the backend; it is asked once, at the first use.
	Code    func() (string, error)
	In, Out [32]byte // fingerprints of the types
	Manager backends.PersistenceManager
	// Tags is the backend whose invalidation records a function without a Manager asks: results that it was made of may
	// be there. Nil: this container alone.
	Tags    backends.PersistenceManager
	Owner   *memory.Owner
	Policy  freshness.Policy
	NearTTL time.Duration
	// SoftTimeout is how long a call waits for a run while a value that may stand in is at hand; zero: as long as it takes.
	SoftTimeout time.Duration
	Coherent    bool
	// TagsOf says that results name tags of their own.
	TagsOf     bool
	MaxEntries int
	MaxSize    int64
	// Progress shows that a run is under way until the function it returns is called.
	Progress func(ctx context.Context) func()
	// Describe returns what the function's record says of it besides names and run times.
	Describe func() Description
	// Many runs several lookups together; nil: the function computes one at a time.
	Many func(ctx context.Context, ls []*Lookup) []Result
}

// Function is one cached function in one runtime. It is safe for concurrent use.
type Function struct {
	env  *Env
	spec Spec

	// Stats counts what happened.
	Stats Counters

	log     invalidation.Log
	flights flight.Group
	looks   inlineReads
	marks   marks
	rests   rests
	sets    sets
	lanes   lanes
	store   *store   // the function's part of the backend; nil: memory only
	records *Records // the invalidation records of the backend, or of this container alone

	connecting sync.Once // to the records, where there is no store

	recent    recentRuns   // how long runs took here
	replacing atomic.Int64 // results of Refresh that wait to be written

	refreshes chan struct{} // those under way after responses
	refers    atomic.Bool   // an entry of memory depends on records
}

// New returns the engine of a function. It connects to nothing.
func New(env *Env, spec Spec) *Function {
	f := &Function{env: env, spec: spec, refreshes: make(chan struct{}, sideBySide)}
	if spec.Manager != nil {
		f.store = &store{f: f}
	}
	if f.records = env.recordsOf(spec.Manager); spec.Manager == nil {
		f.records = env.recordsOf(spec.Tags)
	}
	return f
}

// Persists reports whether the function has a part of a backend.
func (f *Function) Persists() bool { return f.store != nil }

// Name returns the function's name.
func (f *Function) Name() string { return f.spec.Name }
