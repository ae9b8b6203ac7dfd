package slots

import (
	"context"
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
)

// reading is what a slot holds.
type reading struct {
	entry   []byte // nil: nothing
	version port.Version
	err     error // the slot could not be read
}

// driver speaks to one cache's store.
type driver struct {
	store   backends.Store
	records backends.Records
	leaser  backends.Leaser // nil: none
}

var errNoRecords = errors.New("the backend keeps no records, which invalidations need")

func openDriver(ctx context.Context, m backends.PersistenceManager, fn backends.Function) (*driver, error) {
	if err := m.Check(fn); err != nil {
		return nil, err
	}
	s, err := m.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	records, ok := s.(backends.Records)
	if !ok {
		return nil, errNoRecords
	}
	d := &driver{store: s, records: records}
	d.leaser, _ = s.(backends.Leaser)
	return d, nil
}

// read reads slots and records, all in one round trip where the store can. generation is current.
func (d *driver) read(ctx context.Context, keys, names []string) (slots []reading, recs []record, generation uint64, err error) {
	o := backends.ReadOptions{ForWrite: true, Records: names}
	var rs []backends.Reading
	var errs []error
	switch len(keys) {
	case 0:
		found, _, err := d.records.ReadRecords(ctx, names)
		return nil, parseRecords(found), 0, err
	case 1:
		var r backends.Reading
		if r, err = d.store.Read(ctx, keys[0], o); err == nil {
			rs = []backends.Reading{r}
		}
	default:
		rs, errs, err = backends.ReadAll(ctx, d.store, keys, o)
	}
	if err != nil {
		return nil, nil, 0, err
	}
	slots = make([]reading, len(keys))
	for i, r := range rs {
		if recs == nil && len(r.Records) > 0 { // of the first that has them
			recs = parseRecords(r.Records)
		}
		if errs != nil && errs[i] != nil {
			slots[i].err = errs[i]
			continue
		}
		slots[i] = reading{entry: r.Entry, version: port.Version{Known: true, Token: string(r.Version)}}
		generation = r.Generation
	}
	if generation == 0 {
		return nil, nil, 0, errs[0]
	}
	return slots, recs, generation, nil
}

// generation reads the cache's generation and records together.
func (d *driver) generation(ctx context.Context, names []string) (generation uint64, recs []record, err error) {
	// A slot that is always empty: the store returns the generation with whatever it reads.
	_, recs, generation, err = d.read(ctx, []string{"generation"}, names)
	return generation, recs, err
}

// put writes where the slot still has the version; a slot that was not read must be empty. It returns the new version.
func (d *driver) put(ctx context.Context, key string, entry []byte, expires time.Time, seen port.Version) (port.Version, error) {
	v, err := d.store.Put(ctx, key, entry, expires, backends.Version(seen.Token))
	return port.Version{Known: err == nil, Token: string(v)}, err
}

// remove empties the slot, also against writers that saw it before. Where the store has no conditional writes, that takes
// a clear of the whole cache.
func (d *driver) remove(ctx context.Context, key string) error {
	if u, ok := d.store.(backends.Unfenced); ok && u.Unfenced() {
		_, err := d.store.Clear(ctx)
		return err
	}
	return d.store.Invalidate(ctx, key)
}

// makeRecord makes a record that is absent, and returns what is there then.
func (d *driver) makeRecord(ctx context.Context, name string, now time.Time) (record, error) {
	r, err := d.records.WriteRecord(ctx, name, invalidation.NewRecord(false), now.Add(invalidation.Kept), backends.Absent)
	if errors.Is(err, backends.ErrConflict) {
		var rs []backends.Record
		if rs, _, err = d.records.ReadRecords(ctx, []string{name}); err == nil {
			r = rs[0]
		}
	}
	return parseRecord(r), err
}

// lease takes the lease of a key, from a holder where from names one, or returns an error that is a LeasedError or a
// MarkedError.
func (d *driver) lease(ctx context.Context, key, from string, r backends.LeaseRequest) (l backends.Lease, err error) {
	if from == "" {
		l, _, err = d.leaser.Lease(ctx, key, r, backends.ReadOptions{})
	} else {
		l, _, err = d.leaser.Takeover(ctx, key, from, r, backends.ReadOptions{})
	}
	if l != nil {
		return l, nil // whatever became of the read behind it: the slot is read with its records next
	}
	return nil, err
}

func (d *driver) mark(ctx context.Context, key string, m backends.Mark) error {
	if d.leaser == nil {
		return nil
	}
	return d.leaser.Mark(ctx, key, m)
}
