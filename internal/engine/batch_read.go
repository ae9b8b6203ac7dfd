package engine

import (
	"context"
	"encoding/hex"
	"runtime"
	"slices"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/genstate"
)

// batchRead is one read of the backend for a whole batch: first for its open items, then for its bare elements.
type batchRead struct {
	*batch
	forWrite bool  // a conditional write follows
	aside    aside // the records that only entries name

	keys  []string
	at    int64     // wall clock when it began
	by    time.Time // until when it may take, with what it brings
	mark  genstate.Read
	point invalidation.Point

	records []string // the records to read with it
	refs    [][]int  // for each key, which of them are its tags'; nil: no tags
	own     int      // which of them is the function's; -1: none

	got  []backends.Reading
	errs []error
	came int64 // wall clock when the answer was there
}

// readAll reads what memory lacks, in one round trip.
func (b *batch) readAll(ctx context.Context) {
	f := b.f
	if len(b.open)+len(b.bare) == 0 || f.store == nil || f.store.open(ctx) == nil {
		return
	}
	if f.store.batch == nil {
		b.readEach(ctx)
		return
	}
	r := batchRead{batch: b, point: f.log.Begin()}
	defer f.log.End(r.point)
	budget := b.budget(ctx)
	left := budget.Enter()
	defer budget.Leave()
	r.by = time.Now().Add(left)
	if left <= 0 || !f.records.settle(ctx, left) {
		return
	}
	if r.read(ctx) {
		r.take(ctx)
	}
}

// read asks the backend for all keys, and reports whether it has answered in time.
func (r *batchRead) read(ctx context.Context) bool {
	f := r.f
	r.address()
	for _, key := range r.keys {
		if !f.store.settleAll(ctx, key, r.by) {
			return false
		}
	}
	r.at = f.env.Now()
	r.mark = f.store.gen.Begin(r.at) // it is one read
	for _, it := range r.open {
		if it.l.before = it.due; it.due == nil { // what has come into the place of what is due is newer than what will be read
			it.l.before = f.spec.Owner.Get(bytesOf(it.l.Key))
		}
	}
	r.name()
	if err := r.ask(ctx, time.Until(r.by)); err != nil || len(r.got) != len(r.keys) {
		f.store.note(err)
		return false
	}
	r.came = f.env.Now()
	return true
}

// address makes the keys in the backend.
func (r *batchRead) address() {
	s := r.f.store
	r.keys = make([]string, 0, len(r.open)+len(r.bare))
	for _, it := range r.open {
		r.keys = append(r.keys, s.slot(it.l))
	}
	digits := make([]byte, 0, len(r.bare)*len(Lookup{}.digest))
	for _, n := range r.bare {
		sum := s.keys.Sum(r.Scope, r.Elements[n].Enc)
		from := len(digits)
		digits = hex.AppendEncode(digits, sum[:])
		r.keys = append(r.keys, textOf(digits[from:])) // nothing writes there again
	}
}

// tags returns the tags of the element that a key is for.
func (r *batchRead) tags(i int) []string {
	if i < len(r.open) {
		return r.open[i].l.Tags
	}
	return r.Elements[r.bare[i-len(r.open)]].Tags
}

// name finds the records to read.
func (r *batchRead) name() {
	var index map[string]int
	for i := range r.keys {
		for _, name := range r.f.records.names(r.tags(i)) {
			if index == nil {
				index, r.refs = map[string]int{}, make([][]int, len(r.keys))
			}
			n, there := index[name]
			if !there {
				n = len(r.records)
				index[name] = n
				r.records = append(r.records, name)
			}
			r.refs[i] = append(r.refs[i], n)
		}
	}
	r.own = -1
	if r.f.store.record.wanted() {
		r.own = len(r.records)
		r.records = append(r.records, backends.FunctionRecord(r.f.spec.Name))
	}
}

// ask asks the backend.
func (r *batchRead) ask(ctx context.Context, within time.Duration) error {
	f := r.f
	return f.env.Reads.Within(ctx, within, func(ctx context.Context, deadline time.Time) (err error) {
		o := backends.ReadOptions{Records: r.records, Clock: f.spec.TagsOf, ForWrite: r.forWrite}
		if f.store.deadlines {
			o.Deadline = deadline
		} else {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline)
			defer cancel()
		}
		r.got, r.errs, err = f.store.batch.ReadAll(ctx, r.keys, o)
		return err
	})
}

// take answers with what the backend has.
func (r *batchRead) take(ctx context.Context) {
	open, mine := r.open[:0:0], taker{batchRead: r}
	for i, it := range r.open {
		if mine.confirm(ctx, it, i) {
			continue
		}
		it.l.aside, it.reading = &r.aside, i
		if answered, old := mine.take(ctx, it.l, i, it.index); !answered {
			it.old = newer(it.old, old)
			open = append(open, it)
		}
	}
	bare, first := r.bare, len(r.open)
	r.batch.bare = nil
	try := min(tried, len(bare))
	start := time.Now()
	open = mine.takeBare(ctx, bare[:try], first, open)
	rest := bare[try:]
	if each := time.Since(start) / time.Duration(max(1, try)); each*time.Duration(len(rest)) < worthACore {
		r.batch.open = mine.takeBare(ctx, rest, first+try, open)
	} else {
		r.batch.open = append(open, r.spread(ctx, &mine, rest, first+try)...)
	}
	r.takeAgain(ctx, &mine)
}

