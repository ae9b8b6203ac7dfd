package main

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/stillwarm/stillwarm/backends"
)

// mark notes what happened to one call on its way: it travels in the call's context.
type mark struct {
	ran, asked, failed atomic.Bool
}

type markKey struct{}

func withMark(ctx context.Context, m *mark) context.Context {
	return context.WithValue(ctx, markKey{}, m)
}

// markOf returns the mark of the call, or nil.
func markOf(ctx context.Context) *mark {
	m, _ := ctx.Value(markKey{}).(*mark)
	return m
}

// note takes down that the backend was asked, and what came of it.
func note(ctx context.Context, err error) {
	m := markOf(ctx)
	if m == nil {
		return
	}
	m.asked.Store(true)
	if err != nil && !errors.Is(err, backends.ErrLeased) {
		m.failed.Store(true)
	}
}

// watch returns the manager with every read noted in the mark of the call that made it.
func watch(m backends.PersistenceManager) backends.PersistenceManager { return watched{m} }

type watched struct{ backends.PersistenceManager }

func (w watched) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := w.PersistenceManager.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	l, ok := s.(backends.Leaser)
	if !ok {
		return nil, errors.New("the store has no leases: a fleet needs them")
	}
	r, ok := s.(backends.Records)
	if !ok {
		return nil, errors.New("the store has no records: a fleet learns from them how long a run takes")
	}
	return store{Store: s, Leaser: l, Records: r}, nil
}

type store struct {
	backends.Store
	backends.Leaser
	backends.Records
}

func (s store) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	r, err := s.Store.Read(ctx, key, o)
	note(ctx, err)
	return r, err
}

func (s store) Generation(ctx context.Context) (uint64, error) {
	generation, err := s.Store.Generation(ctx)
	note(ctx, err)
	return generation, err
}

func (s store) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	l, reading, err := s.Leaser.Lease(ctx, key, r, o)
	note(ctx, err)
	return l, reading, err
}
