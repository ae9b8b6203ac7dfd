// Package disk is the backend that keeps entries as files: in /tmp of a Lambda container, on EFS, on a laptop. Several
// processes may share a folder.
//
// As a URL it is "disk:///tmp/stillwarm", or "disk:relative/folder". Parameters: max, the bound in bytes over all
// entries ("256MiB"; default 512 MiB); max-entry, that of one entry; fsync ("false" to leave it to the system when files
// reach the medium; an entry is then still whole or absent when the process is killed, and at worst a miss after a loss of
// power); and owner, see below.
//
// Anyone with write access to the folder can inject results. So a folder that belongs to a user other than this
// process's or root, or that others may write to, is not used: each operation fails with an error that says so. On EFS
// the access point's user owns all files: name it, "disk:///mnt/cache?owner=1000".
//
// An entry is one file. It is written under a temporary name in the folder where it will live, synced and renamed, so
// that readers and killed writers never leave half an entry. Its name is a hash; the whole address stands in its header
// and is compared, so that a collision or a foreign file is a miss. Each function has a folder of its own and a small
// file with its generation; clearing replaces that file.
//
// Conditional writes, leases and the making of a first generation are guarded by flock(2), which the kernel releases when a process dies.
// It works between processes of one machine and, over NFSv4 as on EFS, between machines, whose clocks should then agree
// to well within a lease. On systems without flock the guard is within one process.
//
// A file operation that the kernel blocks, as on a hanging network file system, cannot be interrupted: contexts are
// looked at between operations.
package disk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// DefaultMax is the bound in bytes where [Options] sets none.
const DefaultMax = 512 << 20

func init() { backends.Register("disk", OpenURL) }

// Options configure a Manager.
type Options struct {
	// Dir is the folder; it is made when the first entry is written. Required.
	Dir string
	// Max is the bound in bytes over all entries in the folder, whichever process wrote them; zero is DefaultMax. It
	// is kept approximately: now and then a Put looks at the folder, and removes the oldest entries. No entry may
	// be larger.
	Max int64
	// MaxEntry is the size in bytes of the largest entry; zero: only Max bounds it.
	MaxEntry int64
	// NoSync leaves out fsync.
	NoSync bool
	// Owner is the user whose folder it may be, beside this process's own and root, by its id: an EFS access point gives
	// all files the user that it was made with. Nil: nobody else's.
	Owner *int
	// Clock is the time that expiry and leases follow; nil is time.Now.
	Clock func() time.Time
}

// Manager is a [backends.PersistenceManager] and a [backends.Pruner] over a folder; its stores have
// every capability of package backends. It is safe for concurrent use, by any number of processes.
type Manager struct {
	dir      string
	place    string // for error messages
	max      int64
	maxEntry int64
	sync     bool
	owner    *int
	clock    func() time.Time
	closed   atomic.Bool
	trusted  atomic.Bool // the folder was looked at

	// written counts bytes put since this process last looked at the folder's size. It begins at a random share of
	// the interval: processes that each write little and end soon would otherwise never look, and the folder would
	// grow without end.
	written atomic.Int64
}

// New returns a manager for a folder, without touching it. The errors are about the options.
func New(o Options) (*Manager, error) {
	if o.Dir == "" {
		return nil, errors.New(`disk: no folder; give one, for example "disk:///tmp/stillwarm"`)
	}
	if o.Max < 0 {
		return nil, fmt.Errorf("disk: max %d is negative; use zero for the default of %d bytes", o.Max, int64(DefaultMax))
	}
	if o.MaxEntry < 0 {
		return nil, fmt.Errorf("disk: max entry %d is negative; use zero for no limit", o.MaxEntry)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("disk: folder %q: %w", o.Dir, err)
	}
	m := &Manager{dir: dir, place: "disk://" + filepath.ToSlash(dir), max: o.Max, maxEntry: o.MaxEntry, sync: !o.NoSync, owner: o.Owner, clock: o.Clock}
	if m.max == 0 {
		m.max = DefaultMax
	}
	if m.clock == nil {
		m.clock = time.Now
	}
	m.written.Store(rand.Int64N(m.interval()))
	return m, nil
}

// OpenURL is the opener behind the scheme "disk". It does not change u.
func OpenURL(_ context.Context, u *url.URL) (backends.PersistenceManager, error) {
	o, err := ParseURL(u)
	if err != nil {
		return nil, err
	}
	m, err := New(o)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// ParseURL returns the options that a URL describes.
func ParseURL(u *url.URL) (Options, error) {
	q := backends.NewQuery(u)
	o := Options{
		Dir: filepath.FromSlash(u.Path), Max: q.Size("max", DefaultMax), MaxEntry: q.Size("max-entry", 0), NoSync: !q.Bool("fsync", true),
	}
	if q.Has("owner") {
		uid := q.Int("owner", 0)
		if uid < 0 {
			q.Reject("owner", "a user id, for example 1000")
		}
		o.Owner = &uid
	}
	if o.Max == 0 {
		q.Reject("max", "more than zero")
	}
	if err := q.Err(); err != nil {
		return o, err
	}
	if u.Host != "" || u.User != nil {
		return o, fmt.Errorf("disk: a folder has no host; write disk:///%s%s", u.Host, u.Path)
	}
	if u.Opaque != "" {
		rel, err := url.PathUnescape(u.Opaque)
		if err != nil {
			return o, fmt.Errorf("disk: folder %q: %w", u.Opaque, err)
		}
		o.Dir = filepath.FromSlash(rel)
	}
	return o, nil
}

// Store returns the function's store without touching the disk. The error is about the function's parameters or
// matches ErrClosed.
func (m *Manager) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	if err := m.open(ctx); err != nil {
		return nil, err
	}
	if err := backends.CheckFunction(fn); err != nil {
		return nil, err
	}
	return newStore(m, fn), nil
}

// Check accepts all parameters that make sense at all.
func (m *Manager) Check(fn backends.Function) error { return backends.CheckFunction(fn) }

// ClearAll gives every function in the folder a new generation, by replacing one file.
func (m *Manager) ClearAll(ctx context.Context) error {
	if err := m.check(ctx); err != nil {
		return err
	}
	_, err := m.renewGeneration(ctx, m.epochFile(), "clear all")
	return err
}

// Close makes this manager's stores return ErrClosed. There is nothing to release; it returns nil.
func (m *Manager) Close() error {
	m.closed.Store(true)
	return nil
}

// check is what every operation asks first.
func (m *Manager) check(ctx context.Context) error {
	if err := m.open(ctx); err != nil {
		return err
	}
	return m.trust()
}

func (m *Manager) open(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.closed.Load() {
		return backends.ErrClosed
	}
	return nil
}

// now is the wall clock: the monotonic one may stand still while a container is frozen.
func (m *Manager) now() time.Time { return m.clock().Round(0) }
