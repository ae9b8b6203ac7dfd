package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/internal/version"
)

// A key's lease slot is a file of its own: a lease, whose content is when its run began (8 bytes, microseconds), the run
// time (8 bytes, nanoseconds) and the token; or a mark, whose content is its kind (1 byte) and generation (8 bytes). It is
// read and replaced only under the guard of its path, which makes taking over one whose time is over safe among any
// number of processes.

// lease is what a lease slot holds. The zero value: nothing.
type lease struct {
	token   string
	began   time.Time
	runTime time.Duration
	mark    backends.Mark // Kind 0: it is a lease
	expires time.Time
}

func (l lease) free() bool { return l.token == "" && l.mark.Kind == 0 }

func (l lease) content() (kind, []byte) {
	if l.mark.Kind != 0 {
		return kindMark, binary.BigEndian.AppendUint64([]byte{l.mark.Kind}, l.mark.Generation)
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(stamp(l.began)))
	b = binary.BigEndian.AppendUint64(b, uint64(l.runTime))
	return kindLease, append(b, l.token...)
}

// leaseOf returns what a file says, nothing for what is no lease and no mark.
func leaseOf(f *file) lease {
	l := lease{expires: f.expires}
	switch c := f.content; {
	case f.kind == kindLease && len(c) > 16:
		l.began = unstamp(int64(binary.BigEndian.Uint64(c)))
		l.runTime = max(0, time.Duration(binary.BigEndian.Uint64(c[8:])))
		l.token = string(c[16:])
	case f.kind == kindMark && len(c) == 9:
		l.mark = backends.Mark{Kind: c[0], Generation: binary.BigEndian.Uint64(c[1:])}
	}
	return l
}

// refusal is the error that other callers get.
func (l lease) refusal(now time.Time) error {
	left := l.expires.Sub(now)
	if l.mark.Kind != 0 {
		return &backends.MarkedError{Mark: l.mark, Left: left}
	}
	return &backends.LeasedError{Holder: l.token, Age: max(0, now.Sub(l.began)), Left: left, RunTime: l.runTime}
}

// leaseSlot is a key's lease slot.
type leaseSlot struct {
	m       *Manager
	path    string
	address []byte
}

func (s *store) leaseSlot(key string) leaseSlot {
	address := s.address(key)
	return leaseSlot{m: s.m, path: filepath.Join(s.dir, leasesName, hashName(address)), address: address}
}

// held is one holder's lease: the token says whose it is.
type held struct {
	leaseSlot
	token string
}

func (s *store) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	return s.take(ctx, key, "", r, o)
}

func (s *store) Takeover(ctx context.Context, key, from string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	return s.take(ctx, key, from, r, o)
}

func (s *store) take(ctx context.Context, key, from string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	if err := errors.Join(r.Check(), s.m.check(ctx)); err != nil {
		return nil, backends.Reading{}, err
	}
	slot := s.leaseSlot(key)
	err := slot.guarded(ctx, func(l lease) error {
		now := s.m.now()
		if !l.free() && l.token != r.Token && (l.token == "" || l.token != from) {
			return l.refusal(now)
		}
		began := now
		if l.token == r.Token {
			began = l.began // an earlier attempt took it
		}
		return slot.write(ctx, lease{token: r.Token, began: began, runTime: r.RunTime, expires: now.Add(r.TTL)})
	})
	if err != nil {
		return nil, backends.Reading{}, s.m.fail("lease", err)
	}
	reading, err := s.Read(ctx, key, o)
	return &held{slot, r.Token}, reading, err
}

func (s *store) LeaseAll(ctx context.Context, keys []string, rs []backends.LeaseRequest, o backends.ReadOptions) ([]backends.LeaseResult, error) {
	if err := s.m.check(ctx); err != nil {
		return nil, err
	}
	if len(keys) != len(rs) {
		return nil, errors.New("disk: lease all: keys and requests differ in number")
	}
	out := make([]backends.LeaseResult, len(keys))
	for i, key := range keys {
		out[i].Lease, out[i].Reading, out[i].Err = s.take(ctx, key, "", rs[i], o)
	}
	return out, nil
}

func (s *store) Mark(ctx context.Context, key string, m backends.Mark) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	slot := s.leaseSlot(key)
	return s.m.fail("mark", slot.guarded(ctx, func(l lease) error {
		if l.token != "" {
			return nil
		}
		return slot.mark(ctx, m)
	}))
}

func (h *held) Token() string { return h.token }

func (h *held) Renew(ctx context.Context, ttl time.Duration) error {
	if err := errors.Join(backends.CheckLeaseTTL(ttl), h.m.check(ctx)); err != nil {
		return err
	}
	return h.m.fail("renew lease", h.guarded(ctx, func(l lease) error {
		if l.token != h.token {
			return backends.ErrLeaseLost
		}
		l.expires = h.m.now().Add(ttl)
		return h.write(ctx, l)
	}))
}

func (h *held) Release(ctx context.Context, m backends.Mark) error {
	if err := h.m.check(ctx); err != nil {
		return err
	}
	return h.m.fail("release lease", h.guarded(ctx, func(l lease) error {
		if l.token != h.token && !l.free() {
			return nil
		}
		return h.mark(ctx, m)
	}))
}

// guarded calls do with what the slot holds now, nothing where its time is over.
func (s leaseSlot) guarded(ctx context.Context, do func(lease) error) error {
	unlock, err := s.m.lock(ctx, s.path)
	if err != nil {
		return err
	}
	defer unlock()
	var l lease
	f, _, err := s.m.readFile(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errCorrupt):
	case err != nil:
		return err
	case f.is(s.address) && !f.expired(s.m.now()):
		l = leaseOf(f)
	}
	return do(l)
}

// mark puts the mark in place of what the slot holds, or empties it. The guard is held.
func (s leaseSlot) mark(ctx context.Context, m backends.Mark) error {
	if m.Kind == 0 || m.TTL <= 0 {
		return absentIsEmpty(os.Remove(s.path))
	}
	return s.write(ctx, lease{mark: m, expires: s.m.now().Add(m.TTL)})
}

// write leaves out fsync: after a loss of power no holder is left. The guard is held.
func (s leaseSlot) write(ctx context.Context, l lease) error {
	k, content := l.content()
	return s.m.writeFile(ctx, write{
		path:  s.path,
		parts: [][]byte{encodeHeader(k, version.New(l.expires), l.expires, s.address, content), content},
	})
}
