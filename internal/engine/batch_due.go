package engine

import (
	"context"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// A Coherent function looks at the backend's slot before it believes memory, once in NearTTL. What a batch has to look at is part
// of what it reads: the whole slots, by one round trip, in place of a small read for each.

// isDue reports whether memory's entry has to be looked at, and the batch can do that: not where the entry is not written yet.
// Its write may end while the answer is on its way, and a version of tiers is only that of the tiers that were asked, so what
// is older than the entry could not be told from what has replaced it.
func (b *batch) isDue(e *memory.Entry) bool {
	f := b.f
	return f.spec.Coherent && f.store != nil && f.store.batch != nil && e.Epoch == f.log.Epoch() && e.Version.Load() != nil &&
		!f.store.trusts(e, f.env.Now())
}

// oneDue looks at the only slot that there is to read: a small read is less than the whole slot.
func (b *batch) oneDue(ctx context.Context) {
	if len(b.bare) > 0 || len(b.open) != 1 || b.open[0].due == nil {
		return
	}
	it := b.open[0]
	it.due, it.old = nil, b.f.remembered(ctx, it.l)
	if r := b.f.serve(ctx, it.l, it.old, it.l.tierOf(it.old)); r != nil {
		b.answer(it, r, nil)
		b.open = nil
	}
}

// confirm answers with what memory has where the reading i says that the backend holds that still. It is what remembered
// does with a reading of its own.
func (t *taker) confirm(ctx context.Context, it *item, i int) (answered bool) {
	f := t.f
	if it.due == nil || len(t.errs) == len(t.got) && t.errs[i] != nil {
		return false
	}
	r := &t.got[i]
	switch known := it.due.Version.Load(); {
	case r.Version != backends.Version(*known) || r.Generation != it.due.Generation || r.Entry == nil:
		return false
	case t.isCurrent(ctx, r):
		it.due.Checked.Store(t.at)
	case !f.store.mayStay(it.due): // a failover may have brought back what was cleared
		return false
	}
	return t.serveDue(ctx, it)
}

// serveDue answers with what memory has, if it may be served otherwise.
func (b *batch) serveDue(ctx context.Context, it *item) (answered bool) {
	f, e := b.f, it.due
	if len(e.Refs) > 0 && !f.records.confirms(ctx, f, it.l, e) {
		return false
	}
	it.old = f.present(ctx, it.l, e)
	r := f.serve(ctx, it.l, it.old, TierMemory)
	if r != nil {
		b.answer(it, r, nil)
	}
	return r != nil
}

// endDue ends what was to be looked at: memory forgets what the backend does not hold any more, and goes on serving what could not
// be looked at.
func (b *batch) endDue(ctx context.Context) {
	open := b.open[:0:0]
	for _, it := range b.open {
		switch {
		case it.due == nil:
		case it.l.looked:
			if it.old == nil {
				b.f.forget(it.l.Key, it.due)
			}
		case b.f.store.mayStay(it.due) && b.serveDue(ctx, it):
			continue
		}
		open = append(open, it)
	}
	b.open = open
}
