package emf_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/telemetry/emf"
)

// What a Runtime tells comes out as sums, from the first run to a hit in another container.
func TestWithARuntime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := memory.New(memory.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		container := func() *adapter.Data[int, int] {
			m, err := emf.New(emf.Options{Service: "shop", Writer: &out})
			if err != nil {
				t.Fatal(err)
			}
			rt, err := adapter.New(adapter.Config{Manager: store, Observer: m.Observe, BackendTimeout: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			return adapter.CacheData(func(_ context.Context, n int) (int, error) {
				time.Sleep(250 * time.Millisecond)
				if n < 0 {
					return 0, errors.New("negative")
				}
				return n, nil
			}, adapter.Name("f"), adapter.WithRuntime(rt), adapter.Version("1"))
		}
		invoke := func(d *adapter.Data[int, int], arguments ...int) {
			ctx, inv := invocation.Begin(t.Context(), invocation.Options{AfterResponse: true})
			for _, n := range arguments {
				_, _ = d.Get(ctx, n)
			}
			inv.Finish(ctx)
		}
		warm := container()
		invoke(warm, 1, 1, -1)
		invoke(warm, 1)
		invoke(container(), 1)
		lines := written(t, out.Bytes())
		if len(lines) != 3 {
			t.Fatalf("wrote %s", out.String())
		}
		if l := lines[0]; l.Hits != 1 || l.Misses != 2 || l.Errors != 1 || l.SavedMs != 250 {
			t.Errorf("a miss, a hit and an error: %+v", l)
		}
		for _, l := range lines[1:] {
			if l.Hits != 1 || l.Misses != 0 || l.SavedMs != 250 {
				t.Errorf("a hit: %+v", l)
			}
		}
	})
}
