package slots

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/httpcache/internal/port"
)

// errConflict: a conditional write found another version than the lookup saw.
var errConflict = errors.New("the slot was changed by another writer")

// reading is what a slot holds.
type reading struct {
	entry   []byte // nil: nothing
	version port.Version
	err     error // the slot could not be read
}

// driver is what an engine needs of a store, in its own terms.
type driver interface {
	// read reads slots and records, all in one round trip where the store can. generation is current; zero: not known.
	read(ctx context.Context, keys []string, records []string) (slots []reading, values [][]byte, generation uint64, err error)
	// put writes where the slot still has the version; errConflict otherwise. It returns the new version.
	put(ctx context.Context, key string, entry []byte, expires time.Time, seen port.Version) (port.Version, error)
	// remove empties the slot, also against writers that saw it before.
	remove(ctx context.Context, key string) error
	// writeRecord replaces a record; create only makes one that is absent, and returns what is there then.
	writeRecord(ctx context.Context, name string, value []byte, expires time.Time, create bool) ([]byte, error)
	clear(ctx context.Context) (uint64, error)
	// lease takes the lease of a key, or returns an error that matches backends.ErrLeased.
	lease(ctx context.Context, key string, ttl, runTime time.Duration) (backends.Lease, error)
}

// plainStore drives a [backends.Store]. Records are slots of their own.
type plainStore struct{ backends.Store }

func openDriver(ctx context.Context, m backends.PersistenceManager, fn backends.Function) (driver, error) {
	if err := m.Check(fn); err != nil {
		return nil, err
	}
	s, err := m.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	return plainStore{s}, nil
}

func recordKey(name string) string { return "record/" + name }

func (s plainStore) read(ctx context.Context, keys []string, records []string) ([]reading, [][]byte, uint64, error) {
	all := make([]string, 0, len(keys)+len(records))
	all = append(all, keys...)
	for _, name := range records {
		all = append(all, recordKey(name))
	}
	out := make([]reading, len(all))
	generations := make([]uint64, len(all))
	var wg sync.WaitGroup
	one := func(i int) {
		r, err := s.Read(ctx, all[i], backends.ReadOptions{ForWrite: true})
		generations[i] = r.Generation
		out[i] = reading{entry: r.Entry, version: port.Version{Known: err == nil, Token: string(r.Version)}, err: err}
	}
	for i := 1; i < len(all); i++ {
		wg.Go(func() { one(i) })
	}
	if len(all) > 0 {
		one(0)
	}
	wg.Wait()
	values := make([][]byte, len(records))
	generation := uint64(0)
	for i := range all {
		if out[i].err != nil && i >= len(keys) {
			return nil, nil, 0, out[i].err // without the records nothing may be believed
		}
		if i >= len(keys) {
			values[i-len(keys)] = out[i].entry
		}
		if out[i].err == nil {
			generation = generations[i]
		}
	}
	if generation == 0 && len(all) > 0 {
		return nil, nil, 0, out[0].err
	}
	return out[:len(keys)], values, generation, nil
}

func (s plainStore) put(ctx context.Context, key string, entry []byte, expires time.Time, seen port.Version) (port.Version, error) {
	if !seen.Known {
		return s.replace(ctx, key, entry, expires)
	}
	v, err := s.Put(ctx, key, entry, expires, backends.Version(seen.Token))
	if errors.Is(err, backends.ErrConflict) {
		return port.Version{}, errConflict
	}
	return port.Version{Known: err == nil, Token: string(v)}, err
}

// replace writes whatever the slot holds.
func (s plainStore) replace(ctx context.Context, key string, entry []byte, expires time.Time) (port.Version, error) {
	for {
		r, err := s.Read(ctx, key, backends.ReadOptions{ForWrite: true})
		if err != nil {
			return port.Version{}, err
		}
		v, err := s.Put(ctx, key, entry, expires, r.Version)
		if !errors.Is(err, backends.ErrConflict) {
			return port.Version{Known: err == nil, Token: string(v)}, err
		}
	}
}

func (s plainStore) remove(ctx context.Context, key string) error { return s.Invalidate(ctx, key) }

func (s plainStore) writeRecord(ctx context.Context, name string, value []byte, expires time.Time, create bool) ([]byte, error) {
	if create {
		r, err := s.Read(ctx, recordKey(name), backends.ReadOptions{})
		if err != nil || r.Entry != nil {
			return r.Entry, err
		}
	}
	_, err := s.replace(ctx, recordKey(name), value, expires)
	return value, err
}

func (s plainStore) clear(ctx context.Context) (uint64, error) { return s.Clear(ctx) }

func (s plainStore) lease(ctx context.Context, key string, ttl, runTime time.Duration) (backends.Lease, error) {
	l, ok := s.Store.(backends.Leaser)
	if !ok {
		return nil, nil
	}
	held, _, err := l.Lease(ctx, key, backends.LeaseRequest{Token: rand.Text(), TTL: ttl, RunTime: runTime}, backends.ReadOptions{})
	if held != nil {
		err = nil // what the read behind it says is of no interest
	}
	return held, err
}

// A mark is a record of its own, which those who wait for a lease read.

func markRecord(address string) string { return "mark/" + address }

// tellMark tells other containers of a key's mark; a mark of no kind is taken back.
func (e *Engine) tellMark(ctx context.Context, k port.Key, m knownMark) {
	d := e.backend(ctx)
	if d == nil {
		return
	}
	until := time.Unix(0, m.until)
	value := []byte{byte(m.kind)}
	if m.kind == port.NoMark {
		until = e.Now().Add(time.Second) // others have forgotten it by then
	}
	_ = e.env.Writes.Do(ctx, func(ctx context.Context) error {
		_, err := d.writeRecord(ctx, markRecord(e.address(k)), value, until, false)
		return err
	})
}

// marked asks whether the key that is waited for was marked, and remembers it.
func (w *waiting) marked(ctx context.Context) bool {
	var values [][]byte
	err := w.e.env.Reads.Do(ctx, func(ctx context.Context) (err error) {
		_, values, _, err = w.d.read(ctx, nil, []string{markRecord(w.e.address(w.key))})
		return err
	})
	if err != nil || len(values[0]) != 1 || port.Mark(values[0][0]) == port.NoMark {
		return false
	}
	w.e.marks.set(w.key, w.e.marks.next(w.key, port.Mark(values[0][0]), 0, w.e.env.Now()))
	return true
}
