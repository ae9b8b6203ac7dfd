package memory

import (
	"context"
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// lease is what a key's lease slot holds: a lease, or a mark.
type lease struct {
	token   string // empty: a mark
	began   time.Time
	runTime time.Duration
	mark    backends.Mark
	expires time.Time
}

// refusal is the error that other callers get.
func (l lease) refusal(now time.Time) error {
	left := l.expires.Sub(now)
	if l.token == "" {
		return &backends.MarkedError{Mark: l.mark, Left: left}
	}
	return &backends.LeasedError{Holder: l.token, Age: max(0, now.Sub(l.began)), Left: left, RunTime: l.runTime}
}

// held is one holder's lease: the token says whose it is.
type held struct {
	m     *Manager
	at    address
	token string
}

func (s *store) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	return s.take(ctx, key, "", r, o)
}

func (s *store) Takeover(ctx context.Context, key, from string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	return s.take(ctx, key, from, r, o)
}

func (s *store) take(ctx context.Context, key, from string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	if err := errors.Join(r.Check(), s.check(ctx, o)); err != nil {
		return nil, backends.Reading{}, err
	}
	p, at := s.m.place, s.at(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.lease(at, from, r); err != nil {
		return nil, backends.Reading{}, err
	}
	return &held{m: s.m, at: at, token: r.Token}, own(p.read(at, o)), nil
}

func (s *store) LeaseAll(ctx context.Context, keys []string, rs []backends.LeaseRequest, o backends.ReadOptions) ([]backends.LeaseResult, error) {
	if err := s.check(ctx, o); err != nil {
		return nil, err
	}
	if len(keys) != len(rs) {
		return nil, errors.New("memory: lease all: keys and requests differ in number")
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
	p, at := s.m.place, s.at(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if l, taken := p.current(at); !taken || l.token == "" {
		p.mark(at, m)
	}
	return nil
}

func (h *held) Token() string { return h.token }

func (h *held) Renew(ctx context.Context, ttl time.Duration) error {
	if err := errors.Join(backends.CheckLeaseTTL(ttl), h.m.check(ctx)); err != nil {
		return err
	}
	p := h.m.place
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.current(h.at)
	if !ok || l.token != h.token {
		return backends.ErrLeaseLost
	}
	l.expires = p.now().Add(ttl)
	p.leases[h.at] = l
	return nil
}

func (h *held) Release(ctx context.Context, m backends.Mark) error {
	if err := h.m.check(ctx); err != nil {
		return err
	}
	p := h.m.place
	p.mu.Lock()
	defer p.mu.Unlock()
	if l, ok := p.current(h.at); !ok || l.token == h.token {
		p.mark(h.at, m)
	}
	return nil
}

// current returns what the lease slot holds, unless its time is over. Called with the lock held, as all that follow.
func (p *place) current(at address) (lease, bool) {
	l, ok := p.leases[at]
	return l, ok && p.now().Before(l.expires)
}

// lease takes the lease, or returns why not.
func (p *place) lease(at address, from string, r backends.LeaseRequest) error {
	now := p.now()
	l, taken := p.current(at)
	if taken && l.token != r.Token && (l.token == "" || l.token != from) {
		return l.refusal(now)
	}
	began := now
	if taken && l.token == r.Token {
		began = l.began // an earlier attempt took it
	}
	p.leases[at] = lease{token: r.Token, began: began, runTime: r.RunTime, expires: now.Add(r.TTL)}
	p.sweepLeases(now)
	return nil
}

// mark puts the mark in place of what the slot holds, or empties it.
func (p *place) mark(at address, m backends.Mark) {
	if m.Kind == 0 || m.TTL <= 0 {
		delete(p.leases, at)
		return
	}
	now := p.now()
	p.leases[at] = lease{mark: backends.Mark{Kind: m.Kind, Generation: m.Generation}, expires: now.Add(m.TTL)}
	p.sweepLeases(now)
}

func (p *place) sweepLeases(now time.Time) {
	if len(p.leases) < p.sweepAt {
		return
	}
	for k, l := range p.leases {
		if !now.Before(l.expires) {
			delete(p.leases, k)
		}
	}
	p.sweepAt = max(64, 2*len(p.leases)) // doubling keeps the cost of a lease constant on average
}
