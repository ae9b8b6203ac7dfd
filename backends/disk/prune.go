package disk

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
)

// Prune reads every entry in the folder and removes those that have expired, were cleared away, are damaged, or that
// generationOf does not know; and, uncounted, leases that are over and temporary files older than an hour. See
// the interface Pruner of package backends.
func (m *Manager) Prune(ctx context.Context, generationOf func([]byte) (uint64, bool)) (int, error) {
	if err := m.check(ctx); err != nil {
		return 0, err
	}
	removed := 0
	err := m.eachFunction(ctx, func(dir string) error {
		n, err := m.pruneFunction(ctx, dir, generationOf)
		removed += n
		return err
	})
	return removed, m.fail("prune", errors.Join(err, m.pruneExpired(ctx, filepath.Join(m.dir, recordsName))))
}

func (m *Manager) pruneFunction(ctx context.Context, dir string, generationOf func([]byte) (uint64, bool)) (int, error) {
	removed := 0
	err := walkFunction(ctx, dir, func(path string, info fs.FileInfo) error {
		f, _, err := m.readFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case errors.Is(err, errCorrupt), err == nil && f.expired(m.now()):
			if m.removeIfSame(ctx, path, info) && (f == nil || f.kind == kindEntry) {
				removed++
			}
			return nil
		case err != nil:
			return err
		case f.kind == kindTombstone:
			return nil
		}
		// Read after the entry: a Clear in between makes the entry old, never the other way round.
		current, err := m.peekGeneration(dir)
		if err != nil {
			return err
		}
		if g, ok := generationOf(f.content); ok && current != 0 && g == current {
			return nil
		}
		if m.removeIfSame(ctx, path, info) {
			removed++
		}
		return nil
	})
	return removed, errors.Join(err, m.pruneExpired(ctx, filepath.Join(dir, leasesName)))
}

// peekGeneration returns the generation without making one: 0 where there is none, and so no current entry.
func (m *Manager) peekGeneration(dir string) (uint64, error) {
	epoch, err := readGeneration(m.epochFile())
	if err != nil || epoch == 0 {
		return 0, err
	}
	own, err := readGeneration(filepath.Join(dir, generationName))
	if err != nil || own == 0 {
		return 0, err
	}
	return combine(epoch, own), nil
}

// pruneExpired removes leases, marks or records whose time is over.
func (m *Manager) pruneExpired(ctx context.Context, dir string) error {
	return eachFile(ctx, dir, func(path string, info fs.FileInfo) error {
		f, _, err := m.readFile(path)
		if errors.Is(err, errCorrupt) || err == nil && f.expired(m.now()) {
			m.removeIfSame(ctx, path, info)
		}
		return nil
	})
}
