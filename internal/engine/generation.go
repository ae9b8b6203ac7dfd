package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/genstate"
)

// oneAtATime lets one caller at a time do what takes long, such as asking the backend. Those who wait leave when their
// context ends, which a mutex would not let them.
type oneAtATime struct {
	once sync.Once
	turn chan struct{}
}

func (o *oneAtATime) enter(ctx context.Context) bool {
	o.once.Do(func() { o.turn = make(chan struct{}, 1) })
	select {
	case o.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (o *oneAtATime) leave() { <-o.turn }

// generationReads are the reads of the generation alone: one caller asks, the others wait for the reply. asks counts
// them, and answered is the last one that was answered: no clock says which came first, since it may be set back.
type generationReads struct {
	oneAtATime
	asks, answered atomic.Uint64
}

// trusts reports whether this container may hand the entry out without asking the backend whether it was cleared
// elsewhere. It is on the way of every hit.
func (s *store) trusts(e *memory.Entry, now int64) bool {
	near := s.f.spec.NearTTL
	if !s.gen.Trusts(e.Generation, now, near) {
		return false
	}
	if !s.f.spec.Coherent {
		return true
	}
	since := now - e.Checked.Load()
	return since >= 0 && since < int64(near)
}

// confirms reports whether the entry of memory may be believed, and asks the backend where this container heard of it
// too long ago. While the backend is down memory goes on serving, unless a later generation was heard than the entry's.
func (s *store) confirms(ctx context.Context, l *Lookup, e *memory.Entry) bool {
	f := s.f
	if s.trusts(e, f.env.Now()) {
		return true
	}
	if f.spec.Coherent {
		return s.unchanged(ctx, l, e)
	}
	if s.hear(ctx, l) {
		if e.Generation == s.gen.Known() {
			return true
		}
		l.why = "cleared"
		return false
	}
	return s.mayStay(e)
}

// mayStay reports whether an entry may be served while the backend cannot be asked.
func (s *store) mayStay(e *memory.Entry) bool {
	return s.gen.MayStay(e.Generation)
}

// hear asks the backend for the generation, one caller at a time, and reports whether it answered.
func (s *store) hear(ctx context.Context, l *Lookup) bool {
	if s.open(ctx) == nil {
		return false
	}
	before := s.reads.asks.Load()
	if !s.reads.enter(ctx) {
		return false
	}
	defer s.reads.leave()
	if s.reads.answered.Load() > before && !s.gen.Owing() {
		return true // another caller has asked meanwhile
	}
	ask := s.reads.asks.Add(1)
	point := s.f.log.Begin()
	defer s.f.log.End(point)
	b := s.f.budget(ctx, l)
	left := b.Enter()
	defer b.Leave()
	by := time.Now().Add(left)
	if left <= 0 || !s.settle(ctx, "", left) {
		return false
	}
	mark := s.gen.Begin(s.f.env.Now())
	var generation uint64
	err := s.do(ctx, time.Until(by), func(ctx context.Context) (err error) {
		generation, err = s.opened.Generation(ctx)
		return err
	})
	if err != nil {
		s.note(err)
		return false
	}
	if !s.observe(ctx, generation, point, mark, 0) {
		return false
	}
	s.reads.answered.Store(ask)
	return true
}

// observe takes note of a generation that a read brought, and reports whether what came with it may be believed: not
// where this container cleared since the read began, nor where the backend went back to an older state.
func (s *store) observe(ctx context.Context, generation uint64, point invalidation.Point, mark genstate.Read, age time.Duration) bool {
	if s.f.log.VoidAll(point) {
		return false
	}
	switch _, o := s.gen.Observe(mark, generation, age); o {
	case genstate.Current, genstate.Changed:
		return true
	case genstate.Returned:
		s.gen.ClearAll(s.f.env.Now())
		s.f.env.Log(ctx, slog.LevelWarn, "backend went back to an older state; clearing the function", "function", s.f.spec.Name)
	}
	return false
}

// settle tells the backend of clears that it could not be told before: that of a slot, and those of everything. It
// reports whether what the backend holds there can be believed.
func (s *store) settle(ctx context.Context, slot string, within time.Duration) bool {
	if !s.gen.Owing() {
		return true
	}
	by := time.Now().Add(within)
	for range maxSettled {
		c, owed := s.gen.Owed(slot, s.f.env.Now())
		if !owed {
			return true
		}
		left := time.Until(by)
		if left <= 0 || s.tell(ctx, c, left) != nil {
			return false
		}
	}
	return false
}

// settleAll tells the backend of what it could not be told before: clears that cover the slot, and invalidations. It
// reports whether what the backend holds there can be believed.
func (s *store) settleAll(ctx context.Context, slot string, by time.Time) bool {
	if !s.gen.Owing() && !s.f.records.owing.Load() {
		return true
	}
	return s.settle(ctx, slot, time.Until(by)) && s.f.records.settle(ctx, time.Until(by))
}

// owes reports whether a clear that covers the slot could not be told yet.
func (s *store) owes(slot string) bool {
	if !s.gen.Owing() {
		return false
	}
	_, owed := s.gen.Owed(slot, s.f.env.Now())
	return owed
}

// maxSettled bounds how many clears one read tells: others may clear as fast as it tells.
const maxSettled = 4

// tell tells the backend of a clear.
func (s *store) tell(ctx context.Context, c genstate.Clear, within time.Duration) error {
	var generation uint64
	err := s.f.env.Writes.Within(ctx, within, func(ctx context.Context, deadline time.Time) (err error) {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		if c.All {
			generation, err = s.opened.Clear(ctx)
		} else {
			err = s.opened.Invalidate(ctx, c.Slot)
		}
		return err
	})
	if err == nil {
		s.gen.Told(c, generation)
	}
	return err
}
