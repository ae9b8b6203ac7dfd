package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"strings"

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
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errCorrupt) || err == nil && h.expired(now) {
			return nil
		}
		if err != nil {
			return err
		}
		key, ok := s.keyIn(address)
		if ok && !yield(backends.Info{Key: key, Size: h.entryLen, Expires: h.expires}) {
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
	rest, ok := strings.CutPrefix(string(address), string(s.head))
	if !ok || len(rest) < 4 || int(binary.BigEndian.Uint32([]byte(rest[:4]))) != len(rest)-4 {
		return "", false
	}
	return rest[4:], true
}
