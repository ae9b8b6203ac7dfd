package tiered

import (
	"context"
	"fmt"

	"github.com/stillwarm/stillwarm/backends"
)

// pruningManager is a manager whose authority can prune.
type pruningManager struct {
	*manager
	pruner backends.Pruner
}

// Prune prunes the last tier, then the faster ones as far as their entries can be recognised: see the package's
// documentation. Failures of faster tiers are observed only.
func (m *pruningManager) Prune(ctx context.Context, generationOf func([]byte) (uint64, bool)) (int, error) {
	if err := m.check(ctx); err != nil {
		return 0, err
	}
	removed, err := m.pruner.Prune(ctx, generationOf)
	if err != nil {
		return removed, err
	}
	for i, t := range m.tiers[:len(m.tiers)-1] {
		p, ok := t.Manager.(backends.Pruner)
		if !ok {
			continue
		}
		own, err := m.translation(ctx, i)
		if err == nil && len(own) > 0 {
			var n int
			n, err = p.Prune(ctx, func(entry []byte) (uint64, bool) {
				g, ok := generationOf(entry)
				translated, current := own[g]
				return translated, ok && current
			})
			removed += n
		}
		if ctx.Err() != nil {
			return removed, ctx.Err()
		}
		t.report(ctx, "prune", err)
	}
	return removed, nil
}

// translation maps the authority's generation of each open function, which entries carry, to tier i's own, with which
// that tier will compare. Generations are unique, so one tells its function.
func (m *manager) translation(ctx context.Context, i int) (map[uint64]uint64, error) {
	own := make(map[uint64]uint64)
	var err error
	m.functions.Range(func(id, sh any) bool {
		s := sh.(*shared).any.Load()
		if s == nil {
			return true // being opened; it has put nothing yet
		}
		var authority uint64
		if authority, err = s.Generation(ctx); err == nil {
			own[authority], err = s.levels[i].store.Generation(ctx)
		}
		if err != nil {
			err = fmt.Errorf("generation of %q: %w", id.(fnID).name, err)
		}
		return err == nil
	})
	return own, err
}
