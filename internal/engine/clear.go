package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/genstate"
)

// Clear makes every entry of the function a miss: here at once, in the backend by a new generation. An error says that
// the backend could not be told; it is told before anything there is believed again.
func (f *Function) Clear(ctx context.Context) error {
	var owed genstate.Clear
	if f.store != nil {
		owed = f.store.gen.ClearAll(f.env.Now()) // until the backend has a new generation, its entries are not believed
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
	if err := f.store.tell(ctx, owed, f.env.Writes.Timeout()); err != nil {
		f.env.Log(ctx, slog.LevelWarn, "could not propagate Clear to the backend; will retry before the next read",
			"function", f.spec.Name, "error", err.Error())
		return err
	}
	return nil
}

// ClearFor makes the entry of one key a miss, here and in the backend. See [Function.Clear] for the error.
func (f *Function) ClearFor(ctx context.Context, l *Lookup) error {
	persistent := f.store != nil && f.store.open(ctx) != nil
	if persistent && !f.store.fenced() {
		return f.Clear(ctx) // without conditional writes a late write could bring the entry back
	}
	var owed genstate.Clear
	if persistent {
		owed = f.store.gen.ClearSlot(f.store.slot(l), f.env.Now())
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
	return f.store.tell(ctx, owed, f.env.Writes.Timeout())
}

// Set puts a value in as if a run that began now had made it. An error says that the backend could not be told: this
// container has the value, and what the backend holds is invalidated before it is believed again.
func (f *Function) Set(ctx context.Context, l *Lookup, res Result) error {
	f.connectTagged(ctx, l.Tags)
	refPoint, refEpoch := f.records.begin()
	replaced := f.spec.Owner.Get(bytesOf(l.Key))
	f.supersede(l)
	point := f.log.Begin()
	defer f.log.End(point)
	f.sets.begin(l.Key, point)
	defer f.sets.end(l.Key, point)
	began := f.env.Now()
	f.inherit(l)
	t := turn{f: f, l: l, point: point}
	err := t.lookForWrite(ctx)
	l.refPoint, l.refEpoch = refPoint, refEpoch // the result is from before the look
	e := f.entry(l, res, began, 0)
	e.Refs = append(append(l.refs[:len(l.refs):len(l.refs)], t.unreadRefs()...), f.records.localRefs(res.Terms.Tags)...)
	e.RefPoint.Store(l.refPoint)
	e.RefEpoch.Store(l.refEpoch)
	f.rests.end(l.Key)
	if void := f.records.void(e); void && !f.log.Void(l.Key, point) {
		return f.ClearFor(ctx, l) // invalidated since: nobody may get it, nor what it would have replaced
	} else if void || !f.keep(l, point, e) {
		return f.overtakenSet(ctx, l, point, began, replaced)
	}
	if f.store == nil || f.store.open(ctx) == nil {
		return nil
	}
	return t.replace(ctx, f.store.gen.ClearSlot(f.store.slot(l), f.env.Now()), e, len(res.Terms.Tags), err)
}

// overtakenSet ends a Set since whose beginning a newer Set, Refresh or clear has begun. What the Set would have replaced
// must not stay where the newer one puts nothing in its place: a Refresh that fails.
func (f *Function) overtakenSet(ctx context.Context, l *Lookup, point invalidation.Point, began int64, replaced *memory.Entry) error {
	has := f.spec.Owner.Get(bytesOf(l.Key))
	if has != nil && !sameResult(has, replaced) && has.Created >= began { // what was read meanwhile may be older
		return nil
	}
	f.forget(l.Key, has)
	if f.sets.newer(l.Key, point) { // it replaces what the slot holds, which nobody gets meanwhile: this Set is over
		if f.store != nil && f.store.open(ctx) != nil {
			f.store.gen.ClearSlot(f.store.slot(l), f.env.Now())
		}
		return nil
	}
	switch {
	case f.store == nil || f.store.open(ctx) == nil:
		return nil
	case !f.store.fenced():
		return f.Clear(ctx)
	}
	return f.store.tell(ctx, f.store.gen.ClearSlot(f.store.slot(l), f.env.Now()), f.env.Writes.Timeout())
}

// sets are the Sets under way: of each key, the point of the one that began last. Its zero value is ready.
type sets struct {
	mu     sync.Mutex
	latest map[string]invalidation.Point
}

func (s *sets) begin(key string, point invalidation.Point) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil {
		s.latest = map[string]invalidation.Point{}
	}
	s.latest[key] = max(s.latest[key], point)
}

func (s *sets) end(key string, point invalidation.Point) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest[key] == point {
		delete(s.latest, key)
	}
}

