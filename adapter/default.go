package adapter

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/stillwarm/stillwarm/internal/hooks"
)

// standard is the default runtime and how it came to be.
var standard struct {
	rt atomic.Pointer[Runtime]

	mu         sync.Mutex
	place      string // where it was made: file:line
	configured bool   // by Configure
}

// Default returns the Runtime of functions that were not given one with [WithRuntime]. It is made at its first use: by
// a cached function's first call, a clear, lambda.Start or Default itself. Its configuration is that of [Configure], or
// the environment's; invalid settings are logged once and ignored, because a cache must not keep a program from
// starting.
func Default() *Runtime {
	if rt := standard.rt.Load(); rt != nil {
		return rt
	}
	return makeDefault()
}

func makeDefault() *Runtime {
	standard.mu.Lock()
	if rt := standard.rt.Load(); rt != nil {
		standard.mu.Unlock()
		return rt
	}
	rt, err := newRuntime(Config{})
	rt.registry = &unbound
	standard.place = outerPlace()
	standard.rt.Store(rt)
	standard.mu.Unlock()
	if err != nil {
		rt.logger.Error("stillwarm: ignoring invalid configuration", "error", err.Error())
	}
	rt.announceAll()
	return rt
}

// Configure sets the configuration of the [Default] runtime, in code instead of by the environment. Call it before the
// default runtime's first use, at the beginning of main: cached functions bind to it at their first call. Afterwards,
// and the second time, it returns an [*OptionError] and changes nothing; so it does for a configuration that is not
// valid. Fields that are not set come from the environment.
func Configure(c Config) error {
	place := callerPlace(0)
	standard.mu.Lock()
	if standard.rt.Load() != nil {
		defer standard.mu.Unlock()
		e := &OptionError{Option: "Configure", Place: place}
		if standard.configured {
			e.Reason = "the default runtime was configured before, at " + standard.place + "; configure it once"
		} else {
			e.Reason = "the default runtime is in use since " + standard.place + "; call Configure before the first cached call"
		}
		return e
	}
	rt, err := newRuntime(c)
	if err != nil {
		standard.mu.Unlock()
		return err
	}
	rt.registry = &unbound
	standard.place, standard.configured = place, true
	standard.rt.Store(rt)
	standard.mu.Unlock()
	rt.announceAll()
	return nil
}

// existingDefault returns the default runtime if there is one yet and no test may have another in its place.
func existingDefault() *Runtime {
	if hooks.Testing.Load() {
		return nil
	}
	return standard.rt.Load()
}

// announceAll says of every function that was wrapped before its Runtime existed what there is to say.
func (rt *Runtime) announceAll() {
	ctx := context.Background()
	for _, e := range rt.registry.all("") {
		e.b.announce(ctx, rt)
		for _, later := range e.notices {
			later.announce(ctx, rt)
		}
	}
}

// swapDefault puts another runtime in the place of the default one, in tests.
func swapDefault(rt *Runtime) (restore func()) {
	old := standard.rt.Swap(rt)
	return func() { standard.rt.Store(old) }
}

// outerPlace returns file:line of the innermost caller outside of this package, or "an unknown place".
func outerPlace() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, ownPackage) {
			return fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}

// ownPackage begins the names of this package's functions.
const ownPackage = "github.com/stillwarm/stillwarm/adapter."
