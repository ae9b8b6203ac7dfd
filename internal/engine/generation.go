package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
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

// maxReplaced is how many replaced generations a container remembers.
const maxReplaced = 64

// maxPendingKeys bounds the clears of single keys that could not be told to the backend; beyond it they become a clear of
// everything.
const maxPendingKeys = 1024

// generations is what this container knows of a function's generation: the last one heard, until when memory may be
// believed to be of it, those that were replaced, and which clears the backend was not told of yet.
type generations struct {
	heard       atomic.Uint64
	heardAt     atomic.Int64
	believeTill atomic.Int64

	mu       sync.Mutex
	replaced []uint64
	pending  atomic.Bool         // a clear of everything could not be told
	keys     map[string]struct{} // slots whose clear could not be told
	owing    atomic.Bool         // pending, or keys
	asking   oneAtATime          // one asks, the others wait for the reply
	// asks counts them, and answered is the last one that was answered: no clock says which came first, since it may be
	// set back.
	asks, answered atomic.Uint64
}

// observe takes note of a generation that a read, begun at began, brought; it may have been age old then. It reports
// false where that generation had been replaced before: a failover, or a restored snapshot, brought it back, and with it
// entries that were cleared.
func (g *generations) observe(generation uint64, began int64, age, nearTTL time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, old := range g.replaced {
		if old == generation {
			return false
		}
	}
	if last := g.heard.Load(); last != generation && last != 0 {
		if age > 0 && began-int64(age) < g.heardAt.Load() {
			return true // a generation kept from before the one that was heard
		}
		g.replace(last)
	}
	g.heard.Store(generation)
	g.heardAt.Store(began)
	g.believeTill.Store(began + int64(nearTTL-min(age, nearTTL)))
	return true
}

func (g *generations) replace(old uint64) {
	if len(g.replaced) >= maxReplaced {
		g.replaced = append(g.replaced[:0], g.replaced[1:]...)
	}
	g.replaced = append(g.replaced, old)
}

// forget distrusts what was heard: it is about to change.
func (g *generations) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if last := g.heard.Load(); last != 0 {
		g.replace(last)
	}
	g.heard.Store(0)
	g.heardAt.Store(0)
	g.believeTill.Store(0)
}

// owe notes a clear that the backend could not be told of; slot "" is everything.
func (g *generations) owe(slot string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.owing.Store(true)
	if slot == "" || len(g.keys) >= maxPendingKeys {
		g.pending.Store(true)
		return
	}
	if g.keys == nil {
		g.keys = map[string]struct{}{}
	}
	g.keys[slot] = struct{}{}
}

// paid notes that the backend was told of a clear.
func (g *generations) paid(slot string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if slot == "" {
		g.pending.Store(false)
		clear(g.keys) // a clear of everything covers them
	} else {
		delete(g.keys, slot)
	}
	g.owing.Store(g.pending.Load() || len(g.keys) > 0)
}

func (g *generations) owes(slot string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, there := g.keys[slot]
	return there
}

// trusts reports whether this container may hand the entry out without asking the backend whether it was cleared
// elsewhere. It is on the way of every hit.
func (s *store) trusts(e *memory.Entry, now int64) bool {
	// After a clock was set back, what was heard is from the future, and not trusted for the longer.
	near := int64(s.f.spec.NearTTL)
	left := s.gen.believeTill.Load() - now
	if left <= 0 || left > near || e.Generation != s.gen.heard.Load() {
		return false
	}
	if !s.f.spec.Coherent {
		return true
	}
	since := now - e.Checked.Load()
	return since >= 0 && since < near
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
		if e.Generation == s.gen.heard.Load() {
			return true
		}
		l.why = "cleared"
		return false
	}
	return s.mayStay(e)
}

// mayStay reports whether an entry may be served while the backend cannot be asked.
func (s *store) mayStay(e *memory.Entry) bool {
	heard := s.gen.heard.Load()
	return e.Generation == heard || heard == 0 && s.gen.pending.Load()
}

// hear asks the backend for the generation, one caller at a time, and reports whether it answered.
func (s *store) hear(ctx context.Context, l *Lookup) bool {
	if s.open(ctx) == nil {
		return false
	}
	before := s.gen.asks.Load()
	if !s.gen.asking.enter(ctx) {
		return false
	}
	defer s.gen.asking.leave()
	if s.gen.answered.Load() > before && !s.gen.pending.Load() {
		return true // another caller has asked meanwhile
	}
	ask := s.gen.asks.Add(1)
	point := s.f.log.Begin()
	defer s.f.log.End(point)
	b := s.f.budget(ctx, l)
	left := b.Enter()
	defer b.Leave()
	if left <= 0 || !s.settle(ctx, "", left) {
		return false
	}
	began := s.f.env.Now()
	var generation uint64
	err := s.do(ctx, left, func(ctx context.Context) (err error) {
		generation, err = s.opened.Generation(ctx)
		return err
	})
	if err != nil {
		s.note(err)
		return false
	}
	if !s.observe(ctx, generation, point, began, 0) {
		return false
	}
	s.gen.answered.Store(ask)
	return true
}

// observe takes note of a generation unless its read began before the last clear here, and reports whether it may be
// believed.
func (s *store) observe(ctx context.Context, generation uint64, point invalidation.Point, began int64, age time.Duration) bool {
	if s.f.log.VoidAll(point) {
		return false
	}
	if s.gen.observe(generation, began, age, s.f.spec.NearTTL) {
		return true
	}
	s.gen.owe("")
	s.gen.forget()
	s.f.env.Log(ctx, slog.LevelWarn, "backend went back to an older state; clearing the function", "function", s.f.spec.Name)
	return false
}

// settle tells the backend of clears that it could not be told before: that of a slot, and those of everything. It
// reports whether what the backend holds there can be believed.
func (s *store) settle(ctx context.Context, slot string, within time.Duration) bool {
	if !s.gen.owing.Load() {
		return true
	}
	if s.gen.pending.Load() {
		if s.clear(ctx, within) != nil {
			return false
		}
	}
	if slot == "" || !s.gen.owes(slot) {
		return true
	}
	return s.invalidate(ctx, slot, within) == nil
}
