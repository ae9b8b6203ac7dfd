package adapter

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/breaker"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/internal/pending"
	"github.com/stillwarm/stillwarm/serialize"
)

// A Runtime is what the cached functions of a program share: the backend, the memory tier with its budget, the clock, the
// logger. A program has one, [Default], unless it makes more with [New]. It is safe for concurrent use.
type Runtime struct {
	config  Config
	host    host
	logger  *slog.Logger
	manager backends.PersistenceManager // nil: memory only
	sealer  *serialize.Sealer
	reads   *breaker.Breaker
	writes  *breaker.Breaker
	writing chan struct{} // holds one for each entry that is being written
	tier    *memory.Tier

	mu       sync.Mutex
	wrapped  map[string]*wrapping
	data     []*dataCore
	pools    []*pool
	singles  map[string]backends.PersistenceManager // of several configured backends, those that a function asked for by name
	once     map[string]struct{}
	lastID   uint32
	closed   atomic.Bool
	backlog  pending.Counter
	lastSeen atomic.Int64 // wall clock of the last use of a resource
	thaws    atomic.Int64
}

// wrapping remembers what was wrapped under one name.
type wrapping struct {
	id      identity
	options string // what the options amount to, for comparing
	object  any
}

// New returns a Runtime. It connects to nothing and reads no file. An error names the setting, its value and what is
// accepted.
func New(c Config) (*Runtime, error) {
	rt, err := newRuntime(c)
	if err != nil {
		return nil, err
	}
	return rt, nil
}

// newRuntime returns a Runtime that works even where it returns an error as well: without whatever could not be set up.
func newRuntime(c Config) (*Runtime, error) {
	c, err := c.fill()
	rt := &Runtime{
		config: c, host: detectHost(), logger: c.Logger,
		wrapped: map[string]*wrapping{}, once: map[string]struct{}{},
	}
	rt.tier = memory.New(c.MemoryMax, func(tag any) { tag.(*dataCore).evicted() }, memory.WithClock(rt.now))
	rt.reads = breaker.New(c.BackendTimeout, func(ctx context.Context, err error) { rt.outage(ctx, "read", err) })
	rt.writes = breaker.New(10*c.BackendTimeout, func(ctx context.Context, err error) { rt.outage(ctx, "write", err) })
	rt.writing = make(chan struct{}, maxWriting)
	sealer, sealErr := serialize.NewSealer(serialize.Options{Keys: c.SealKeys})
	if sealErr != nil {
		sealErr = &OptionError{Option: envSealKeys, Reason: strings.TrimPrefix(sealErr.Error(), serialize.KeysVariable+": ")}
	}
	rt.sealer = sealer
	var openErr error
	if sealErr == nil { // without its keys it must neither write nor believe entries
		rt.manager, openErr = openManager(c)
	}
	return rt, errors.Join(err, sealErr, openErr)
}

// maxWriting bounds how many entries are written at the same time. A backend that hangs would otherwise collect a
// connection for every run, and be met with all of them when it comes back.
const maxWriting = 32

func openManager(c Config) (backends.PersistenceManager, error) {
	if c.Manager != nil {
		return c.Manager, nil
	}
	if c.Disabled || c.Backend == "" || c.Backend == "none" {
		return nil, nil
	}
	m, err := backends.Open(context.Background(), c.Backend)
	if err != nil {
		return nil, &OptionError{Option: envBackend, Reason: err.Error()}
	}
	return m, nil
}

var defaultRuntime = sync.OnceValue(func() *Runtime {
	rt, err := newRuntime(Config{})
	if err != nil {
		rt.logger.Error("stillwarm: part of the configuration cannot be used; going on without it", "error", err.Error())
	}
	return rt
})

// Default returns the Runtime that is made from the environment at its first use. What of the environment it cannot
// use, it says once in the log, and goes on without: a cache must not keep a function from starting.
func Default() *Runtime { return defaultRuntime() }

// Logger returns the logger.
func (rt *Runtime) Logger() *slog.Logger { return rt.logger }

// Development reports whether the program is being developed rather than deployed.
func (rt *Runtime) Development() bool { return rt.config.Mode == Development }

// now is the wall-clock time in nanoseconds since 1970. Go's monotonic clock plays no part in it: it may stand still
// while a container is frozen.
func (rt *Runtime) now() int64 { return rt.config.Clock().UnixNano() }

// log writes a record with the invocation's request id.
func (rt *Runtime) log(ctx context.Context, level slog.Level, msg string, args ...any) {
	if !rt.logger.Enabled(ctx, level) {
		return
	}
	request, tenant := caller(ctx)
	if request != "" {
		args = append(args, "requestId", request)
	}
	if tenant != "" {
		args = append(args, "tenantId", tenant)
	}
	rt.logger.Log(ctx, level, "stillwarm: "+msg, args...)
}

// logOnce is log, once per key and Runtime.
func (rt *Runtime) logOnce(ctx context.Context, key string, level slog.Level, msg string, args ...any) {
	rt.mu.Lock()
	_, told := rt.once[key]
	rt.once[key] = struct{}{}
	rt.mu.Unlock()
	if !told {
		rt.log(ctx, level, msg, args...)
	}
}

// caller returns whose invocation the context belongs to: the request id, and the tenant where the function isolates
// tenants. It finds them with aws-lambda-go's own Start, too.
func caller(ctx context.Context) (requestID, tenantID string) {
	if inv := invocation.From(ctx); inv != nil {
		return inv.RequestID(), inv.TenantID()
	}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID, lc.TenantID
	}
	return "", ""
}

// scopeOf returns the scope of a call: what the option says, or the tenant.
func (c *options) scopeOf(ctx context.Context) string {
	if c.scope != nil {
		return c.scope(ctx)
	}
	if _, tenant := caller(ctx); tenant != "" {
		return "tenant\x00" + tenant
	}
	return ""
}

