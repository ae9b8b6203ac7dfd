package adapter

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/breaker"
	"github.com/stillwarm/stillwarm/internal/buildid"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/engine/resource"
	"github.com/stillwarm/stillwarm/internal/hooks"
	"github.com/stillwarm/stillwarm/internal/host"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/internal/pending"
	"github.com/stillwarm/stillwarm/internal/runtimeport"
	"github.com/stillwarm/stillwarm/serialize"
)

// A Runtime holds what the cached functions of a program share: the backend, the memory tier with its budget, the
// clock, the logger. A program has one, [Default], unless it makes more with [New]. It is safe for concurrent use.
type Runtime struct {
	config  Config
	now     func() int64 // wall-clock time in nanoseconds since 1970
	freezes bool         // it stands still between invocations, so what is left for later may never run
	logger  *slog.Logger
	// environment identifies the function's own configuration in Lambda: part of the code identity. See buildid.
	environment string
	manager     backends.PersistenceManager // nil: memory only
	sealer      *serialize.Sealer
	reads       *breaker.Breaker
	writes      *breaker.Breaker
	env         engine.Env
	tier        *memory.Tier

	registry *registry // of the functions that were wrapped for it
	tenants  tenants
	dev      *workbench // nil: no local runner listens

	resources *resource.Env // what it offers its resources

	mu       sync.Mutex
	data     []*dataState
	pools    []*resourceState
	singles  map[string]backends.PersistenceManager // of several configured backends, those that a function asked for by name
	once     map[string]struct{}
	caches   map[string]struct{}                              // names of HTTP caches
	listings []func(limit int) []runtimeport.Entry            // of what memory holds of HTTP caches
	tagged   []func(ctx context.Context, tags []string) error // what else has tags
	closed   atomic.Bool
	backlog  pending.Counter
	lastSeen atomic.Int64 // wall clock of the last use of a resource
	thaws    atomic.Int64
	outages  outages
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
	now := nanos(c.Clock)
	c, err := c.fill()
	rt := &Runtime{
		config: c, now: now, freezes: host.Freezes(), logger: c.Logger, environment: buildid.EnvironmentIdentity(),
		registry: new(registry), once: map[string]struct{}{},
	}
	rt.resources = rt.resourceEnv()
	rt.tenants.strict = host.InLambda()
	rt.tier = memory.New(c.MemoryMax, func(tag any) { tag.(func())() }, memory.WithClock(rt.now))
	rt.reads = breaker.New(c.BackendTimeout, func(ctx context.Context, err error) { rt.outage(ctx, reading, err) })
	rt.writes = breaker.New(10*c.BackendTimeout, func(ctx context.Context, err error) { rt.outage(ctx, writing, err) })
	sealer, sealErr := serialize.NewSealer(serialize.Options{Keys: c.SealKeys, MaxSize: c.decodeBudget()})
	if sealErr == nil {
		sealErr = serialize.CheckKeys(c.SealKeys)
	}
	if sealErr != nil {
		sealErr = &OptionError{
			Option: envSealKeys,
			Reason: strings.TrimPrefix(sealErr.Error(), serialize.KeysVariable+": ") + "; no backend is used until it is fixed",
		}
	}
	rt.config.SealKeys = "" // the sealer has them: nothing else needs to
	rt.sealer = sealer
	var openErr error
	if sealErr == nil { // without its keys it must neither write nor believe entries
		rt.manager, openErr = openManager(c)
	}
	rt.fillEnv()
	rt.connectWorkbench()
	return rt, errors.Join(err, sealErr, openErr)
}

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

// Logger returns the logger.
func (rt *Runtime) Logger() *slog.Logger { return rt.logger }

// development reports whether the program is being developed rather than deployed.
func (rt *Runtime) development() bool { return rt.config.Mode == Development }

// nanos returns what tells a clock's wall-clock time, in nanoseconds since 1970. Go's monotonic clock plays no part in
// it: it may stand still while a container is frozen. The usual clock is asked without a detour, since asking it is a
// good part of a hit.
func nanos(clock func() time.Time) func() int64 {
	if clock == nil {
		return func() int64 { return time.Now().UnixNano() }
	}
	return func() int64 { return clock().UnixNano() }
}

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
	leave := func() {
		defer rt.backlog.Done()
		drop()
	}
	if drop != nil {
		job = asOf(ctx, job)
	}
	if inv := rt.invocation(ctx); drop == nil && inv.After(run) || drop != nil && inv.AfterResponse(run, leave) {
		return
	}
	if rt.freezes && drop != nil {
		leave() // there is no later
		return
	}
	// The job is an invocation of its own: what it uses stays open until it is done.
	request, tenant := caller(ctx)
	ctx, inv := invocation.Begin(context.WithoutCancel(ctx), invocation.Options{RequestID: request, TenantID: tenant})
	whole := func() {
		defer inv.Finish(ctx)
		run(ctx)
	}
	if rt.freezes {
		whole()
		return
	}
	go whole()
}

