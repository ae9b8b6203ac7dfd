package adapter

import "context"

// WaitIdle waits until the work that was left for later is done.
func (rt *Runtime) WaitIdle() { rt.backlog.Wait(context.Background()) }

// NeedsRelease is what package lambda asks at its start.
func (rt *Runtime) NeedsRelease() bool { return rt.needsRelease() }

// Development is what package lambda asks for its records.
func (rt *Runtime) Development() bool { return rt.development() }

// HasDefault reports whether the default runtime was made.
func HasDefault() bool { return standard.rt.Load() != nil }

// ForgetDefault makes the default runtime as good as not made yet, for the length of a test that is not parallel.
func ForgetDefault(cleanup func(func())) {
	rt, place, configured := setStandard(nil, "", false)
	cleanup(func() { setStandard(rt, place, configured) })
}

func setStandard(rt *Runtime, place string, configured bool) (*Runtime, string, bool) {
	standard.mu.Lock()
	defer standard.mu.Unlock()
	old, oldPlace, oldConfigured := standard.rt.Load(), standard.place, standard.configured
	for _, e := range unbound.all("") {
		e.forget(old)
	}
	standard.rt.Store(rt)
	standard.place, standard.configured = place, configured
	return old, oldPlace, oldConfigured
}
