package backendstest

import (
	"context"
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var contextTests = []subtest{
	{"every method returns the error of a cancelled context", func(e *env) {
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		e.endedContext(ctx, context.Canceled)
	}},
	{"every method returns the error of an expired context", func(e *env) {
		ctx, cancel := context.WithDeadline(e.ctx, time.Now().Add(-time.Second))
		defer cancel()
		e.endedContext(ctx, context.DeadlineExceeded)
	}},
	{"a cancelled put leaves the old entry or the new one", func(e *env) {
		s := e.store()
		e.put(s, "k", "old")
		next := string(noise(int(min(1<<20, e.largest()))))
		for i := range e.rounds(20) {
			ctx, cancel := context.WithCancel(e.ctx)
			timer := time.AfterFunc(time.Duration(i)*100*time.Microsecond, cancel)
			err := s.Put(ctx, "k", []byte(next), time.Time{})
			timer.Stop()
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) {
				e.Fatalf("Put: %v, want nil or the context's error", err)
			}
			got, _, err := s.Get(e.ctx, "k")
			if err != nil {
				e.Fatalf("Get after a cancelled Put: %v", err)
			}
			if string(got) != "old" && string(got) != next {
				e.Fatalf("Get after a cancelled Put: %s", show(string(got)))
			}
		}
	}},
	{"a read before a deadline is a read, and after it the error of an expired context", func(e *env) {
		s := e.store()
		x, ok := s.(backends.DeadlineGetter)
		if !ok {
			e.Skipf("%s is no DeadlineGetter", e.h.Name)
		}
		e.put(s, "k", "v")
		g := e.generation(s)
		for range 3 {
			v, gen, err := x.GetBefore(e.ctx, time.Now().Add(time.Hour), "k")
			if err != nil || string(v) != "v" || gen != g {
				e.Fatalf("GetBefore = %q, %x, %v; want v, %x", v, gen, err, g)
			}
			if _, gen, err = x.GetBefore(e.ctx, time.Now().Add(time.Hour), "none"); !errors.Is(err, backends.ErrNotFound) || gen != g {
				e.Fatalf("GetBefore of nothing: %x, %v; want %x, ErrNotFound", gen, err, g)
			}
			if _, _, err = x.GetBefore(e.ctx, time.Now().Add(-time.Second), "k"); !errors.Is(err, context.DeadlineExceeded) {
				e.Fatalf("GetBefore after its deadline: %v", err)
			}
		}
	}},
	{"a context that ended does not break the store for the next caller", func(e *env) {
		s := e.store()
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		for range 20 {
			_, _, _ = s.Get(ctx, "k")
			_ = s.Put(ctx, "k", []byte("v"), time.Time{})
			_, _ = s.Generation(ctx)
		}
		e.put(s, "k", "v")
		e.want(s, "k", "v")
		e.generation(s)
	}},
}

func (e *env) endedContext(ctx context.Context, want error) {
	s := e.store()
	e.put(s, "k", "v")
	g := e.generation(s)
	for name, call := range e.everyCall(ctx, s) {
		done := make(chan error, 1)
		go func() { done <- call() }()
		select {
		case err := <-done:
			if !errors.Is(err, want) {
				e.Errorf("%s: %v, want an error that matches %v", name, err, want)
			}
		case <-time.After(30 * time.Second):
			e.Errorf("%s hangs although its context has ended", name)
		}
	}
	e.want(s, "k", "v")
	if got := e.generation(s); got != g {
		e.Errorf("a call with an ended context changed the generation")
	}
}

// everyCall returns each method of the store, the manager and their capabilities as a call with ctx.
func (e *env) everyCall(ctx context.Context, s backends.Store) map[string]func() error {
	e.Helper()
	calls := map[string]func() error{
		"Get":        func() error { _, _, err := s.Get(ctx, "k"); return err },
		"Put":        func() error { return s.Put(ctx, "k", []byte("new"), time.Time{}) },
		"Delete":     func() error { return s.Delete(ctx, "k") },
		"Generation": func() error { _, err := s.Generation(ctx); return err },
		"Clear":      func() error { return s.Clear(ctx) },
		"ClearAll":   func() error { return e.pm.ClearAll(ctx) },
	}
	if l, ok := s.(backends.Leaser); ok {
		held, err := l.Lease(e.ctx, "held", time.Minute)
		if err != nil {
			e.Fatalf("Lease: %v", err)
		}
		calls["Lease"] = func() error { _, err := l.Lease(ctx, "k", time.Minute); return err }
		calls["Renew"] = func() error { return held.Renew(ctx, time.Minute) }
		calls["Release"] = func() error { return held.Release(ctx) }
	}
	if l, ok := s.(backends.Lister); ok {
		calls["List"] = func() error { return l.List(ctx, func(backends.Info) bool { return true }) }
	}
	if x, ok := s.(backends.ExpiryGetter); ok {
		calls["GetExpiry"] = func() error { _, _, _, err := x.GetExpiry(ctx, "k"); return err }
	}
	if x, ok := s.(backends.DeadlineGetter); ok {
		calls["GetBefore"] = func() error { _, _, err := x.GetBefore(ctx, time.Now().Add(time.Hour), "k"); return err }
	}
	if x, ok := s.(backends.LeaseGetter); ok {
		calls["LeaseGet"] = func() error { _, _, _, err := x.LeaseGet(ctx, "k", time.Minute); return err }
	}
	if p, ok := e.pm.(backends.Pruner); ok {
		calls["Prune"] = func() error { _, err := p.Prune(ctx, generationOf); return err }
	}
	return calls
}