// needsRelease reports whether a resource wrapped so far has something to release at shutdown.
func (rt *Runtime) needsRelease() bool {
	return slices.ContainsFunc(rt.functions(kindResource), func(e *registered) bool { return e.b.releases })
}

// functions returns the functions of a kind that were wrapped for this Runtime.
func (rt *Runtime) functions(kind string) []*registered {
	all := rt.registry.all(kind)
	if hooks.Testing.Load() && rt.registry != &unbound { // a test's runtime stands in for the default one
		all = append(all, unbound.all(kind)...)
	}
	return all
}

func (rt *Runtime) addData(c *dataState) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.data = append(rt.data, c)
}

func (rt *Runtime) addPool(p *resourceState) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.pools = append(rt.pools, p)
}

// begin counts a call that goes beyond memory, so that Close waits for it and for what it leaves. It reports false once the
// Runtime is closed: the call then runs its function and nothing else. Where it reports true, the call ends with end.
func (rt *Runtime) begin() bool {
	rt.backlog.Add()
	if rt.closed.Load() { // set before Close began to wait, or after this call was counted
		rt.backlog.Done()
		return false
	}
	return true
}

func (rt *Runtime) end() { rt.backlog.Done() }

// Close waits for running calls and their pending writes, releases every resource and closes the backend. It waits for
// resources that a running invocation uses. Where calls run on, releasing begins in the middle of the time that ctx gives.
// Close stops when ctx ends; the error then says what was left. Calls may go on meanwhile: those that begin after Close run
// their function, and a resource that such a call opens is released when its context ends. The second Close does nothing.
func (rt *Runtime) Close(ctx context.Context) error {
	if rt.closed.Swap(true) {
		return nil
	}
	calls, cancel := half(ctx)
	quiet := rt.backlog.Wait(calls)
	cancel()
	rt.mu.Lock()
	pools, singles := rt.pools, rt.singles
	rt.mu.Unlock()
	released := make(chan []error, 1)
	go func() { released <- shutdown(ctx, pools) }()
	var errs []error
	if !quiet && !rt.backlog.Wait(ctx) {
		errs = append(errs, errors.New("some calls, or what they left to write, did not end in time"))
	}
	errs = append(errs, <-released...)
	if rt.manager != nil {
		errs = append(errs, rt.manager.Close())
	}
	for _, m := range singles {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}

// half returns a context that ends in the middle of the time that ctx has left, or with ctx where that has no deadline.
func half(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

// shutdown shuts pools down side by side: a resource in use must not keep others from being released.
func shutdown(ctx context.Context, pools []*resourceState) []error {
	errs := make([]error, len(pools))
	var wg sync.WaitGroup
	for i, p := range pools {
		wg.Go(func() { errs[i] = p.Shutdown(ctx) })
	}
	wg.Wait()
	return errs
}

// off reports whether calls should run their function and nothing else.
func (rt *Runtime) off() bool { return rt.config.Disabled || rt.closed.Load() }

// ClearData clears every function cached by [CacheData] in this program, for all containers. See [Data.Clear].
func ClearData(ctx context.Context) error { return runtimeIn(ctx).ClearData(ctx) }

// ClearData clears every function cached as data in this Runtime.
func (rt *Runtime) ClearData(ctx context.Context) error {
	for _, e := range rt.functions(kindData) { // also those that were not called here yet: others have called them
		e.ensure(ctx, rt)
	}
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
func ClearResources(ctx context.Context) error { return runtimeIn(ctx).ClearResources(ctx) }

// ClearResources removes every resource of this Runtime.
func (rt *Runtime) ClearResources(ctx context.Context) error {
	rt.mu.Lock()
	all := rt.pools
	rt.mu.Unlock()
	for _, p := range all {
		p.opts.warnAtClear(ctx, p.rt)
		p.Clear(ctx)
	}
	return nil
}
