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

// Lease takes the lease and reads the entry behind it in the time of the lease: in one round trip on Redis; on S3
// beside the write, and not at all where there was no object a moment ago and nobody ever had the lease.
func (s *leasingStore) Lease(ctx context.Context, key string, r backends.LeaseRequest, _ backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	return s.lease(ctx, key, "", r)
}

// Takeover is Lease that also takes the lease of the holder from.
func (s *leasingStore) Takeover(ctx context.Context, key, from string, r backends.LeaseRequest, _ backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	return s.lease(ctx, key, from, r)
}

func (s *leasingStore) lease(ctx context.Context, key, from string, r backends.LeaseRequest) (backends.Lease, backends.Reading, error) {
	m := s.m
	if m.link.s3 && m.absent == key {
		m.absent = ""
		if err := m.sends(ctx, false, 0, none); err != nil {
			return nil, backends.Reading{}, err
		}
		if version, ok := m.cloud.swap(key, 0, newLease(r)); ok {
			l, err := s.outcome(key, r, version, lease{}, true)
			return l, backends.Reading{Generation: m.cloud.current()}, err
		}
	}
	if !m.link.s3 {
		m.cloud.count(func(o *Operations) { o.Get++; o.Commands++; o.Units += 1 + valueKB })
	}
	l, err := s.take(ctx, key, from, r)
	if err != nil {
		return nil, backends.Reading{}, err
	}
	if m.link.s3 {
		m.cloud.count(func(o *Operations) { o.Get++; o.Reads++ })
	}
	return l, m.reading(key), nil
}

func newLease(r backends.LeaseRequest) lease {
	now := time.Now()
	return lease{until: now.Add(r.TTL), began: now, request: r}
}

func (s *leasingStore) take(ctx context.Context, key, from string, r backends.LeaseRequest) (backends.Lease, error) {
	if s.m.link.s3 {
		return s.leaseByLooking(ctx, key, from, r)
	}
	if err := s.m.sends(ctx, false, 0, none); err != nil {
		return nil, err
	}
	version, held, ok := s.m.cloud.take(key, from, newLease(r))
	return s.outcome(key, r, version, held, ok)
}

func (s *leasingStore) leaseByLooking(ctx context.Context, key, from string, r backends.LeaseRequest) (backends.Lease, error) {
	var seen lease
	for range leaseRounds {
		if err := s.m.sends(ctx, true, 0, none); err != nil {
			return nil, err
		}
		var held bool
		if seen, held = s.m.cloud.look(key); held && (from == "" || seen.request.Token != from) {
			break
		}
		if err := s.m.sends(ctx, false, 0, none); err != nil {
			return nil, err
		}
		if version, ok := s.m.cloud.swap(key, seen.version, newLease(r)); ok {
			return s.outcome(key, r, version, lease{}, true)
		}
	}
	return s.outcome(key, r, 0, seen, false)
}

func (s *leasingStore) outcome(key string, r backends.LeaseRequest, version uint64, held lease, ok bool) (backends.Lease, error) {
	if !ok {
		s.m.cloud.count(func(o *Operations) { o.LeaseBusy++ })
		now := time.Now()
		return nil, &backends.LeasedError{
			Holder: held.request.Token, Age: now.Sub(held.began), Left: held.until.Sub(now), RunTime: held.request.RunTime,
		}
	}
	s.m.cloud.count(func(o *Operations) { o.LeaseTaken++ })
	return &heldLease{s.m, key, r, time.Now(), version}, nil
}

// Mark does nothing: the simulated function's results are all storable.
func (s *leasingStore) Mark(context.Context, string, backends.Mark) error { return nil }

// heldLease is a lease that one container took. Its renewal and its release never happen at the same time.
type heldLease struct {
	m       *manager
	key     string
	request backends.LeaseRequest
	began   time.Time
	version uint64
}

// Token returns the holder's token.
func (l *heldLease) Token() string { return l.request.Token }

// Renew extends the lease with one request.
func (l *heldLease) Renew(ctx context.Context, ttl time.Duration) error {
	if err := l.m.sends(ctx, false, 0, func(o *Operations) { o.Renew++ }); err != nil {
		return err
	}
	version, ok := l.m.cloud.swap(l.key, l.version, lease{until: time.Now().Add(ttl), began: l.began, request: l.request})
	if !ok {
		return backends.ErrLeaseLost
	}
	l.version = version
	return nil
}

// Release frees the lease with one request.
func (l *heldLease) Release(ctx context.Context, _ backends.Mark) error {
	if err := l.m.sends(ctx, false, 0, func(o *Operations) { o.Freed++ }); err != nil {
		return err
	}
	l.m.cloud.swap(l.key, l.version, lease{})
	return nil
}
