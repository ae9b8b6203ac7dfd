package tiered

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// manager is a PersistenceManager over several.
type manager struct {
	tiers     []*tier
	leaseTier int // -1: the slowest that can
	observe   func(Failure)
	clock     func() time.Time
	closed    atomic.Bool
	functions sync.Map // fnID -> *shared
}

type fnID struct{ namespace, name string }

func (m *manager) authority() *tier { return m.tiers[len(m.tiers)-1] }

// now is the wall clock: the monotonic one may stand still while a container is frozen.
func (m *manager) now() time.Time { return m.clock().Round(0) }

func (m *manager) nanos() int64 { return m.now().UnixNano() }

func (m *manager) check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.closed.Load() {
		return backends.ErrClosed
	}
	return nil
}

// Check asks every tier.
func (m *manager) Check(fn backends.Function) error {
	var errs []error
	for _, t := range m.tiers {
		if err := t.Manager.Check(fn); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", t.Name, err))
		}
	}
	return errors.Join(errs...)
}

// ClearAll replaces the authority's generations, which is what makes every entry a miss. The other tiers are asked too,
// for the room that it may free; their failures are only observed.
func (m *manager) ClearAll(ctx context.Context) error {
	if err := m.check(ctx); err != nil {
		return err
	}
	err := m.authority().Manager.ClearAll(ctx)
	// Also after an error: it may have been done all the same.
	m.functions.Range(func(_, s any) bool {
		s.(*shared).generation.Forget()
		return true
	})
	if err != nil {
		return err
	}
	for _, t := range m.tiers[:len(m.tiers)-1] {
		t.report(ctx, "clear", t.bounded(ctx, writeFactor, t.Manager.ClearAll))
	}
	return nil
}

// Close closes every tier and returns their errors joined. Only the first call does.
func (m *manager) Close() error {
	if m.closed.Swap(true) {
		return nil
	}
	tiers := make([]Tier, len(m.tiers))
	for i, t := range m.tiers {
		tiers[i] = t.Tier
	}
	return closeAll(tiers)
}

// Store opens the function's store in every tier.
func (m *manager) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	if err := m.check(ctx); err != nil {
		return nil, err
	}
	if err := backends.CheckFunction(fn); err != nil {
		return nil, err
	}
	sh, _ := m.functions.LoadOrStore(fnID{fn.Namespace, fn.Name}, &shared{})
	s := &store{m: m, shared: sh.(*shared), keep: fn.NearTTL / 2}
	for _, t := range m.tiers {
		ts, err := t.Manager.Store(ctx, fn)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		s.levels = append(s.levels, newLevel(t, ts))
	}
	s.shared.any.Store(s)
	return s.withCapabilities()
}
