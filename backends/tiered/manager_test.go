package tiered

import (
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
)

func TestLeasesComeFromOneTier(t *testing.T) {
	lease := func(t *testing.T, p *pair, f *faulty) bool {
		t.Helper()
		if _, err := backendstest.Lease(t.Context(), p.store.(backends.Leaser), "k", time.Minute); err != nil {
			t.Fatal(err)
		}
		s := must[backends.Store](t)(f.Manager.Store(t.Context(), function()))
		_, err := backendstest.Lease(t.Context(), s.(backends.Leaser), "k", time.Minute)
		return errors.Is(err, backends.ErrLeased)
	}
	t.Run("the slowest, which is surely shared", func(t *testing.T) {
		if p := newPair(t, nil); !lease(t, p, p.slow) {
			t.Fatal("the lease is not in the slow tier")
		}
	})
	t.Run("the slowest that can", func(t *testing.T) {
		p := newPair(t, func(_, slow *Tier) { slow.Manager.(*faulty).rich = false })
		if !lease(t, p, p.fast) {
			t.Fatal("the lease is not in the fast tier")
		}
	})
	t.Run("the one that is marked", func(t *testing.T) {
		p := newPair(t, func(fast, _ *Tier) { fast.Lease = true })
		if !lease(t, p, p.fast) {
			t.Fatal("the lease is not in the fast tier")
		}
	})
	t.Run("none where no tier can", func(t *testing.T) {
		p := newPair(t, func(fast, slow *Tier) { fast.Manager.(*faulty).rich, slow.Manager.(*faulty).rich = false, false })
		if _, ok := p.store.(backends.Leaser); ok {
			t.Fatal("the store claims to lease")
		}
		if _, ok := p.store.(backends.Lister); ok {
			t.Fatal("the store claims to list")
		}
	})
	t.Run("a mark on one that cannot is an error that names it", func(t *testing.T) {
		f := newFaulty(t, newFakeClock(), false)
		pm := must[backends.PersistenceManager](t)(NewTiers(Options{Tiers: []Tier{{Manager: f, Name: "poor", Lease: true}}}))
		if _, err := pm.Store(t.Context(), function()); err == nil || !strings.Contains(err.Error(), "poor") {
			t.Fatal(err)
		}
	})
}

func TestPruneKeepsCurrentCopiesInFasterTiers(t *testing.T) {
	p := newPair(t, nil)
	stamp := func(key string) string {
		g, err := p.store.Generation(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return string(binary.BigEndian.AppendUint64(nil, g)) + key
	}
	p.put("old", stamp("old"), time.Time{})
	if err := backendstest.Clear(t.Context(), p.store); err != nil {
		t.Fatal(err)
	}
	p.put("new", stamp("new"), time.Time{})
	generationOf := func(b []byte) (uint64, bool) { return binary.BigEndian.Uint64(b), len(b) > 8 }
	if _, err := p.pm.(backends.Pruner).Prune(t.Context(), generationOf); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*faulty{p.fast, p.slow} {
		if _, _, ok := p.in(f, "old"); ok {
			t.Error("a tier keeps what was cleared away")
		}
		if _, _, ok := p.in(f, "new"); !ok {
			t.Error("a tier lost a current entry")
		}
	}
}

func TestListHasWhatAnyTierHasOnce(t *testing.T) {
	p := newPair(t, nil)
	p.put("both", "v", time.Time{})
	p.put("slow only", "v", time.Time{})
	p.forget(p.fast, "slow only")
	p.put("fast only", "v", time.Time{})
	p.forget(p.slow, "fast only")
	got := map[string]int{}
	if err := p.store.(backends.Lister).List(t.Context(), func(i backends.Info) bool { got[i.Key]++; return true }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got["both"] != 1 || got["slow only"] != 1 || got["fast only"] != 1 {
		t.Fatalf("listed %v", got)
	}
}

func TestCloseClosesAllAndJoinsTheirErrors(t *testing.T) {
	p := newPair(t, nil)
	p.fast.closeErr, p.slow.closeErr = errors.New("fast is stuck"), errors.New("slow is stuck")
	err := p.pm.Close()
	if !errors.Is(err, p.fast.closeErr) || !errors.Is(err, p.slow.closeErr) {
		t.Fatalf("Close: %v", err)
	}
	for _, f := range []*faulty{p.fast, p.slow} {
		if _, err := f.Manager.Store(t.Context(), function()); !errors.Is(err, backends.ErrClosed) {
			t.Fatalf("a tier is still open: %v", err)
		}
	}
}

func TestOptions(t *testing.T) {
	m := newFaulty(t, newFakeClock(), true)
	for name, c := range map[string]struct {
		tiers []Tier
		want  string
	}{
		"no tiers":             {nil, "no tiers"},
		"no manager":           {[]Tier{{Manager: m}, {}}, "tier 2"},
		"a negative max entry": {[]Tier{{Manager: m, MaxEntry: -1}}, "max entry"},
		"a negative hold":      {[]Tier{{Manager: m, Hold: -1}}, "hold"},
		"a negative timeout":   {[]Tier{{Manager: m, Timeout: -1}}, "timeout"},
		"two lease marks":      {[]Tier{{Manager: m, Lease: true, Name: "a"}, {Manager: m, Lease: true, Name: "b"}}, "a and b"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			if _, err := NewTiers(Options{Tiers: c.tiers}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one that says %q", err, c.want)
			}
		})
	}
	for urls, want := range map[string]string{
		"memory: memory:?tier-max-entry=big":         "tier-max-entry",
		"memory:?tier-speed=9 memory:":               `"tier-speed"`,
		"memory: memory:?mox=1":                      `"mox"`,
		"memory: redis://u:hunter2@h":                "backends/redis",
		"memory:?tier-lease=1 memory:x?tier-lease=1": "both marked",
	} {
		t.Run(urls+" is refused", func(t *testing.T) {
			_, err := backends.Open(t.Context(), urls)
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("error %v, want one that says %q", err, want)
			}
		})
	}
	t.Run("a tier's parameters are read and do not reach its backend", func(t *testing.T) {
		pm, err := backends.Open(t.Context(), "memory:?max=1MiB&tier-hold=5m&tier-max-entry=64KiB&tier-timeout=1s&tier%2Dlease memory:")
		if err != nil {
			t.Fatal(err)
		}
		got := pm.(*pruningManager).tiers[0].Tier
		if got.Hold != 5*time.Minute || got.MaxEntry != 64<<10 || got.Timeout != time.Second || !got.Lease {
			t.Fatalf("read %+v", got)
		}
	})
}

func TestCallersThatComeTogetherShareOneQuestionForTheGeneration(t *testing.T) {
	p := newPair(t, nil)
	p.put("k", "v", time.Time{})
	p.clock.advance(nearTTL) // what was read with the put is too old
	const callers = 20
	release, asked := make(chan struct{}), make(chan struct{}, callers)
	hold := func(op string) {
		if op == "Generation" {
			asked <- struct{}{}
			<-release
		}
	}
	p.slow.during.Store(&hold)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if got, _, err := backendstest.Get(t.Context(), p.store, "k"); err != nil || string(got) != "v" {
				t.Errorf("Get = %q, %v", got, err)
			}
		})
	}
	<-asked
	close(release)
	wg.Wait()
	if n := p.slow.count("Generation"); n != 1 {
		t.Fatalf("%d questions, want 1", n)
	}
}
