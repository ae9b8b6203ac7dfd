package tiered

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
)

func TestADeadFastTier(t *testing.T) {
	p := newPair(t, nil)
	p.put("k", "v", time.Time{})
	g := p.want("k", "v")
	p.fast.down.Store(true)
	t.Run("leaves the slow one useful", func(t *testing.T) {
		if got := p.want("k", "v"); got != g {
			t.Fatalf("generation %x, want %x", got, g)
		}
		p.put("new", "w", time.Time{})
		p.want("new", "w")
		if got := p.wantNone("nothing"); got != g {
			t.Fatalf("generation %x, want %x", got, g)
		}
	})
	t.Run("is observed by name", func(t *testing.T) {
		seen := p.observed()
		if len(seen) == 0 {
			t.Fatal("nobody heard of it")
		}
		for _, f := range seen {
			if f.Tier != "fast" || !errors.Is(f.Err, errDown) || f.Op == "" {
				t.Fatalf("observed %+v", f)
			}
		}
	})
	t.Run("is used again when it is back", func(t *testing.T) {
		p.fast.down.Store(false)
		p.rested()
		p.want("k", "v")
		slow := p.slow.count("Read")
		p.want("k", "v")
		if p.slow.count("Read") != slow {
			t.Fatal("the slow tier was asked although the fast one is back")
		}
	})
	t.Run("can be cleared: the slow one decides", func(t *testing.T) {
		p.fast.down.Store(true)
		if err := backendstest.Clear(t.Context(), p.store); err != nil {
			t.Fatal(err)
		}
		p.fast.down.Store(false)
		p.rested()
		if _, got, _ := backendstest.Get(t.Context(), p.store, "k"); got == g || got == 0 {
			t.Fatalf("generation %x after Clear, was %x", got, g)
		}
	})
	t.Run("makes an invalidation an error, because the entry could come back from it", func(t *testing.T) {
		p.put("k", "v", time.Time{})
		p.fast.down.Store(true)
		err := p.store.Invalidate(t.Context(), "k")
		if !errors.Is(err, errDown) || !strings.Contains(err.Error(), "fast") {
			t.Fatalf("Invalidate: %v", err)
		}
		if _, _, ok := p.in(p.slow, "k"); ok {
			t.Fatal("the slow tier kept the entry")
		}
	})
}

func TestADeadFastTierIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, nil)
		p.put("k", "v", time.Time{})
		p.fast.down.Store(true)
		for range 10 {
			p.want("k", "v")
		}
		if n := p.fast.count("Read"); n > 4 { // one was for the write
			t.Fatalf("asked %d times; three failures are enough", n)
		}
		before := p.fast.count("Read")
		time.Sleep(2100 * time.Millisecond)
		for range 10 {
			p.want("k", "v")
		}
		if n := p.fast.count("Read") - before; n != 1 {
			t.Fatalf("asked %d times after the rest, want 1", n)
		}
		p.fast.down.Store(false)
		time.Sleep(2100 * time.Millisecond)
		p.want("k", "v")
		slow := p.slow.count("Read")
		p.want("k", "v")
		if p.slow.count("Read") != slow {
			t.Fatal("the slow tier was asked although the fast one is back")
		}
	})
}

func TestAFastTierThatPanicsIsPassedOver(t *testing.T) {
	p := newPair(t, nil)
	p.put("k", "v", time.Time{})
	p.fast.panics.Store(true)
	p.want("k", "v")
	for _, f := range p.observed() {
		if f.Tier == "fast" && f.Op == "read" {
			return
		}
	}
	t.Fatal("nobody heard of it")
}

func TestAHangingFastTierLeavesTimeForTheSlowOne(t *testing.T) {
	p := newPair(t, func(fast, _ *Tier) { fast.Timeout = time.Millisecond })
	p.fast.hangs.Store(true)
	p.put("k", "v", time.Time{})
	p.want("k", "v")
	ctx, cancel := context.WithCancel(t.Context())
	p.slow.hangs.Store(true)
	time.AfterFunc(5*time.Millisecond, cancel)
	if _, _, err := backendstest.Get(ctx, p.store, "k"); !errors.Is(err, context.Canceled) {
		t.Fatalf("Get with both hanging: %v, want the context's error", err)
	}
}