func (rt *Runtime) outage(ctx context.Context, direction string, err error) {
	rt.emit(ctx, Event{Kind: EventOutage, Tier: TierBackend, Err: err})
	if err == nil {
		rt.log(ctx, slog.LevelInfo, "the backend works again", "operation", direction)
		return
	}
	level := slog.LevelWarn
	var e *backends.Error
	if errors.As(err, &e) && e.Permanent {
		level = slog.LevelError
	}
	rt.log(ctx, level, "the backend fails; functions run without it until it works again",
		"operation", direction, "error", err.Error())
}

// BackendTimeout returns the bound on one read of the backend.
func (rt *Runtime) BackendTimeout() time.Duration { return rt.config.BackendTimeout }

// after does a job once the response is out: at the end of the invocation where there is one, in a goroutine where
// nothing freezes, and else at once, because there is no later. Close waits for all of them.
func (rt *Runtime) after(ctx context.Context, job func(context.Context)) { rt.afterOr(ctx, job, nil) }

// afterOr is after for a job that no response should wait for: drop is called in its place where one would.
func (rt *Runtime) afterOr(ctx context.Context, job func(context.Context), drop func()) {
	rt.backlog.Add()
	run := func(ctx context.Context) {
		defer rt.backlog.Done()
		defer func() {
			if r := recover(); r != nil {
				rt.log(ctx, slog.LevelError, "work after the response panicked", "panic", r)
			}
		}()
		job(ctx)
	}
	if inv := invocation.From(ctx); drop == nil && inv.After(run) || drop != nil && inv.AfterResponse(run, func() {
		defer rt.backlog.Done()
		drop()
	}) {
		return
	}
	// The job is an invocation of its own: what it uses stays open until it is done.
	request, tenant := caller(ctx)
	ctx, inv := invocation.Begin(context.WithoutCancel(ctx), invocation.Options{RequestID: request, TenantID: tenant})
	whole := func() {
		defer inv.Finish(ctx)
		run(ctx)
	}
	if rt.host.freezes {
		whole()
		return
	}
	go whole()
}

// NeedsRelease reports whether a resource wrapped so far has something to release at shutdown.
func (rt *Runtime) NeedsRelease() bool {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	for _, p := range rt.pools {
		if p.release != nil {
			return true
		}
	}
	return false
}

// Close finishes what was left to write, releases every resource and closes the backend. Resources that a running
// invocation has are waited for until ctx ends. Afterwards cached functions run at every call. The second Close does
// nothing.
func (rt *Runtime) Close(ctx context.Context) error {
	if rt.closed.Swap(true) {
		return nil
	}
	var errs []error
	if !rt.backlog.Wait(ctx) {
		errs = append(errs, errors.New("not all pending work was done in time"))
	}
	rt.mu.Lock()
	pools, singles := rt.pools, rt.singles
	rt.mu.Unlock()
	for _, p := range pools {
		errs = append(errs, p.shutdown(ctx))
	}
	if rt.manager != nil {
		errs = append(errs, rt.manager.Close())
	}
	for _, m := range singles {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}

// off reports whether calls should run their function and nothing else.
func (rt *Runtime) off() bool { return rt.config.Disabled || rt.closed.Load() }

// ClearData clears every function cached by [CacheData] in this program, for all containers. See [Data.Clear].
func ClearData(ctx context.Context) error { return Default().ClearData(ctx) }

// ClearData clears every function cached as data in this Runtime.
func (rt *Runtime) ClearData(ctx context.Context) error {
	rt.mu.Lock()
	all := rt.data
	rt.mu.Unlock()
	var errs []error
	for _, c := range all {
		errs = append(errs, c.clear(ctx))
	}
	return errors.Join(errs...)
}

// ClearResources removes every resource from this container, and releases each when nobody uses it any more.
func ClearResources(ctx context.Context) error { return Default().ClearResources(ctx) }

// ClearResources removes every resource of this Runtime.
func (rt *Runtime) ClearResources(ctx context.Context) error {
	rt.mu.Lock()
	all := rt.pools
	rt.mu.Unlock()
	for _, p := range all {
		p.clear(ctx)
	}
	return nil
}

// register enters a wrapped function under its name. The same function with the same options again gets the object of
// the first time; another function under the name, or other options, is an error that names both places.
func (rt *Runtime) register(kind string, id identity, o *options, make func(number uint32) any) (any, *OptionError) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	key := kind + " " + id.name
	amount := o.summary()
	old := rt.wrapped[key]
	if old == nil {
		rt.lastID++
		w := &wrapping{id: id, options: amount, object: make(rt.lastID)}
		rt.wrapped[key] = w
		return w.object, nil
	}
	e := &OptionError{Function: id.name, Option: "Name", Place: id.place}
	switch {
	case old.id.closure != id.closure:
		e.Reason = "another function was wrapped under this name at " + old.id.place + "; two functions of one name would " +
			"get each other's results: name one of them differently with adapter.Name"
	case old.options != amount:
		e.Option = "options"
		e.Reason = "the function was wrapped with other options at " + old.id.place + " (" + old.options + " there, " + amount +
			" here); two sets of options are two caches: name one of them differently with adapter.Name"
	default:
		return old.object, nil
	}
	return nil, e
}

// thawed notes a use of a resource and returns the number of thaws so far.
func (rt *Runtime) thawed() int64 {
	now := rt.now()
	last := rt.lastSeen.Swap(now)
	if last != 0 && time.Duration(now-last) > rt.config.ThawGap {
		return rt.thaws.Add(1)
	}
	return rt.thaws.Load()
}
