package slots

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/internal/runtimeport"
)

// latest is how long after its run began an entry may still be written: a tombstone outlives it.
const latest = 15 * time.Minute

// Put keeps an entry in memory at once, and writes it to the backend after the response. An entry whose run began before
// that of the one in memory comes too late: of several answers the most recent one is used. One that seems to have begun
// in the future is of before the clock was set back, and says nothing.
func (e *Engine) Put(ctx context.Context, r port.Run, s port.Slot, entry *port.Entry) (kept bool, written <-chan struct{}) {
	it := e.made(r, s.Key, entry)
	it.version = s.Version
	if newer := e.recall(s.Key); newer != nil && newer.entry.Began.After(entry.Began) && newer.entry.Began.UnixNano() <= e.env.Now() {
		return false, nil
	}
	if !e.keep(s.Key, it) {
		return false, nil
	}
	return true, e.later(ctx, func(ctx context.Context, d *driver) { e.write(ctx, d, s.Key, it) })
}

// later defers a job that writes to the backend; the channel is closed when it is done.
func (e *Engine) later(ctx context.Context, job func(context.Context, *driver)) <-chan struct{} {
	d := e.backend(ctx)
	if d == nil {
		return nil
	}
	done := make(chan struct{})
	e.env.Defer(ctx, func(ctx context.Context) {
		defer close(done)
		job(unbudgeted(ctx), d)
	})
	return done
}

func (e *Engine) made(r port.Run, k port.Key, entry *port.Entry) *item {
	return &item{key: k, entry: entry, names: namesOf(k, entry), sequence: r.Sequence, epoch: r.Epoch, gen: r.Generation}
}

// write writes an item that is in memory to the backend, where nothing has invalidated it since its run began.
func (e *Engine) write(ctx context.Context, d *driver, k port.Key, it *item) {
	if it.gen == 0 || !e.writable(it) || !e.settle(ctx) {
		return // without a generation nobody could tell it from what was cleared
	}
	ready := e.bind(ctx, d, it)
	if ready == nil {
		e.forget(k)
		return
	}
	if err := e.put(ctx, d, k, ready); err != nil {
		// What memory keeps is bound to its records all the same: an invalidation elsewhere is told by their ids, not by
		// comparing the clocks of two machines.
		if ready.version = it.version; errors.Is(err, backends.ErrConflict) {
			ready.version = replaced
		}
	}
	if ready.ids != nil && e.writable(ready) {
		e.replace(k, it, ready)
	}
}

// replaced is the version of an entry that lost its slot to another container's: where the slot is found empty later, that
// one was dropped, and this one must not outlive it.
var replaced = port.Version{Known: true, Token: "replaced"}

// writable reports whether the item may still be written.
func (e *Engine) writable(it *item) bool {
	return e.env.Now() < it.entry.Began.Add(latest).UnixNano() && !e.local.Void(it.names, it.sequence)
}

// bind returns the item with the ids of its records, made where a tag has none; nil where one was invalidated since the run
// began.
func (e *Engine) bind(ctx context.Context, d *driver, it *item) *item {
	names := records(it.names)
	var recs []record
	var generation uint64
	err := e.env.Reads.Do(ctx, func(ctx context.Context) (err error) {
		generation, recs, err = d.generation(ctx, names)
		return err
	})
	if err != nil {
		e.stats.storeErrors.Add(1)
		return it // stays in memory, unchecked: the next read checks it
	}
	if it.gen != generation {
		return nil // cleared since
	}
	for i, name := range names {
		if recs[i].id == "" && lostWhenAbsent(name) {
			if recs[i], err = e.makeRecord(ctx, d, name); err != nil {
				e.stats.storeErrors.Add(1)
				return it
			}
		}
	}
	// The entry keeps the epoch under which its run began: whoever has heard of a later one checks its records.
	return checked(it, &hearing{generation: generation, epoch: it.epoch}, recs)
}

func (e *Engine) makeRecord(ctx context.Context, d *driver, name string) (r record, err error) {
	err = e.env.Writes.Do(ctx, func(ctx context.Context) (err error) {
		r, err = d.makeRecord(ctx, name, e.Now())
		return err
	})
	return r, err
}

var errForeign = errors.New("the slot holds an entry that is left alone")

