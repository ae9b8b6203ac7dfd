package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/internal/version"
)

// store is one function's folder.
type store struct {
	m    *Manager
	fn   backends.Function
	dir  string
	head []byte // framed namespace and name: the beginning of every address
}

var (
	_ backends.Pruner         = (*Manager)(nil)
	_ backends.FunctionLister = (*Manager)(nil)
	_ backends.BatchReader    = (*store)(nil)
	_ backends.Leaser         = (*store)(nil)
	_ backends.BatchLeaser    = (*store)(nil)
	_ backends.Records        = (*store)(nil)
	_ backends.Lister         = (*store)(nil)
	_ backends.DeadlineKeeper = (*store)(nil)
)

func newStore(m *Manager, fn backends.Function) *store {
	return &store{m: m, fn: fn, dir: m.functionDir(fn), head: frame(nil, fn.Namespace, fn.Name)}
}

func (s *store) address(key string) []byte {
	return frame(append(make([]byte, 0, len(s.head)+4+len(key)), s.head...), key)
}

// locate returns the key's address and its slot's path.
func (s *store) locate(key string) (address []byte, path string) {
	address = s.address(key)
	name := hashName(address)
	return address, filepath.Join(s.dir, entriesName, name[:2], name)
}

// KeepsDeadlines implements [backends.DeadlineKeeper].
func (s *store) KeepsDeadlines() bool { return true }

func (s *store) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	ctx, cancel := withDeadline(ctx, o.Deadline)
	defer cancel()
	r, err := s.beside(ctx, o)
	if err != nil {
		return backends.Reading{}, err
	}
	if err := s.fill(ctx, key, o.IfChanged, &r); err != nil {
		return backends.Reading{}, err
	}
	return r, nil
}

func withDeadline(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	if deadline.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline)
}

// beside reads what comes with every slot: generation and records.
func (s *store) beside(ctx context.Context, o backends.ReadOptions) (r backends.Reading, err error) {
	if err := s.m.check(ctx); err != nil {
		return r, err
	}
	r.Clock = s.m.now()
	if r.Generation, err = s.generation(ctx); err != nil {
		return r, err
	}
	if len(o.Records) > 0 {
		r.Records, err = s.readRecords(ctx, o.Records)
	}
	return r, err
}

// fill adds what the key's slot holds.
func (s *store) fill(ctx context.Context, key string, known backends.Version, r *backends.Reading) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	address, path := s.locate(key)
	if known != backends.Absent {
		if h, there, err := readHeader(path); err == nil && h.version == known && string(there) == string(address) &&
			h.kind == kindEntry && !h.expired(s.m.now()) {
			r.Version, r.Unchanged = known, true
			return nil
		}
	}
	f, err := s.m.readSlot(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errCorrupt):
		return nil
	case err != nil:
		return s.m.fail("read", err)
	case !f.is(address):
		return nil
	}
	r.Version = f.version
	if f.kind == kindEntry && !f.expired(s.m.now()) {
		r.Entry, r.Expires = f.content, f.expires
	}
	return nil
}

// ReadAll reads one file after the other: they are in the system's cache, or one disk's.
func (s *store) ReadAll(ctx context.Context, keys []string, o backends.ReadOptions) ([]backends.Reading, []error, error) {
	ctx, cancel := withDeadline(ctx, o.Deadline)
	defer cancel()
	common, err := s.beside(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	rs := make([]backends.Reading, len(keys))
	var errs []error
	for i, key := range keys {
		rs[i] = common
		common.Records = nil // the first reading has them
		err := s.fill(ctx, key, backends.Absent, &rs[i])
		if ctxErr := ctx.Err(); ctxErr != nil {
			return nil, nil, ctxErr
		}
		if err != nil {
			if errs == nil {
				errs = make([]error, len(keys))
			}
			errs[i] = err
		}
	}
	return rs, errs, nil
}

func (s *store) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	if err := s.m.check(ctx); err != nil {
		return backends.Absent, err
	}
	expires = expires.Round(0)
	address, path := s.locate(key)
	if int64(len(entry)+len(address))+headerSize > s.m.max || s.m.maxEntry > 0 && int64(len(entry)) > s.m.maxEntry {
		return backends.Absent, backends.ErrTooLarge
	}
	v := version.New(expires)
	w := write{path: path, sync: s.m.sync, parts: [][]byte{encodeHeader(kindEntry, v, expires, address, entry), entry}}
	w.check = func() error { return s.m.unchanged(path, address, seen) }
	err := s.m.writeFile(ctx, w)
	if isFull(err) && s.m.makeRoom(ctx) {
		err = s.m.writeFile(ctx, w)
	}
	if err != nil {
		return backends.Absent, s.m.fail("put", err)
	}
	s.m.wrote(ctx, onDisk(int64(headerSize+len(address)+len(entry))))
	return v, nil
}

// unchanged returns ErrConflict where the slot no longer has the version. Its guard is held.
func (m *Manager) unchanged(path string, address []byte, seen backends.Version) error {
	now, there, err := readHeader(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errCorrupt), err == nil && string(there) != string(address):
		if seen != backends.Absent && !version.Lapsed(seen, m.now()) {
			return backends.ErrConflict
		}
		return nil
	case err != nil:
		return err
	case now.version != seen:
		return backends.ErrConflict
	}
	return nil
}

func (s *store) Invalidate(ctx context.Context, key string) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	address, path := s.locate(key)
	expires := s.m.now().Add(backends.TombstoneTTL)
	w := write{
		path: path, sync: s.m.sync, check: func() error { return nil },
		parts: [][]byte{encodeHeader(kindTombstone, version.New(expires), expires, address, nil)},
	}
	err := s.m.writeFile(ctx, w)
	if isFull(err) && s.m.makeRoom(ctx) {
		err = s.m.writeFile(ctx, w)
	}
	return s.m.fail("invalidate", err)
}

func (s *store) Delete(ctx context.Context, key string, seen backends.Version) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	address, path := s.locate(key)
	unlock, err := s.m.lock(ctx, path)
	if err != nil {
		return s.m.fail("delete", err)
	}
	defer unlock()
	if h, there, err := readHeader(path); err != nil || h.version != seen || string(there) != string(address) {
		return s.m.fail("delete", absentIsEmpty(ignoreCorrupt(err)))
	}
	err = os.Remove(path)
	if err == nil && s.m.sync {
		err = syncDir(filepath.Dir(path))
	}
	return s.m.fail("delete", absentIsEmpty(err))
}

func ignoreCorrupt(err error) error {
	if errors.Is(err, errCorrupt) {
		return nil
	}
	return err
}

func (s *store) Generation(ctx context.Context) (uint64, error) {
	if err := s.m.check(ctx); err != nil {
		return 0, err
	}
	return s.generation(ctx)
}

func (s *store) Clear(ctx context.Context) (uint64, error) {
	if err := s.m.check(ctx); err != nil {
		return 0, err
	}
	epoch, err := s.m.currentGeneration(ctx, s.m.epochFile(), "clear")
	if err != nil {
		return 0, err
	}
	own, err := s.m.renewGeneration(ctx, s.generationFile(), "clear")
	return combine(epoch, own), err
}
