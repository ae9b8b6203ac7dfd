package fleet

import (
	"context"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// leaseRounds is how often the S3 backend looks again after a lost race.
const leaseRounds = 4

// leasingStore is a store with leases: one command on Redis; on S3 a look, and a conditional write where it is free.
type leasingStore struct{ *store }

// Lease takes the lease of key for ttl.
func (s *leasingStore) Lease(ctx context.Context, key string, ttl time.Duration) (backends.Lease, error) {
	if s.m.link.s3 {
		return s.leaseByLooking(ctx, key, ttl)
	}
	if err := s.m.sends(ctx, false, 0, none); err != nil {
		return nil, err
	}
	version, ok := s.m.cloud.take(key, time.Now().Add(ttl))
	return s.outcome(key, version, ok)
}

// LeaseGet takes the lease and reads the entry behind it in the time of the lease: in one round trip on Redis; on S3
// beside the write, and not at all where there was no object a moment ago and nobody ever had the lease.
func (s *leasingStore) LeaseGet(ctx context.Context, key string, ttl time.Duration) (backends.Lease, []byte, uint64, error) {
	m := s.m
	if m.link.s3 && m.absent == key {
		m.absent = ""
		if err := m.sends(ctx, false, 0, none); err != nil {
			return nil, nil, 0, err
		}
		if version, ok := m.cloud.swap(key, 0, time.Now().Add(ttl)); ok {
			l, err := s.outcome(key, version, true)
			if err != nil {
				return nil, nil, 0, err
			}
			return l, nil, m.cloud.current(), backends.ErrNotFound
		}
	}
	if !m.link.s3 {
		m.cloud.count(func(o *Operations) { o.Get++; o.Commands++; o.Units += 1 + valueKB })
	}
	l, err := s.Lease(ctx, key, ttl)
	if err != nil {
		return nil, nil, 0, err
	}
	if m.link.s3 {
		m.cloud.count(func(o *Operations) { o.Get++; o.Reads++ })
	}
	data, _ := m.cloud.get(key)
	if data == nil {
		return l, nil, m.cloud.current(), backends.ErrNotFound
	}
	return l, data, m.cloud.current(), nil
}

func (s *leasingStore) leaseByLooking(ctx context.Context, key string, ttl time.Duration) (backends.Lease, error) {
	for range leaseRounds {
		if err := s.m.sends(ctx, true, 0, none); err != nil {
			return nil, err
		}
		seen, held := s.m.cloud.look(key)
		if held {
			break
		}
		if err := s.m.sends(ctx, false, 0, none); err != nil {
			return nil, err
		}
		if version, ok := s.m.cloud.swap(key, seen, time.Now().Add(ttl)); ok {
			return s.outcome(key, version, true)
		}
	}
	return s.outcome(key, 0, false)
}

func (s *leasingStore) outcome(key string, version uint64, ok bool) (backends.Lease, error) {
	if !ok {
		s.m.cloud.count(func(o *Operations) { o.LeaseBusy++ })
		return nil, backends.ErrLeased
	}
	s.m.cloud.count(func(o *Operations) { o.LeaseTaken++ })
	return &heldLease{s.m, key, version}, nil
}

// heldLease is a lease that one container took. Its renewal and its release never happen at the same time.
type heldLease struct {
	m       *manager
	key     string
	version uint64
}

// Renew extends the lease with one request.
func (l *heldLease) Renew(ctx context.Context, ttl time.Duration) error {
	if err := l.m.sends(ctx, false, 0, func(o *Operations) { o.Renew++ }); err != nil {
		return err
	}
	version, ok := l.m.cloud.swap(l.key, l.version, time.Now().Add(ttl))
	if !ok {
		return backends.ErrLeaseLost
	}
	l.version = version
	return nil
}

// Release frees the lease with one request.
func (l *heldLease) Release(ctx context.Context) error {
	if err := l.m.sends(ctx, false, 0, func(o *Operations) { o.Freed++ }); err != nil {
		return err
	}
	l.m.cloud.swap(l.key, l.version, time.Time{})
	return nil
}