// put writes a bound item.
func (e *Engine) put(ctx context.Context, d *driver, k port.Key, it *item) error {
	if it.ids == nil {
		return backends.ErrConflict // its records could not be read
	}
	if it.version.Foreign {
		return errForeign
	}
	start := time.Now()
	data, err := e.seal(k, it, it.gen)
	if err == nil {
		err = e.env.Writes.Do(ctx, func(ctx context.Context) (err error) {
			it.version, err = d.put(ctx, e.address(k), data, expiry(e.env.Now(), it.entry.Keep), it.version)
			return err
		})
	}
	if !errors.Is(err, backends.ErrConflict) {
		e.emit(ctx, "store", k, it.entry, runtimeport.Event{Size: int64(len(data)), Duration: time.Since(start), Err: err})
	}
	switch {
	case err == nil:
		e.stats.stores.Add(1)
	case errors.Is(err, backends.ErrConflict):
	default:
		e.stats.storeErrors.Add(1)
		if errors.Is(err, backends.ErrTooLarge) || !e.env.Writes.Down() {
			e.env.LogOnce(ctx, "store "+e.spec.Name, slog.LevelWarn, "an answer could not be persisted; this container keeps it in memory",
				"cache", e.spec.Name, "error", err.Error())
		}
	}
	return err
}

// replace puts n in the place of it, where memory still has that.
func (e *Engine) replace(k port.Key, it, n *item) {
	mk := e.memoryKey(k)
	if m := e.owner.Get(mk[:]); m != nil && m.Value.(*item) == it {
		e.keep(k, n)
	}
}

// editTries bounds how often an edit meets another one in the backend before it gives up.
const editTries = 4

// Edit replaces what a slot holds by what edit makes of it, by compare-and-set.
func (e *Engine) Edit(ctx context.Context, r port.Run, k port.Key, edit func(old *port.Entry) *port.Entry) <-chan struct{} {
	if !e.editMemory(r, k, edit) {
		return nil
	}
	return e.later(ctx, func(ctx context.Context, d *driver) {
		for range editTries {
			if e.editBackend(ctx, d, r, k, edit) {
				return
			}
		}
	})
}

// Announce edits what the backend's slot holds, now.
func (e *Engine) Announce(ctx context.Context, r port.Run, k port.Key, edit func(old *port.Entry) *port.Entry) bool {
	d := e.backend(ctx)
	if d == nil {
		return false
	}
	for range editTries {
		if it, done := e.putEdited(unbudgeted(ctx), d, r, k, edit); done {
			return it != nil
		}
	}
	return false
}

func (e *Engine) editMemory(r port.Run, k port.Key, edit func(old *port.Entry) *port.Entry) bool {
	e.edits.Lock()
	defer e.edits.Unlock()
	old := e.recall(k)
	entry := edit(entryOf(old))
	if entry == nil {
		return false
	}
	it := e.made(r, k, entry)
	if old != nil {
		it.version = old.version
	}
	return e.keep(k, it)
}

func entryOf(it *item) *port.Entry {
	if it == nil {
		return nil
	}
	return it.entry
}

// editBackend is one try; it reports whether no other one is needed.
func (e *Engine) editBackend(ctx context.Context, d *driver, r port.Run, k port.Key, edit func(old *port.Entry) *port.Entry) bool {
	it, done := e.putEdited(ctx, d, r, k, edit)
	if it != nil {
		e.keep(k, it)
	}
	return done
}

// putEdited is one try to edit what the backend's slot holds. It returns the item that is there now, nil where nothing was
// written, and whether no other try is needed.
func (e *Engine) putEdited(ctx context.Context, d *driver, r port.Run, k port.Key, edit func(old *port.Entry) *port.Entry) (written *item, done bool) {
	if !e.settle(ctx) {
		return nil, true
	}
	out := []port.Slot{{Key: k}}
	items, h := e.fetch(ctx, d, []port.Key{k}, []*item{nil}, out)
	if h == nil {
		return nil, true
	}
	e.check(ctx, d, h, []port.Key{k}, items)
	entry := edit(entryOf(items[0]))
	if entry == nil {
		return nil, true
	}
	it := e.made(r, k, entry)
	it.version = out[0].Version
	if !e.writable(it) {
		return nil, true
	}
	ready := e.bind(ctx, d, it)
	if ready == nil {
		return nil, true
	}
	if err := e.put(ctx, d, k, ready); err != nil {
		return nil, !errors.Is(err, backends.ErrConflict) || ready.ids == nil
	}
	return ready, true
}

// Drop forgets what the slots hold.
func (e *Engine) Drop(ctx context.Context, ks ...port.Key) {
	names := make([]string, len(ks))
	for i, k := range ks {
		names[i] = slotName(k)
	}
	e.local.Invalidate(e.env.Now(), names...)
	for _, k := range ks {
		e.forget(k)
	}
	e.later(ctx, func(ctx context.Context, d *driver) {
		for _, k := range ks {
			err := e.env.Writes.Do(ctx, func(ctx context.Context) error { return d.remove(ctx, e.address(k)) })
			if err != nil {
				e.stats.storeErrors.Add(1)
			}
		}
	})
}
