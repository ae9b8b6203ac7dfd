package engine

import (
	"context"
	"slices"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// Batch is many calls at once, of one scope, whose keys differ.
//
// Most elements of a batch are hits, and a lookup is large: so an element gets one of its own only where memory has
// something under its key, or the backend had no answer. For the others one lookup does, again and again.
type Batch struct {
	Scope    string
	Elements []Element
	// Lookup returns a lookup for an element, which has Ops, Codec and Arg. It may be made in room, unless that is nil: an
	// earlier one that nobody uses any more.
	Lookup func(n int, room *Lookup) *Lookup
	// Answer takes what an element came to, once for each; several goroutines call it. The reply is good until it returns.
	Answer func(n int, r *Reply, err error)
}

// Element is one call of a batch. Its bytes do not change any more.
type Element struct {
	Key  string   // in memory
	Enc  []byte   // the encoded argument, for the key in the backend
	Tags []string // known before the run
}

// GetAll answers a batch: what memory lacks by one round trip to the backend, and what is missing there by one run where
// the function computes many at once.
func (f *Function) GetAll(ctx context.Context, q Batch) {
	b := batch{f: f, Batch: q, asked: f.env.Now()}
	b.waits.of(ctx, f) // made before several goroutines ask for it
	if f.spec.Many != nil {
		b.stale = &staleOnes{}
		defer func() { f.refreshTogether(ctx, b.stale.close()) }()
	}
	b.point = f.log.Begin()
	defer f.log.End(b.point)
	for n := range q.Elements {
		f.connectTagged(ctx, q.Elements[n].Tags)
	}
	b.refPoint, b.refEpoch = f.records.begin()
	void := b.compare(ctx)
	b.bare = make([]int, 0, len(q.Elements))
	for n := range q.Elements {
		e := f.spec.Owner.Get(bytesOf(q.Elements[n].Key))
		if e == nil {
			b.bare = append(b.bare, n)
			continue
		}
		l := b.lookup(n, nil)
		if b.isVoid(l, void) {
			b.open = append(b.open, &item{l: l, index: n})
			continue
		}
		if b.isDue(e) {
			b.open = append(b.open, &item{l: l, index: n, due: e})
			continue
		}
		old := f.remembered(ctx, l)
		if r := f.serve(ctx, l, old, l.tierOf(old)); r != nil {
			q.Answer(n, r, nil)
			continue
		}
		b.open = append(b.open, &item{l: l, index: n, old: old})
	}
	b.oneDue(ctx)
	b.readAll(ctx)
	b.endDue(ctx)
	b.dress()
	b.runAll(ctx)
}

// batch is a GetAll on its way.
type batch struct {
	Batch
	f     *Function
	bare  []int   // elements without an answer that have no lookup yet: memory has nothing of them
	open  []*item // the others without an answer
	waits ownBudget
	stale *staleOnes // nil where the function computes one at a time

	asked              int64 // wall clock
	point              invalidation.Point
	refPoint, refEpoch uint64
}

// item is one lookup of a batch.
type item struct {
	l       *Lookup
	index   int // of its element
	reading int // of the backend's
	old     *memory.Entry
	due     *memory.Entry // what memory has, and has to be looked at
	call    *flight.Call
	turn    *turn
	busy    *backends.LeasedError

	unkept bool // its run came to a result that is not stored
}

// lookup returns the lookup of an element. Of what a read says it has nothing yet.
func (b *batch) lookup(n int, room *Lookup) *Lookup {
	l, e := b.Lookup(n, room), &b.Elements[n]
	l.Key, l.Scope, l.Enc, l.Tags = e.Key, b.Scope, e.Enc, e.Tags
	l.batchWaits, l.stale = &b.waits, b.stale
	l.asked, l.point, l.refPoint, l.refEpoch = b.asked, b.point, b.refPoint, b.refEpoch
	l.why = "not in memory"
	return l
}

// dress gives what still has none a lookup, and puts all in the order of the elements.
func (b *batch) dress() {
	for _, n := range b.bare {
		b.open = append(b.open, &item{l: b.lookup(n, nil), index: n})
	}
	b.bare = nil
	slices.SortFunc(b.open, func(x, y *item) int { return x.index - y.index })
}

// answer gives an item's element what it came to.
func (b *batch) answer(it *item, r *Reply, err error) { b.Answer(it.index, r, err) }

// budget returns what the batch may wait before its runs.
func (b *batch) budget(ctx context.Context) *invocation.Budget { return b.waits.of(ctx, b.f) }
