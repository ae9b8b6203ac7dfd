package disk

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// A lease is a file like an entry's: its expiry is the lease's, its entry the holder's token. It is read and replaced
// only under the guard of its path, which makes taking over one whose time is over safe among any number of processes.

// held is one holder's lease: the token says whose it is.
type held struct {
	m       *Manager
	path    string
	address []byte
	token   []byte
}

func (s *store) Lease(ctx context.Context, key string, ttl time.Duration) (backends.Lease, error) {
	if err := s.m.check(ctx); err != nil {
		return nil, err
	}
	address := s.address(key)
	h := &held{
		m:       s.m,
		path:    filepath.Join(s.dir, leasesName, hashName(address)),
		address: address,
		token:   binary.BigEndian.AppendUint64(nil, backends.NewGeneration()),
	}
	err := h.guarded(ctx, func(current *file) error {
		if current != nil {
			return &backends.LeasedError{Holder: string(current.entry)}
		}
		return h.write(ctx, ttl)
	})
	if err != nil {
		return nil, s.m.fail("lease", err)
	}
	return h, nil
}

func (h *held) Renew(ctx context.Context, ttl time.Duration) error {
	if err := h.m.check(ctx); err != nil {
		return err
	}
	return h.m.fail("renew lease", h.guarded(ctx, func(current *file) error {
		if !h.holds(current) {
			return backends.ErrLeaseLost
		}
		return h.write(ctx, ttl)
	}))
}

func (h *held) Release(ctx context.Context) error {
	if err := h.m.check(ctx); err != nil {
		return err
	}
	return h.m.fail("release lease", h.guarded(ctx, func(current *file) error {
		if !h.holds(current) {
			return nil
		}
		return os.Remove(h.path)
	}))
}

func (h *held) holds(current *file) bool {
	return current != nil && bytes.Equal(current.entry, h.token) && current.is(h.address)
}

// guarded calls do with the lease that is held now, nil where there is none or its time is over.
func (h *held) guarded(ctx context.Context, do func(current *file) error) error {
	unlock, err := h.m.lock(ctx, h.path)
	if err != nil {
		return err
	}
	defer unlock()
	current, err := h.m.readEntry(h.path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errCorrupt) {
		current, err = nil, nil
	}
	if err != nil {
		return err
	}
	return do(current)
}

// write leaves out fsync: after a loss of power no holder is left.
func (h *held) write(ctx context.Context, ttl time.Duration) error {
	return h.m.writeFile(ctx, h.path, false, encodeHeader(h.m.now().Add(ttl), h.address, h.token), h.token)
}
