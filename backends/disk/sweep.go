package disk

import (
	"context"
	"io/fs"
	"path/filepath"
	"slices"
	"time"
)

const (
	// tempAge is when a temporary file counts as left behind by a killed process. No write takes that long.
	tempAge = time.Hour
	// block is what file systems hand out: many small entries take more room than their bytes.
	block = 4096
)

// interval is how many bytes a process puts between two looks at the folder.
func (m *Manager) interval() int64 { return max(1, m.max/16) }

func onDisk(size int64) int64 { return (size + block - 1) / block * block }

// wrote counts what was put, and looks at the folder when it is time. What goes wrong then is no failure of the Put.
func (m *Manager) wrote(ctx context.Context, n int64) {
	total := m.written.Add(n)
	if total < m.interval() || !m.written.CompareAndSwap(total, 0) {
		return
	}
	if unlock, ok := m.trySweep(); ok {
		defer unlock()
		m.sweep(ctx, m.max, m.max-m.max/8)
	}
}

// makeRoom removes the oldest quarter when the disk is full although the bound is not reached: others use it too. It
// reports whether anything was removed.
func (m *Manager) makeRoom(ctx context.Context) bool {
	unlock, ok := m.trySweep()
	if !ok {
		return true // another process is at it
	}
	defer unlock()
	return m.sweep(ctx, 0, -1) > 0
}

// trySweep lets one process at a time look at the folder; the others have no need to.
func (m *Manager) trySweep() (unlock func(), ok bool) {
	f, err := openLock(filepath.Join(m.dir, locksName, "sweep"))
	if err != nil {
		return nil, false
	}
	if ok, _ := tryLock(f); !ok {
		_ = f.Close()
		return nil, false
	}
	return func() { releaseLock(f) }, true
}

// aged is one entry's file, as a candidate for eviction.
type aged struct {
	path string
	info fs.FileInfo
}

func (f aged) size() int64 { return onDisk(f.info.Size()) }

// sweep removes the oldest entries when the folder holds more than limit, until it holds no more than target; a negative
// target means three quarters of what it holds. Temporary files left behind go on the way. It returns how many
// entries were removed.
func (m *Manager) sweep(ctx context.Context, limit, target int64) (removed int) {
	var files []aged
	var total int64
	_ = m.eachFunction(ctx, func(dir string) error {
		return walkFunction(ctx, dir, func(path string, info fs.FileInfo) error {
			files = append(files, aged{path, info})
			total += onDisk(info.Size())
			return nil
		})
	})
	if target < 0 {
		target = total / 4 * 3
	}
	if total <= limit {
		return 0
	}
	slices.SortFunc(files, func(a, b aged) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	for _, f := range files {
		if total <= target || ctx.Err() != nil {
			break
		}
		if m.keepsWritersOff(f.path) {
			continue
		}
		if m.removeIfSame(ctx, f.path, f.info) {
			removed++
		}
		total -= f.size()
	}
	return removed
}

// keepsWritersOff reports whether the file is a tombstone whose time is not over: evicting it would let late writers in.
func (m *Manager) keepsWritersOff(path string) bool {
	h, _, err := readHeader(path)
	return err == nil && h.kind == kindTombstone && !h.expired(m.now())
}
