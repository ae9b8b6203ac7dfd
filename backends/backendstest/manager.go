package backendstest

import (
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var managerTests = []subtest{
	{"store does not connect or read", func(e *env) {
		if e.h.Requests == nil {
			e.Skipf("%s: the harness does not count requests", e.h.Name)
		}
		before := e.h.Requests()
		for _, name := range []string{"a", "b", "c"} {
			e.storeOf(e.pm, named("shop", name))
		}
		if n := e.h.Requests() - before; n != 0 {
			e.Fatalf("Store made %d requests", n)
		}
	}},
	{"check accepts sensible parameters", func(e *env) {
		for _, f := range []backends.Function{
			{Name: "f"},
			{Namespace: "ns", Name: "example.com/shop.quotes", TTL: time.Second},
			{Name: "f", TTL: 365 * 24 * time.Hour, MaxEntries: 1, MaxSize: 1, NearTTL: 5 * time.Second},
			{Name: "日本語/with space", MaxEntries: 1 << 30, MaxSize: 1 << 50},
		} {
			if err := e.pm.Check(f); err != nil {
				e.Errorf("Check(%+v): %v", f, err)
			}
		}
	}},
	{"check and store refuse a function without a name", func(e *env) {
		if err := e.pm.Check(backends.Function{Namespace: "ns"}); err == nil {
			e.Error("Check accepted an empty name")
		}
		if _, err := e.pm.Store(e.ctx, backends.Function{Namespace: "ns"}); err == nil {
			e.Error("Store accepted an empty name")
		}
	}},
	{"stores of a closed manager return ErrClosed", func(e *env) {
		s := e.store()
		e.put(s, "k", "v")
		if err := e.pm.Close(); err != nil {
			e.Fatalf("Close: %v", err)
		}
		_, _, getErr := e.get(s, "k")
		_, genErr := s.Generation(e.ctx)
		got := map[string]error{
			"Get": getErr, "Generation": genErr,
			"Put":      e.write(s, "k", []byte("v"), time.Time{}),
			"Delete":   e.tryDelete(s, "k"),
			"Clear":    e.tryClear(s),
			"ClearAll": e.pm.ClearAll(e.ctx),
		}
		if l, ok := s.(backends.Leaser); ok {
			_, got["Lease"] = e.tryLease(l, "k", time.Minute)
		}
		if l, ok := s.(backends.Lister); ok {
			got["List"] = l.List(e.ctx, func(backends.Info) bool { return true })
		}
		if p, ok := e.pm.(backends.Pruner); ok {
			_, got["Prune"] = p.Prune(e.ctx, generationOf)
		}
		for name, err := range got {
			if !errors.Is(err, backends.ErrClosed) {
				e.Errorf("%s after Close: %v, want ErrClosed", name, err)
			}
		}
	}},
	{"a closed manager opens no store that works", func(e *env) {
		_ = e.pm.Close()
		s, err := e.pm.Store(e.ctx, fn())
		if err == nil {
			_, err = s.Generation(e.ctx)
		}
		if !errors.Is(err, backends.ErrClosed) {
			e.Fatalf("after Close: %v, want ErrClosed", err)
		}
	}},
	{"closing twice is harmless", func(e *env) {
		if err := e.pm.Close(); err != nil {
			e.Fatalf("Close: %v", err)
		}
		if err := e.pm.Close(); err != nil && !errors.Is(err, backends.ErrClosed) {
			e.Fatalf("second Close: %v, want nil or ErrClosed", err)
		}
	}},
	{"closing one container's manager does not close another's", func(e *env) {
		second := e.reopen()
		if err := second.Close(); err != nil {
			e.Fatalf("Close: %v", err)
		}
		s := e.store()
		e.put(s, "k", "v")
		e.want(s, "k", "v")
	}},
}
