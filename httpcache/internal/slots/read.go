package slots

import (
	"context"
	"slices"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/serialize"
)

// clocks is how far apart the clocks of two containers may be, where a record's time has to decide.
const clocks = 2 * time.Second

// Read returns a slot for each key, from memory where it may be believed, and else from the backend.
func (e *Engine) Read(ctx context.Context, ks ...port.Key) []port.Slot {
	out, found := e.remembered(ks)
	h := e.trusted()
	if h != nil && all(found, func(it *item) bool { return it != nil && e.believes(it, h) }) {
		return e.deliver(out, found, found)
	}
	return e.ask(ctx, ks, out, found, found)
}

// Reread returns a slot for each key, from the backend where that has a newer entry than memory.
func (e *Engine) Reread(ctx context.Context, ks ...port.Key) []port.Slot {
	out, found := e.remembered(ks)
	return e.ask(ctx, ks, out, found, make([]*item, len(ks)))
}

func (e *Engine) remembered(ks []port.Key) ([]port.Slot, []*item) {
	out := make([]port.Slot, len(ks))
	found := make([]*item, len(ks))
	for i, k := range ks {
		out[i].Key = k
		found[i] = e.recall(k)
	}
	return out, found
}

// ask completes what memory found by what the backend has. good are the items that need not be read.
func (e *Engine) ask(ctx context.Context, ks []port.Key, out []port.Slot, found, good []*item) []port.Slot {
	d := e.backend(ctx)
	if d == nil || !e.settle(ctx) { // there is none, or nothing there may be believed
		return e.deliver(out, found, found)
	}
	items, h := e.fetch(ctx, d, ks, good, out)
	if h == nil {
		return e.deliver(out, found, found) // it cannot be asked: memory serves until its entries end
	}
	for i, it := range items {
		switch m := found[i]; {
		case m == nil:
		case e.outlives(m, it, out[i].Version, h):
			items[i] = m
		case it == nil:
			e.forgetItem(ks[i], m) // or it would be believed again, unasked, until NearTTL is over
		}
	}
	e.check(ctx, d, h, ks, items)
	e.again(ctx, d, ks, items, good, out)
	return e.deliver(out, items, found)
}

// outlives reports whether what memory has is of more use than what the backend has now. Where the slot has become empty,
// another container has dropped what memory still has.
func (e *Engine) outlives(m, it *item, now port.Version, h *hearing) bool {
	switch {
	case m.gen != h.generation:
		return false
	case it != nil:
		return m.entry.Began.After(it.entry.Began)
	}
	return !m.version.Known || !now.Known || m.version == now
}

// again reads the slots whose entries in memory turned out to be invalidated: another container may have stored a newer one.
func (e *Engine) again(ctx context.Context, d *driver, ks []port.Key, items, good []*item, out []port.Slot) {
	var missing []int
	var keys []port.Key
	for i, it := range items {
		if it == nil && good[i] != nil {
			missing = append(missing, i)
			keys = append(keys, ks[i])
		}
	}
	if len(keys) == 0 {
		return
	}
	slots := make([]port.Slot, len(keys))
	found, h := e.fetch(ctx, d, keys, make([]*item, len(keys)), slots)
	if h == nil {
		return
	}
	e.check(ctx, d, h, keys, found)
	for j, i := range missing {
		items[i], out[i].Version = found[j], slots[j].Version
	}
}

// fetch reads what memory lacks, and the epoch, in one round trip. It returns the items, from memory or from the backend, as
// far as their generation allows, and what was heard; nil where the backend gave no answer.
func (e *Engine) fetch(ctx context.Context, d *driver, ks []port.Key, found []*item, out []port.Slot) ([]*item, *hearing) {
	var missing []int
	var addresses []string
	for i, it := range found {
		if it == nil || it.gen == 0 {
			missing = append(missing, i)
			addresses = append(addresses, e.address(ks[i]))
		}
	}
	point, at := e.local.Now(), e.env.Now()
	var slots []reading
	var recs []record
	var generation uint64
	err := e.reads(ctx, func(ctx context.Context) (err error) {
		if len(addresses) == 0 {
			generation, recs, err = d.generation(ctx, []string{epochRecord})
			return err
		}
		slots, recs, generation, err = d.read(ctx, addresses, []string{epochRecord})
		return err
	})
	if err != nil {
		e.stats.backendErrors.Add(1)
		return nil, nil
	}
	h := &hearing{at: at, generation: generation, epoch: recs[0].id}
	e.hear(h)
	items := append([]*item(nil), found...)
	for i, it := range items {
		if it != nil && it.gen != generation {
			items[i] = nil
		}
	}
	for j, i := range missing {
		items[i], out[i].Version = e.interpret(ks[i], slots[j], generation, point)
	}
	return items, h
}

