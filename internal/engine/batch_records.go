package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// aside is the records that the entries of a batch depend on and nobody has read with them, since only the entries name
// them: they are read for all by one round trip, and then the entries are looked at once more.
type aside struct {
	mu     sync.Mutex // several goroutines take a batch
	wanted []invalidation.Ref
	known  map[string]struct{}

	done    bool
	err     error
	records map[string]backends.Record
}

// want notes records to read.
func (a *aside) want(refs []invalidation.Ref) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil {
		a.known = map[string]struct{}{}
	}
	for _, ref := range refs {
		if _, there := a.known[ref.Name]; !there {
			a.known[ref.Name] = struct{}{}
			a.wanted = append(a.wanted, ref)
		}
	}
}

// read reads what is wanted. From then on nothing is wanted any more, and of has the answer.
func (a *aside) read(ctx context.Context, r *Records, by time.Time) {
	rs, err := r.read(ctx, a.wanted, time.Until(by))
	if err == nil && len(rs) != len(a.wanted) {
		rs, err = nil, errRecords
	}
	a.done, a.err, a.records = true, err, make(map[string]backends.Record, len(rs))
	for i := range rs {
		a.records[a.wanted[i].Name] = rs[i]
	}
}

var errRecords = errors.New("the backend returned too few records, or too many")

// of returns the records of refs that were wanted.
func (a *aside) of(refs []invalidation.Ref) ([]backends.Record, error) {
	rs := make([]backends.Record, len(refs))
	for i, ref := range refs {
		rs[i] = a.records[ref.Name]
	}
	return rs, a.err
}

// findAll finds the entries of several lookups, and reads the records that they name, and nobody has read, together.
func (f *Function) findAll(ctx context.Context, its []*item, by time.Time, find func(i int) *memory.Entry) []*memory.Entry {
	a, found := &aside{}, make([]*memory.Entry, len(its))
	for i, it := range its {
		it.l.aside = a
		found[i] = find(i)
	}
	if len(a.wanted) > 0 {
		a.read(ctx, f.records, by)
	}
	for i, it := range its {
		if it.l.again() {
			found[i] = find(i)
		}
		it.l.aside = nil
	}
	return found
}

// again reports whether the lookup's entry has to be looked at once more, now that its records were read.
func (l *Lookup) again() bool {
	again := l.postponed
	l.postponed = false
	return again
}

// takeAgain takes what was put off until the records were read.
func (r *batchRead) takeAgain(ctx context.Context, mine *taker) {
	if len(r.aside.wanted) > 0 {
		r.aside.read(ctx, r.f.records, r.by)
	}
	rest := r.open[:0:0]
	for _, it := range r.open {
		if it.l.again() {
			answered, old := mine.take(ctx, it.l, it.reading, it.index)
			if answered {
				continue
			}
			it.old = newer(it.old, old)
		}
		it.l.aside = nil
		rest = append(rest, it)
	}
	r.batch.open = rest
}

// compare compares what memory has for the batch with the backend's records, where that is due, by one read. It returns
// the entries that depend on something that was invalidated, with the record that says so.
func (b *batch) compare(ctx context.Context) map[*memory.Entry]string {
	f, r := b.f, b.f.records
	if !f.refers.Load() || r.open.Load() == nil {
		return nil
	}
	var due []*memory.Entry
	now := f.env.Now()
	for n := range b.Elements {
		e := f.spec.Owner.Get(bytesOf(b.Elements[n].Key))
		if e != nil && len(e.Refs) > 0 && e.Epoch == f.log.Epoch() && !r.trusts(e, now, f.spec.NearTTL) {
			due = append(due, e)
		}
	}
	if len(due) < 2 {
		return nil
	}
	budget := b.budget(ctx)
	within := budget.Enter()
	defer budget.Leave()
	by := time.Now().Add(within)
	if within <= 0 || !r.hear(ctx, now, f.spec.NearTTL, within) {
		return nil
	}
	epoch, a := r.epoch.Load(), &aside{}
	for _, e := range due {
		if e.RefEpoch.Load() != epoch {
			a.want(e.Refs)
		}
	}
	if len(a.wanted) == 0 {
		return nil
	}
	if a.read(ctx, r, by); a.err != nil {
		return nil
	}
	void := map[*memory.Entry]string{}
	for _, e := range due {
		if e.RefEpoch.Load() == epoch {
			continue
		}
		rs, _ := a.of(e.Refs)
		if record, same := sameIDs(e.Refs, rs); same {
			e.RefEpoch.Store(epoch)
		} else {
			void[e] = record
		}
	}
	return void
}

// isVoid reports whether the entry that memory has for a lookup is among those that compare has found, and notes why.
func (b *batch) isVoid(l *Lookup, void map[*memory.Entry]string) bool {
	if len(void) == 0 {
		return false
	}
	f := b.f
	record, is := void[f.spec.Owner.Get(bytesOf(l.Key))]
	if is {
		l.why = f.records.tags.why(l, record)
		if f.store == nil { // no read of an entry follows: what runs now begins after the epoch was read
			l.refEpoch = f.records.epoch.Load()
		}
	}
	return is
}
