package disk

import (
	"context"
	"errors"
	"io/fs"

	"github.com/stillwarm/stillwarm/backends"
)

// List implements [backends.Lister]: it reads the headers of the function's entries.
func (s *store) List(ctx context.Context, yield func(backends.Info) bool) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	now := s.m.now()
	err := walkFunction(ctx, s.dir, func(path string, _ fs.FileInfo) error {
		h, address, err := readHeader(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errCorrupt) || err == nil && (h.kind != kindEntry || h.expired(now)) {
			return nil
		}
		if err != nil {
			return err
		}
		key, ok := s.keyIn(address)
		if ok && !yield(backends.Info{Key: key, Size: h.contentLen, Expires: h.expires}) {
			return fs.SkipAll
		}
		return nil
	})
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return s.m.fail("list", err)
}

// keyIn returns the key in an address of this function.
func (s *store) keyIn(address []byte) (string, bool) {
	parts, ok := unframe(address)
	if !ok || len(parts) != 3 || parts[0] != s.fn.Namespace || parts[1] != s.fn.Name {
		return "", false
	}
	return parts[2], true
}