// hear notes what the backend said, unless something newer was heard meanwhile.
func (e *Engine) hear(h *hearing) {
	for {
		old := e.heard.Load()
		if old != nil && old.at > h.at && old.at <= e.env.Now() {
			return
		}
		if e.heard.CompareAndSwap(old, h) {
			return
		}
	}
}

// interpret returns the item that a slot holds, or nil, and the slot's version.
func (e *Engine) interpret(k port.Key, r reading, generation, point uint64) (*item, port.Version) {
	if r.err != nil {
		e.stats.backendErrors.Add(1)
		return nil, r.version
	}
	if r.entry == nil {
		return nil, r.version
	}
	it, err := e.open(k, r.entry)
	switch {
	case err == nil:
	case !foreign(err):
		e.stats.badEntries.Add(1)
		return nil, r.version
	default:
		if g, told := serialize.PeekGeneration(r.entry); told && g != generation {
			return nil, r.version // cleared, whoever's it was
		}
		return nil, port.Version{Foreign: true}
	}
	if it.gen != generation || e.env.Now() >= nanos(it.entry.Keep) || e.local.Since(it.names, it.entry.Began.UnixNano()) {
		return nil, r.version
	}
	it.version, it.sequence = r.version, point
	return it, r.version
}

// check drops the items whose records say that they were invalidated, reading those records whose epoch moved.
func (e *Engine) check(ctx context.Context, d *driver, h *hearing, ks []port.Key, items []*item) {
	var names []string
	for _, it := range items {
		if it != nil && it.epoch != h.epoch {
			names = append(names, records(it.names)...)
		}
	}
	if len(names) == 0 {
		return
	}
	var recs []record
	err := e.reads(ctx, func(ctx context.Context) (err error) {
		_, recs, _, err = d.read(ctx, nil, names)
		return err
	})
	if err != nil {
		e.stats.backendErrors.Add(1)
	}
	at := 0
	for i, it := range items {
		if it == nil || it.epoch == h.epoch {
			continue
		}
		own := records(it.names)
		if err != nil {
			items[i] = nil
			continue
		}
		of := recs[at : at+len(own)]
		if at += len(own); it.ids == nil && slices.ContainsFunc(of, record.written) {
			// It was never bound to its records, so only clocks could tell whether that was before its run or after.
			items[i] = nil
		} else {
			items[i] = checked(it, h, of)
		}
		if items[i] == nil {
			e.forget(ks[i])
		}
	}
}

// checked returns the item as it is after its records were read, or nil where one of them moved.
func checked(it *item, h *hearing, recs []record) *item {
	ids := make([]string, len(recs))
	for i, r := range recs {
		ids[i] = r.id
		switch {
		case it.ids != nil && it.ids[i] != r.id:
			return nil
		case it.ids != nil:
		case r.id == "" && lostWhenAbsent(it.names[i]) && it.epoch != "":
			return nil
		case r.since(it.entry.Began.UnixNano()): // its run may have seen what was invalidated
			return nil
		}
	}
	n := *it
	n.ids, n.epoch, n.gen = ids, h.epoch, h.generation
	return &n
}

// deliver fills the slots. Items that differ from what memory has are kept there.
func (e *Engine) deliver(out []port.Slot, items, inMemory []*item) []port.Slot {
	for i, it := range items {
		if it == nil {
			continue
		}
		if inMemory[i] != it && !e.keep(out[i].Key, it) {
			continue // invalidated while it was read
		}
		out[i].Entry, out[i].InMemory = it.entry, inMemory[i] == it
		if !out[i].Version.Known && !out[i].Version.Foreign {
			out[i].Version = it.version
		}
	}
	return out
}

func all(items []*item, ok func(*item) bool) bool {
	for _, it := range items {
		if !ok(it) {
			return false
		}
	}
	return true
}
