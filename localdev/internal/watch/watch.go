// Package watch notices that a function's files have changed. It looks at them from time to time instead of asking the
// system for notices: a few hundred files take milliseconds, nothing can be exhausted, and network file systems and
// containers' mounts work as any folder does.
package watch

import (
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Interval is how often to look.
const Interval = 100 * time.Millisecond

// Inputs are what a build or a start depends on.
type Inputs struct {
	Files   []string
	Folders []string // whose list of files counts: a new file may belong to the build
}

// stamp tells two states of a file apart. The zero value stands for one that is not there.
type stamp struct {
	modified time.Time
	size     int64
	mode     os.FileMode
	names    uint64 // of a folder: the names in it
}

// Watcher knows the state of a set of files at one moment. It is not safe for concurrent use.
type Watcher struct {
	stamps map[string]stamp
	folder map[string]bool
}

// New returns a watcher of nothing.
func New() *Watcher { return &Watcher{stamps: map[string]stamp{}, folder: map[string]bool{}} }

// Set replaces what is watched. What was watched before keeps the state that is known of it, so that a change that came
// meanwhile is still noticed; what is new counts as changed if it was modified after since.
func (w *Watcher) Set(in Inputs, since time.Time) {
	stamps, folders := map[string]stamp{}, map[string]bool{}
	take := func(path string, folder bool) {
		if old, ok := w.stamps[path]; ok {
			stamps[path] = old
		} else if now := look(path, folder); now.modified.Before(since) {
			stamps[path] = now
		} else {
			stamps[path] = stamp{size: -1} // differs from whatever is there
		}
		folders[path] = folder
	}
	for _, path := range in.Folders {
		take(filepath.Clean(path), true)
	}
	for _, path := range in.Files {
		take(filepath.Clean(path), false)
	}
	w.stamps, w.folder = stamps, folders
}

// Files returns how many files and folders are watched.
func (w *Watcher) Files() int { return len(w.stamps) }

// Changed returns the paths, sorted, whose state differs from the one that is known, and remembers the new state.
func (w *Watcher) Changed() []string {
	var changed []string
	for path, old := range w.stamps {
		if now := look(path, w.folder[path]); !now.equal(old) {
			w.stamps[path] = now
			changed = append(changed, path)
		}
	}
	slices.Sort(changed)
	return changed
}

func (s stamp) equal(t stamp) bool {
	return s.modified.Equal(t.modified) && s.size == t.size && s.mode == t.mode && s.names == t.names
}

func look(path string, folder bool) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	if !folder {
		return stamp{modified: info.ModTime(), size: info.Size(), mode: info.Mode()}
	}
	// A folder's own time changes with every editor's temporary file: only the names count.
	return stamp{mode: info.Mode(), names: names(path)}
}

func names(dir string) uint64 {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	h := fnv.New64a()
	for _, e := range entries {
		if counts(e.Name()) {
			_, _ = h.Write([]byte(e.Name() + "\x00"))
		}
	}
	return h.Sum64()
}

// counts reports whether a file of that name may belong to a build: not a test, not what editors leave for a moment.
func counts(name string) bool {
	return !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "#") && !strings.HasSuffix(name, "~") &&
		!strings.HasSuffix(name, ".tmp") && !strings.HasSuffix(name, ".swp") && !strings.HasSuffix(name, "_test.go")
}