// A batch is taken on several cores where that saves more than waking them costs, some 50 us. What one element takes is known
// after the first few, which take longer than the others will: from a microsecond for bytes to milliseconds for what has to be
// decoded and is large.
const (
	tried      = 8
	worthACore = 500 * time.Microsecond
)

// spread is takeBare on all cores.
func (r *batchRead) spread(ctx context.Context, mine *taker, bare []int, i int) (missed []*item) {
	parts := min(runtime.GOMAXPROCS(0), len(bare))
	parted := make([][]*item, parts)
	take := func(t *taker, part int) {
		from, to := part*len(bare)/parts, (part+1)*len(bare)/parts
		parted[part] = t.takeBare(ctx, bare[from:to], i+from, nil)
	}
	var others crowd
	func() {
		defer others.Wait() // also where this goroutine's part ends in a panic: nothing is left behind
		for part := 1; part < parts; part++ {
			others.Go(func() { take(&taker{batchRead: r}, part) })
		}
		take(mine, 0)
	}()
	return slices.Concat(parted...)
}

// taker takes some of what was read, on one goroutine.
type taker struct {
	*batchRead
	room *Lookup          // free for the next element
	one  backends.Reading // the one at hand

	// Of the generation that was heard last: whether what came with it may be believed.
	heard      bool
	generation uint64
	age        time.Duration
	current    bool
}

// takeBare answers bare elements, the first of which has the reading i, and appends those that are left to missed.
func (t *taker) takeBare(ctx context.Context, bare []int, i int, missed []*item) []*item {
	for j, n := range bare {
		l := t.lookup(n, t.room)
		t.room = nil
		l.address, l.aside = t.keys[i+j], &t.aside
		answered, old := t.take(ctx, l, i+j, n)
		switch {
		case !answered:
			missed = append(missed, &item{l: l, index: n, reading: i + j, old: old})
		case !l.retained:
			t.room = l
		}
	}
	return missed
}

// take answers the element n with the reading i, or reports that it is no answer, and what there is that is none any more.
func (t *taker) take(ctx context.Context, l *Lookup, i, n int) (answered bool, old *memory.Entry) {
	found := t.find(ctx, l, i)
	if found == nil {
		return false, nil
	}
	t.f.keepRead(l, t.point, found)
	if reply := t.f.serveAt(ctx, l, found, TierBackend, t.came); reply != nil {
		t.Answer(n, reply, nil)
		return true, nil
	}
	return false, found
}

// find returns the entry that the reading i brought, if it may be used.
func (t *taker) find(ctx context.Context, l *Lookup, i int) *memory.Entry {
	l.readAt, l.by, l.mark = t.at, t.by, t.mark
	if len(t.errs) == len(t.got) && t.errs[i] != nil {
		t.f.store.note(t.errs[i])
		return nil
	}
	t.one = t.got[i] // which may be looked at once more, so it stays as it is
	r := &t.one
	r.Records = t.pick(t.got[0].Records, i)
	found := t.f.store.believe(ctx, l, r, t.isCurrent(ctx, r), t.came)
	l.looked = true
	return found
}

// isCurrent takes note of a reading's generation, and reports whether what came with it may be believed. The readings of a
// batch have one generation nearly always.
func (t *taker) isCurrent(ctx context.Context, r *backends.Reading) bool {
	if !t.heard || t.generation != r.Generation || t.age != r.GenerationAge {
		t.heard, t.generation, t.age = true, r.Generation, r.GenerationAge
		t.current = t.f.store.observe(ctx, r.Generation, t.point, t.mark, r.GenerationAge)
	}
	return t.current
}

// pick returns the records of one key: those of its tags, and last the function's where that was asked for.
func (r *batchRead) pick(all []backends.Record, i int) []backends.Record {
	if r.refs == nil && r.own < 0 {
		return nil
	}
	var picked []backends.Record
	if r.refs != nil {
		for _, n := range r.refs[i] {
			if n < len(all) {
				picked = append(picked, all[n])
			}
		}
	}
	if r.own >= 0 && r.own < len(all) {
		picked = append(picked, all[r.own])
	}
	return picked
}

// readEach reads one after the other, for stores that cannot do better.
func (b *batch) readEach(ctx context.Context) {
	b.dress()
	open := b.open[:0:0]
	for _, it := range b.open {
		r, found := b.f.readInline(ctx, it.l)
		if r != nil {
			b.answer(it, r, nil)
			continue
		}
		it.old = newer(it.old, found)
		open = append(open, it)
	}
	b.open = open
}
