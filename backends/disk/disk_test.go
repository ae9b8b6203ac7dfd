package disk

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
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

func open(t *testing.T, o Options) *Manager {
	t.Helper()
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func storeOf(t *testing.T, m *Manager, name string) *store {
	t.Helper()
	s, err := m.Store(t.Context(), backends.Function{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*store)
}

// files counts what lies in a folder: Store must not have made any of it.
func files(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(string, fs.DirEntry, error) error { n++; return nil })
	return n
}

func TestConformance(t *testing.T) {
	clock := newFakeClock()
	var dir string
	backendstest.Run(t, backendstest.Harness{
		Name: "disk, a folder of the test's, driven clock, no fsync",
		Open: func(t *testing.T) backends.PersistenceManager {
			dir = filepath.Join(t.TempDir(), "made on demand")
			return open(t, Options{Dir: dir, Clock: clock.now, NoSync: true})
		},
		Reopen: func(t *testing.T) backends.PersistenceManager {
			return open(t, Options{Dir: dir, Clock: clock.now, NoSync: true})
		},
		Now:      clock.now,
		Advance:  clock.advance,
		Requests: func() int64 { return files(dir) },
	})
}

func TestConformanceByURL(t *testing.T) {
	const limit = 2 << 20
	var url string
	openURL := func(t *testing.T) backends.PersistenceManager {
		pm, err := backends.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		return pm
	}
	backendstest.Run(t, backendstest.Harness{
		Name: fmt.Sprintf("disk, opened by URL, real clock, fsync=%v", !testing.Short()),
		Open: func(t *testing.T) backends.PersistenceManager {
			url = fmt.Sprintf("disk://%s?max=2MiB&fsync=%v", filepath.ToSlash(t.TempDir()), !testing.Short())
			return openURL(t)
		},
		Reopen: openURL,
		// The header and the address are counted: framed "shop", "example.com/shop.quotes" and "big".
		MaxEntry: limit - headerSize - 12 - int64(len("shop"+"example.com/shop.quotes"+"big")),
		Slow:     true,
	})
}
