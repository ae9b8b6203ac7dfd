package tiered

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/backends/disk"
	"github.com/stillwarm/stillwarm/backends/memory"
)

// fakeClock starts far from today, so that a use of the real clock shows.
type fakeClock struct{ ns atomic.Int64 }

func newFakeClock() *fakeClock {
	c := &fakeClock{}
	c.ns.Store(time.Date(2040, 2, 29, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *fakeClock) now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *fakeClock) advance(d time.Duration) { c.ns.Add(int64(d)) }

var places atomic.Int64

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestConformance(t *testing.T) {
	clock := newFakeClock()
	var name, dir string
	openTiers := func(t *testing.T) backends.PersistenceManager {
		// By name the memory is shared, as a server would be.
		fast := must[*memory.Manager](t)(memory.New(memory.Options{Name: name, Clock: clock.now}))
		slow := must[*disk.Manager](t)(disk.New(disk.Options{Dir: dir, Clock: clock.now, NoSync: true}))
		return must[backends.PersistenceManager](t)(NewTiers(Options{
			Tiers: []Tier{{Manager: fast, Timeout: time.Minute}, {Manager: slow}}, Clock: clock.now,
			Observe: func(f Failure) { t.Errorf("unexpected failure: %+v", f) },
		}))
	}
	backendstest.Run(t, backendstest.Harness{
		Name: "tiered: memory shared by name, then disk; driven clock",
		Open: func(t *testing.T) backends.PersistenceManager {
			name, dir = fmt.Sprint("tiered-", places.Add(1)), t.TempDir()
			return openTiers(t)
		},
		Reopen:  openTiers,
		Now:     clock.now,
		Advance: clock.advance,
	})
}

func TestConformanceByURL(t *testing.T) {
	var urls string
	openURLs := func(t *testing.T) backends.PersistenceManager {
		return must[backends.PersistenceManager](t)(backends.Open(t.Context(), urls))
	}
	backendstest.Run(t, backendstest.Harness{
		Name: "tiered by URL: small entries in memory, leases there, all on disk; real clock",
		Open: func(t *testing.T) backends.PersistenceManager {
			urls = fmt.Sprintf("memory:url-%d?tier-max-entry=1KiB&tier-lease=true&tier-timeout=1m disk://%s?fsync=false",
				places.Add(1), filepath.ToSlash(t.TempDir()))
			return openURLs(t)
		},
		Reopen: openURLs,
		Slow:   true,
	})
}