func TestADeadSlowTier(t *testing.T) {
	p := newPair(t, nil)
	p.put("k", "v", time.Time{})
	g := p.want("k", "v")
	p.slow.down.Store(true)
	t.Run("leaves hits to the fast one as long as the generation may be kept", func(t *testing.T) {
		p.clock.advance(nearTTL/2 - time.Millisecond)
		if got := p.want("k", "v"); got != g {
			t.Fatalf("generation %x, want %x", got, g)
		}
	})
	t.Run("then fails reads: a generation that nobody confirms is no ground for a hit", func(t *testing.T) {
		p.clock.advance(time.Millisecond)
		if got, _, err := backendstest.Get(t.Context(), p.store, "k"); !errors.Is(err, errDown) {
			t.Fatalf("Get = %q, %v; want the slow tier's error", got, err)
		}
	})
	t.Run("fails a put: what the authority may refuse must not be found in the fast one", func(t *testing.T) {
		_, err := p.store.Put(t.Context(), "new", []byte("w"), time.Time{}, backends.Absent)
		if !errors.Is(err, errDown) {
			t.Fatalf("Put: %v", err)
		}
		if _, _, ok := p.in(p.fast, "new"); ok {
			t.Fatal("the fast tier has the entry")
		}
	})
	t.Run("fails a clear, and what was kept is forgotten all the same", func(t *testing.T) {
		p.slow.down.Store(false)
		p.want("k", "v")
		p.slow.down.Store(true)
		if err := backendstest.Clear(t.Context(), p.store); !errors.Is(err, errDown) {
			t.Fatalf("Clear: %v", err)
		}
		if got, _, err := backendstest.Get(t.Context(), p.store, "k"); !errors.Is(err, errDown) {
			t.Fatalf("Get after a failed Clear = %q, %v; want an error: it may have been done", got, err)
		}
	})
	t.Run("serves again when it is back", func(t *testing.T) {
		p.slow.down.Store(false)
		if got := p.want("k", "v"); got != g {
			t.Fatalf("generation %x, want %x", got, g)
		}
		p.put("new", "w", time.Time{})
		p.want("new", "w")
	})
}

func TestBothTiersDead(t *testing.T) {
	p := newPair(t, nil)
	p.fast.down.Store(true)
	p.slow.down.Store(true)
	if _, err := p.store.Put(t.Context(), "k", []byte("v"), time.Time{}, backends.Absent); !errors.Is(err, errDown) {
		t.Fatalf("Put: %v", err)
	}
	err := p.store.Invalidate(t.Context(), "k")
	if !errors.Is(err, errDown) || !strings.Contains(err.Error(), "fast") || !strings.Contains(err.Error(), "slow") {
		t.Fatalf("Invalidate: %v, want an error that names both tiers", err)
	}
	if _, _, err := backendstest.Get(t.Context(), p.store, "k"); !errors.Is(err, errDown) || errors.Is(err, backendstest.ErrNone) {
		t.Fatalf("Get: %v", err)
	}
}

func TestAClearElsewhereIsNeverUndone(t *testing.T) {
	p := newPair(t, nil)
	p.put("k", "v", time.Time{})
	old := p.want("k", "v")
	// Another container clears while the fast tier is away, so that the fast tier keeps all it has.
	other := must[backends.Store](t)(p.slow.Manager.Store(t.Context(), function()))
	if err := backendstest.Clear(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	p.clock.advance(nearTTL / 2)
	_, g, _ := backendstest.Get(t.Context(), p.store, "k")
	if g == old || g == 0 {
		t.Fatalf("generation %x after the time it may be kept; the old one is %x", g, old)
	}
	t.Run("not by a fast tier that lost everything", func(t *testing.T) {
		if err := p.fast.Manager.ClearAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, got, _ := backendstest.Get(t.Context(), p.store, "k"); got != g {
			t.Fatalf("generation %x, want %x", got, g)
		}
	})
	t.Run("not by a clock that steps back", func(t *testing.T) {
		p.put("k", "w", time.Time{}) // the fast tier has it, so that only the age decides who is asked
		p.want("k", "w")
		if err := backendstest.Clear(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		p.clock.advance(-time.Hour)
		if _, got, _ := backendstest.Get(t.Context(), p.store, "k"); got == g || got == old {
			t.Fatalf("generation %x was kept although its age is not known", got)
		}
	})
}

func TestAFlushedFastTierDoesNotMakeTheSlowOneUseless(t *testing.T) {
	p := newPair(t, nil)
	p.put("k", "v", time.Time{})
	g := p.want("k", "v")
	if err := p.fast.Manager.ClearAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := p.want("k", "v"); got != g {
		t.Fatalf("generation %x, want %x: entries would all be misses", got, g)
	}
	if v, _, ok := p.in(p.fast, "k"); !ok || v != "v" {
		t.Fatal("the fast tier was not filled again")
	}
}
