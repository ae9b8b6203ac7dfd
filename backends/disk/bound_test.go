package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends/backendstest"
)

// held returns what the folder's entries take.
func (m *Manager) held(t *testing.T) (total int64) {
	t.Helper()
	err := m.eachFunction(t.Context(), func(dir string) error {
		return walkFunction(t.Context(), dir, func(_ string, info fs.FileInfo) error {
			total += onDisk(info.Size())
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

func TestTheFolderStaysNearItsBound(t *testing.T) {
	const limit = 64 * block
	m := open(t, Options{Dir: t.TempDir(), Max: limit, NoSync: true})
	for _, name := range []string{"f", "g"} { // the bound is over all functions
		s := storeOf(t, m, name)
		for i := range 200 {
			if err := backendstest.Put(t.Context(), s, fmt.Sprint("k", i), []byte("v"), time.Time{}); err != nil {
				t.Fatal(err)
			}
			if i%20 != 0 {
				continue
			}
			if got := m.held(t); got > limit+m.interval()+block {
				t.Fatalf("%d bytes after %d puts, bound %d", got, i, int64(limit))
			}
		}
	}
}

func TestProcessesThatWriteLittleKeepTheBoundTogether(t *testing.T) {
	const limit = 64 * block
	dir := t.TempDir()
	for i := range 300 {
		// Each manager stands for a process that writes one entry and ends.
		m := open(t, Options{Dir: dir, Max: limit, NoSync: true})
		if err := backendstest.Put(t.Context(), storeOf(t, m, "f"), fmt.Sprint("k", i), []byte("v"), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	// Looking is left to chance, one in four here: 64 misses in a row do not happen.
	if got := open(t, Options{Dir: dir}).held(t); got > 2*limit {
		t.Fatalf("%d bytes, bound %d", got, int64(limit))
	}
}

func TestTheOldestEntriesGoFirst(t *testing.T) {
	m := open(t, Options{Dir: t.TempDir(), NoSync: true})
	s := storeOf(t, m, "f")
	base := time.Now().Add(-time.Hour)
	for i := range 10 {
		if err := backendstest.Put(t.Context(), s, fmt.Sprint("k", i), []byte("v"), time.Time{}); err != nil {
			t.Fatal(err)
		}
		_, path := s.locate(fmt.Sprint("k", i))
		when := base.Add(time.Duration(i*7%10) * time.Minute)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	if removed := m.sweep(t.Context(), 5*block, 4*block); removed != 6 {
		t.Fatalf("%d removed, want 6", removed)
	}
	for i := range 10 {
		_, _, err := backendstest.Get(t.Context(), s, fmt.Sprint("k", i))
		if i*7%10 < 6 != errors.Is(err, backendstest.ErrNone) {
			t.Errorf("entry of minute %d: %v", i*7%10, err)
		}
	}
}
