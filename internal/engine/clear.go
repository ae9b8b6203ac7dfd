package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// Clear makes every entry of the function a miss: here at once, in the backend by a new generation. An error says that
// the backend could not be told; it is told before anything there is believed again.
func (f *Function) Clear(ctx context.Context) error {
	if f.store != nil {
		f.store.gen.owe("") // until the backend has a new generation, its entries are not believed
	}
	f.log.Clear(f.flights.DetachAll)
	f.marks.clear()
	epoch := f.log.Epoch()
	f.env.Defer(ctx, func(context.Context) {
		f.spec.Owner.Sweep(func(e *memory.Entry) bool { return e.Epoch < epoch })
	})
	if f.store == nil || f.store.open(ctx) == nil {
		return nil
	}
	f.store.gen.forget()
	if err := f.store.clear(ctx, f.env.Writes.Timeout()); err != nil {
		f.env.Log(ctx, slog.LevelWarn, "could not propagate Clear to the backend; will retry before the next read",
			"function", f.spec.Name, "error", err.Error())
		return err
	}
	return nil
}

// clear replaces the generation.
func (s *store) clear(ctx context.Context, within time.Duration) error {
	point := s.f.log.Begin()
	defer s.f.log.End(point)
	began := s.f.env.Now()
	var generation uint64
	err := s.f.env.Writes.Within(ctx, within, func(ctx context.Context, deadline time.Time) (err error) {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		generation, err = s.opened.Clear(ctx)
		return err
	})
	if err != nil {
		return err
	}
	s.gen.paid("")
	if generation != 0 {
		s.gen.observe(generation, began, 0, s.f.spec.NearTTL)
	}
	return nil
}

// ClearFor makes the entry of one key a miss, here and in the backend. See [Function.Clear] for the error.
func (f *Function) ClearFor(ctx context.Context, l *Lookup) error {
	persistent := f.store != nil && f.store.open(ctx) != nil
	if persistent && !f.store.fenced() {
		return f.Clear(ctx) // without conditional writes a late write could bring the entry back
	}
	if persistent {
		f.store.gen.owe(f.store.slot(l))
	}
	f.log.ClearKey(l.Key, func() {
		f.flights.Detach(l.Key)
		f.spec.Owner.Delete(l.Key)
	})
	f.marks.remove(l.Key)
	f.rests.end(l.Key)
	if !persistent {
		return nil
	}
	return f.store.invalidate(ctx, f.store.slot(l), f.env.Writes.Timeout())
}

// invalidate writes a tombstone into a slot.
func (s *store) invalidate(ctx context.Context, slot string, within time.Duration) error {
	err := s.f.env.Writes.Within(ctx, within, func(ctx context.Context, deadline time.Time) error {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		return s.opened.Invalidate(ctx, slot)
	})
	if err == nil {
		s.gen.paid(slot)
	}
	return err
}

// Set puts a value in as if a run that began now had made it. An error says that the backend could not be told: this
// container has the value, and what the backend holds is invalidated before it is believed again.
func (f *Function) Set(ctx context.Context, l *Lookup, res Result) error {
	l.refPoint, l.refEpoch = f.records.begin()
	f.supersede(l)
	point := f.log.Begin()
	defer f.log.End(point)
	began := f.env.Now()
	f.inherit(l)
	t := turn{f: f, l: l, point: point}
	err := t.lookForWrite(ctx)
	e := f.entry(l, res, began, 0)
	e.Refs = append(append(l.refs[:len(l.refs):len(l.refs)], t.unreadRefs()...), localRefs(res.Terms.Tags)...)
	e.RefPoint = l.refPoint
	e.RefEpoch.Store(l.refEpoch)
	f.rests.end(l.Key)
	f.keep(l, point, e)
	if f.store == nil || f.store.open(ctx) == nil {
		return nil
	}
	return t.replace(ctx, e, len(res.Terms.Tags), err)
}

// unreadRefs are those of the lookup's tags where the records could not be read.
func (t *turn) unreadRefs() []invalidation.Ref {
	if t.l.refs != nil {
		return nil
	}
	return localRefs(t.l.Tags)
}

// supersede makes every run and read of the key that is under way keep its result to itself: a newer one begins.
func (f *Function) supersede(l *Lookup) {
	f.log.ClearKey(l.Key, func() { f.flights.Detach(l.Key) })
}

// lookForWrite reads the slot for its version and the generation, before something is computed that replaces it.
func (t *turn) lookForWrite(ctx context.Context) error {
	if t.f.store == nil {
		return nil
	}
	found, err := t.f.store.find(ctx, t.l, backends.ReadOptions{ForWrite: true}, t.point)
	t.old = newer(t.old, found)
	return err
}

// replace writes an entry that has to replace whatever the slot holds. Where it is refused, the slot gets a tombstone;
// where that fails, the slot is not believed before it has one.
func (t *turn) replace(ctx context.Context, e *memory.Entry, late int, unread error) error {
	f, l := t.f, t.l
	slot := f.store.slot(l)
	f.store.gen.owe(slot)
	lane := f.lanes.enter(l.Key)
	defer f.lanes.leave(l.Key, lane)
	lane.turn <- struct{}{}
	defer func() { <-lane.turn }()
	err := unread
	if err == nil {
		if f.log.Void(l.Key, t.point) { // a newer Set, Refresh or clear has begun
			return nil
		}
		_, err = f.store.put(ctx, l, e, late, lane, l.seen)
	}
	if err == nil {
		f.store.gen.paid(slot)
		if f.marks.remove(l.Key) {
			f.store.mark(ctx, l, backends.Mark{})
		}
		return nil
	}
	if told := f.store.invalidate(ctx, slot, f.env.Writes.Timeout()); told != nil {
		return told
	}
	if errors.Is(err, backends.ErrConflict) || errors.Is(err, errNotWritten) {
		return nil
	}
	return err
}

// replaceLater is replace once the response is out. Until then the slot is not believed.
func (t *turn) replaceLater(ctx context.Context, e *memory.Entry, late int) {
	f, l := t.f, t.l
	if f.store == nil || f.store.open(ctx) == nil {
		return
	}
	f.store.gen.owe(f.store.slot(l))
	point := f.log.Hold(t.point)
	f.env.Defer(ctx, func(ctx context.Context) {
		defer f.log.End(point)
		if err := t.replace(ctx, e, late, t.unread); err != nil && !f.env.Closed() {
			f.env.LogOnce(ctx, "refresh "+f.spec.Name, slog.LevelWarn, "cannot persist a refreshed result; keeping it in memory",
				"function", f.spec.Name, "error", err.Error())
		}
	})
}
