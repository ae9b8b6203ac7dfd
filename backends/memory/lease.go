package memory

import (
	"context"
	"strconv"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// held is one holder's lease: the token says whose it is.
type held struct {
	m     *Manager
	at    address
	token uint64
}

func (s *store) Lease(ctx context.Context, key string, ttl time.Duration) (backends.Lease, error) {
	if err := s.m.check(ctx); err != nil {
		return nil, err
	}
	h := &held{m: s.m, at: s.at(key), token: backends.NewGeneration()}
	if holder, taken := s.m.place.lease(h.at, h.token, ttl); !taken {
		return nil, &backends.LeasedError{Holder: strconv.FormatUint(holder, 16)}
	}
	return h, nil
}

func (h *held) Renew(ctx context.Context, ttl time.Duration) error {
	if err := h.m.check(ctx); err != nil {
		return err
	}
	if !h.m.place.renew(h.at, h.token, ttl) {
		return backends.ErrLeaseLost
	}
	return nil
}

func (h *held) Release(ctx context.Context) error {
	if err := h.m.check(ctx); err != nil {
		return err
	}
	h.m.place.release(h.at, h.token)
	return nil
}

// lease takes the lease, or says who has it.
func (p *place) lease(at address, token uint64, ttl time.Duration) (holder uint64, taken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if l, taken := p.leases[at]; taken && now.Before(l.expires) {
		return l.token, false
	}
	p.leases[at] = lease{token, now.Add(ttl)}
	if len(p.leases) >= p.sweepAt {
		for k, l := range p.leases {
			if !now.Before(l.expires) {
				delete(p.leases, k)
			}
		}
		p.sweepAt = max(64, 2*len(p.leases)) // doubling keeps the cost of a lease constant on average
	}
	return token, true
}

func (p *place) renew(at address, token uint64, ttl time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	l, ok := p.leases[at]
	if !ok || l.token != token || !now.Before(l.expires) {
		return false
	}
	p.leases[at] = lease{token, now.Add(ttl)}
	return true
}

func (p *place) release(at address, token uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l, ok := p.leases[at]; ok && l.token == token {
		delete(p.leases, at)
	}
}
