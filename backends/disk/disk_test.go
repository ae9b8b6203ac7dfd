package disk

import (
	"fmt"
	"io/fs"
	"os"
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

// folder counts what is done to the files in a folder, by looking at them: nothing that the package counts itself.
type folder struct {
	dir   string
	files map[string]fs.FileInfo
	n     int64
}

// changes returns how many files were made, replaced or removed so far. Guards are left out: which of them exists is chance.
func (f *folder) changes() int64 {
	now := map[string]fs.FileInfo{}
	_ = filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(filepath.Dir(path)) == locksName {
			return nil //nolint:nilerr // what goes meanwhile is gone
		}
		if info, err := d.Info(); err == nil {
			now[path] = info
		}
		return nil
	})
	for path, info := range now {
		if old, there := f.files[path]; !there || !os.SameFile(old, info) || !old.ModTime().Equal(info.ModTime()) || old.Size() != info.Size() {
			f.n++
		}
	}
	for path := range f.files {
		if _, there := now[path]; !there {
			f.n++
		}
	}
	f.files = now
	return f.n
}

func TestConformance(t *testing.T) {
	clock := newFakeClock()
	var dir string
	seen := &folder{}
	backendstest.Run(t, backendstest.Harness{
		Name: "disk, a folder of the test's, driven clock, no fsync",
		Open: func(t *testing.T) backends.PersistenceManager {
			dir = filepath.Join(t.TempDir(), "made on demand")
			seen = &folder{dir: dir}
			return open(t, Options{Dir: dir, Clock: clock.now, NoSync: true})
		},
		Reopen: func(t *testing.T) backends.PersistenceManager {
			return open(t, Options{Dir: dir, Clock: clock.now, NoSync: true})
		},
		Now:      clock.now,
		Advance:  clock.advance,
		Requests: func() int64 { return seen.changes() },
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
