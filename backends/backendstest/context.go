package backendstest

import (
	"context"
	"crypto/rand"
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
			seen := e.read(s, "k").Version
			timer := time.AfterFunc(time.Duration(i)*100*time.Microsecond, cancel)
			_, err := s.Put(ctx, "k", []byte(next), time.Time{}, seen)
			timer.Stop()
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) {
				e.Fatalf("Put: %v, want nil or the context's error", err)
			}
			got, _, err := e.get(s, "k")
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
		e.put(s, "k", "v")
		g := e.generation(s)
		for range 3 {
			at := func(d time.Duration) backends.ReadOptions { return backends.ReadOptions{Deadline: time.Now().Add(d)} }
			r, err := s.Read(e.ctx, "k", at(time.Hour))
			if err != nil || string(r.Entry) != "v" || r.Generation != g {
				e.Fatalf("Read = %q, %x, %v; want v, %x", r.Entry, r.Generation, err, g)
			}
			if r, err = s.Read(e.ctx, "none", at(time.Hour)); err != nil || r.Entry != nil || r.Generation != g {
				e.Fatalf("Read of nothing: %q, %x, %v; want nothing, %x", r.Entry, r.Generation, err, g)
			}
			if _, err = s.Read(e.ctx, "k", at(-time.Second)); !errors.Is(err, context.DeadlineExceeded) {
				e.Fatalf("Read after its deadline: %v", err)
			}
		}
	}},
	{"a context that ended does not break the store for the next caller", func(e *env) {
		s := e.store()
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		for range 20 {
			_, _ = s.Read(ctx, "k", backends.ReadOptions{})
			_, _ = s.Put(ctx, "k", []byte("v"), time.Time{}, backends.Absent)
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
	seen := e.read(s, "k").Version
	calls := map[string]func() error{
		"Read": func() error { _, err := s.Read(ctx, "k", backends.ReadOptions{}); return err },
		"Put": func() error {
			_, err := s.Put(ctx, "k", []byte("new"), time.Time{}, seen)
			return err
		},
		"Invalidate": func() error { return s.Invalidate(ctx, "k") },
		"Delete":     func() error { return s.Delete(ctx, "k", seen) },
		"Generation": func() error { _, err := s.Generation(ctx); return err },
		"Clear":      func() error { _, err := s.Clear(ctx); return err },
		"ClearAll":   func() error { return e.pm.ClearAll(ctx) },
	}
	e.leaseCalls(ctx, s, calls)
	if l, ok := s.(backends.Lister); ok {
		calls["List"] = func() error { return l.List(ctx, func(backends.Info) bool { return true }) }
	}
	if b, ok := s.(backends.BatchReader); ok {
		calls["ReadAll"] = func() error {
			_, _, err := b.ReadAll(ctx, []string{"k", "l"}, backends.ReadOptions{})
			return err
		}
	}
	if r, ok := s.(backends.Records); ok {
		calls["ReadRecords"] = func() error { _, _, err := r.ReadRecords(ctx, []string{"r"}); return err }
		calls["WriteRecord"] = func() error {
			_, err := r.WriteRecord(ctx, "r", []byte("v"), time.Time{}, backends.AnyVersion)
			return err
		}
		calls["WriteRecords"] = func() error {
			return r.WriteRecords(ctx, []string{"r"}, [][]byte{[]byte("v")}, time.Time{})
		}
	}
	if f, ok := e.pm.(backends.FunctionLister); ok {
		calls["Functions"] = func() error { return f.Functions(ctx, func(backends.FunctionInfo) bool { return true }) }
	}
	if p, ok := e.pm.(backends.Pruner); ok {
		calls["Prune"] = func() error { _, err := p.Prune(ctx, generationOf); return err }
	}
	return calls
}

func (e *env) leaseCalls(ctx context.Context, s backends.Store, calls map[string]func() error) {
	e.Helper()
	l, ok := s.(backends.Leaser)
	if !ok {
		return
	}
	held, err := e.tryLease(l, "held", time.Minute)
	if err != nil {
		e.Fatalf("Lease: %v", err)
	}
	request := func() backends.LeaseRequest { return backends.LeaseRequest{Token: rand.Text(), TTL: time.Minute} }
	calls["Lease"] = func() error {
		_, _, err := l.Lease(ctx, "k", request(), backends.ReadOptions{})
		return err
	}
	calls["Takeover"] = func() error {
		_, _, err := l.Takeover(ctx, "k", "somebody", request(), backends.ReadOptions{})
		return err
	}
	calls["Mark"] = func() error { return l.Mark(ctx, "k", backends.Mark{Kind: 1, TTL: time.Minute}) }
	calls["Renew"] = func() error { return held.Renew(ctx, time.Minute) }
	calls["Release"] = func() error { return held.Release(ctx, backends.Mark{}) }
	if b, ok := s.(backends.BatchLeaser); ok {
		calls["LeaseAll"] = func() error {
			rs, err := b.LeaseAll(ctx, []string{"k"}, []backends.LeaseRequest{request()}, backends.ReadOptions{})
			if err == nil {
				err = rs[0].Err
			}
			return err
		}
	}
}
