package lambda

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/hooks"
)

type runtimeKey struct{}

// WithRuntime returns an option that names the [adapter.Runtime] whose logger and mode an invocation's record follows,
// instead of [adapter.Default]. Its resources are released at SIGTERM like the default runtime's.
func WithRuntime(rt *adapter.Runtime) Option {
	if rt == nil {
		rt = adapter.Default()
	}
	runtimes.add(rt)
	return WithContextValue(runtimeKey{}, rt)
}

func runtimeOf(ctx context.Context) *adapter.Runtime {
	if rt, ok := ctx.Value(runtimeKey{}).(*adapter.Runtime); ok {
		return rt
	}
	return adapter.Default()
}

// What this package needs of a Runtime beyond its documented methods is asked here and nowhere else.

func logger(rt *adapter.Runtime) *slog.Logger          { return rt.Logger() }
func development(rt *adapter.Runtime) bool             { return hooks.Of(rt).Development() }
func backendTimeout(rt *adapter.Runtime) time.Duration { return hooks.Of(rt).BackendTimeout() }
func needsRelease(rt *adapter.Runtime) bool            { return hooks.Of(rt).NeedsRelease() }

// named remembers the runtimes that WithRuntime was given. An option says nothing about itself once it is made, and
// Start must know before the first invocation whether anything needs a release.
type named struct {
	mu  sync.Mutex
	all []*adapter.Runtime
}

var runtimes named

func (n *named) add(rt *adapter.Runtime) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Contains(n.all, rt) {
		n.all = append(n.all, rt)
	}
}

// withDefault returns the runtimes that were named and the default one.
func (n *named) withDefault() []*adapter.Runtime {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := slices.Clone(n.all)
	if rt := adapter.Default(); !slices.Contains(all, rt) {
		all = append(all, rt)
	}
	return all
}

// releaseTime is how long resources have at SIGTERM. Lambda follows with SIGKILL after about half a second.
const releaseTime = 400 * time.Millisecond

// withRelease returns the options with one more, which releases resources at SIGTERM, where there is anything to
// release: having SIGTERM sent costs a cold start some milliseconds. It is the last, so the user's own callbacks run
// while resources are still open.
func withRelease(options []Option) []Option {
	needed := slices.ContainsFunc(runtimes.withDefault(), needsRelease)
	if !needed {
		return options
	}
	return append(slices.Clip(options), WithEnableSIGTERM(func() {
		release(runtimes.withDefault(), releaseTime)
	}))
}

// release closes the runtimes side by side within the given time.
func release(all []*adapter.Runtime, within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	var wg sync.WaitGroup
	for _, rt := range all {
		wg.Go(func() {
			if err := rt.Close(ctx); err != nil && !errors.Is(err, context.Canceled) {
				logger(rt).Warn("stillwarm: releasing resources at shutdown", "error", err)
			}
		})
	}
	wg.Wait()
}