// newer reports whether a Set that began after the point is under way.
func (s *sets) newer(key string, point invalidation.Point) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest[key] > point
}

// unreadRefs are those of the lookup's tags where the records could not be read.
func (t *turn) unreadRefs() []invalidation.Ref {
	if t.l.refs != nil {
		return nil
	}
	return t.f.records.localRefs(t.l.Tags)
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
//
// owed is the clear of the slot that is told by either.
func (t *turn) replace(ctx context.Context, owed genstate.Clear, e *memory.Entry, late int, unread error) error {
	f, l := t.f, t.l
	lane := f.lanes.enter(l.Key)
	defer f.lanes.leave(l.Key, lane)
	lane.turn <- struct{}{}
	defer func() { <-lane.turn }()
	err := unread
	if err == nil {
		if f.log.Void(l.Key, t.point) { // a newer Set, Refresh or clear has begun
			return nil
		}
		seen := l.sight(l.seen)
		seen.until = freshness.Never
		_, err = f.store.put(ctx, l, e, late, lane, seen)
	}
	if err == nil && owed.All {
		return f.store.tell(ctx, owed, f.env.Writes.Timeout()) // so many slots were owed that everything is
	}
	if err == nil {
		f.store.gen.Told(owed, 0)
		if f.marks.remove(l.Key) {
			f.store.mark(ctx, l, backends.Mark{}, f.env.BackendTimeout)
		}
		return nil
	}
	if told := f.store.tell(ctx, owed, f.env.Writes.Timeout()); told != nil {
		return told
	}
	if errors.Is(err, backends.ErrConflict) || errors.Is(err, errNotWritten) || errors.Is(err, errTooLate) {
		return nil
	}
	return err
}

// maxReplacing bounds the results of Refresh that wait to be written: more slots than can be remembered as not to be
// believed would have to become a clear of everything.
const maxReplacing = 256

// replaceLater is replace once the response is out. Until then the slot is not believed.
func (t *turn) replaceLater(ctx context.Context, e *memory.Entry, late int) {
	f, l := t.f, t.l
	if f.store == nil || f.store.open(ctx) == nil {
		return
	}
	owed := f.store.gen.ClearSlot(f.store.slot(l), f.env.Now())
	point := f.log.Hold(t.point)
	later := f.env.Defer
	if f.replacing.Add(1) > maxReplacing {
		// So many slots wait that are not believed meanwhile: this one is written before the call returns.
		later = func(ctx context.Context, job func(context.Context)) { job(ctx) }
	}
	later(ctx, func(ctx context.Context) {
		defer f.replacing.Add(-1)
		defer f.log.End(point)
		if err := t.replace(ctx, owed, e, late, t.unread); err != nil && !f.env.Closed() {
			f.env.LogOnce(ctx, "refresh "+f.spec.Name, slog.LevelWarn, "cannot persist a refreshed result; keeping it in memory",
				"function", f.spec.Name, "error", err.Error())
		}
	})
}

// voidOlder makes what the slot holds a miss where a result should have replaced it and was itself cleared meanwhile:
// what is there may be of a run that is older still.
func (t *turn) voidOlder(ctx context.Context) {
	f, l := t.f, t.l
	if !t.replacing || f.store == nil || f.store.open(ctx) == nil {
		return
	}
	owed := f.store.gen.ClearSlot(f.store.slot(l), f.env.Now())
	f.log.ClearKey(l.Key, func() { f.spec.Owner.Delete(l.Key) })
	f.env.Defer(ctx, func(ctx context.Context) { _ = f.store.tell(ctx, owed, f.env.Writes.Timeout()) })
}
