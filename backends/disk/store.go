package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// store is one function's folder.
type store struct {
	m    *Manager
	dir  string
	head []byte // framed namespace and name: the beginning of every address
}

var (
	_ backends.Pruner       = (*Manager)(nil)
	_ backends.Leaser       = (*store)(nil)
	_ backends.Lister       = (*store)(nil)
	_ backends.ExpiryGetter = (*store)(nil)
)

func newStore(m *Manager, fn backends.Function) *store {
	return &store{m: m, dir: m.functionDir(fn), head: frame(nil, fn.Namespace, fn.Name)}
}

func (s *store) address(key string) []byte {
	return frame(append(make([]byte, 0, len(s.head)+4+len(key)), s.head...), key)
}

// locate returns the key's address and its entry's path.
func (s *store) locate(key string) (address []byte, path string) {
	address = s.address(key)
	name := hashName(address)
	return address, filepath.Join(s.dir, entriesName, name[:2], name)
}

func (s *store) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	b, g, _, err := s.GetExpiry(ctx, key)
	return b, g, err
}

func (s *store) GetExpiry(ctx context.Context, key string) ([]byte, uint64, time.Time, error) {
	if err := s.m.check(ctx); err != nil {
		return nil, 0, time.Time{}, err
	}
	g, err := s.generation(ctx)
	if err != nil {
		return nil, 0, time.Time{}, err
	}
	address, path := s.locate(key)
	f, err := s.m.readEntry(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errCorrupt):
		return nil, g, time.Time{}, backends.ErrNotFound
	case err != nil:
		return nil, g, time.Time{}, s.m.fail("get", err)
	case !f.is(address):
		return nil, g, time.Time{}, backends.ErrNotFound
	}
	return f.entry, g, f.expires, nil
}

func (s *store) Put(ctx context.Context, key string, entry []byte, expires time.Time) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	expires = expires.Round(0)
	if !expires.IsZero() && !s.m.now().Before(expires) {
		return s.Delete(ctx, key) // it replaces what was there, and could never be read
	}
	address, path := s.locate(key)
	if int64(len(entry)+len(address))+headerSize > s.m.max {
		return backends.ErrTooLarge
	}
	head := encodeHeader(expires, address, entry)
	err := s.m.writeFile(ctx, path, s.m.sync, head, entry)
	if isFull(err) && s.m.makeRoom(ctx) {
		err = s.m.writeFile(ctx, path, s.m.sync, head, entry)
	}
	if err != nil {
		return s.m.fail("put", err)
	}
	s.m.wrote(ctx, onDisk(int64(len(head)+len(entry))))
	return nil
}

func (s *store) Delete(ctx context.Context, key string) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	_, path := s.locate(key)
	err := os.Remove(path)
	if err == nil && s.m.sync {
		err = syncDir(filepath.Dir(path))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return s.m.fail("delete", err)
}

func (s *store) Generation(ctx context.Context) (uint64, error) {
	if err := s.m.check(ctx); err != nil {
		return 0, err
	}
	return s.generation(ctx)
}

func (s *store) Clear(ctx context.Context) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	return s.m.renewGeneration(ctx, s.generationFile(), "clear")
}
