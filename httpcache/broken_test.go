package httpcache_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// broken is a backend that fails while it is told to, or loses records.
type broken struct {
	backends.PersistenceManager
	down  atomic.Bool
	again atomic.Value // writes the last invalidation once more: a try that comes late
	lost  atomic.Value // the beginning of the names of records that it has lost

	otherFormat atomic.Bool // entries are of another format version

	unwritten atomic.Bool  // entries are not written: somebody else is said to have been first
	unbound   atomic.Bool  // records cannot be read along with slots
	puts      atomic.Int64 // attempts
	binds     atomic.Int64 // reads of records that were refused
}

var errDown = errors.New("down")

func (b *broken) lose(prefix string) { b.lost.Store(prefix) }

func (b *broken) loses(name string) bool {
	prefix, _ := b.lost.Load().(string)
	return prefix != "" && strings.HasPrefix(name, prefix)
}

func (b *broken) check() error {
	if b.down.Load() {
		return errDown
	}
	return nil
}

func (b *broken) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := b.PersistenceManager.Store(ctx, fn)
	return &brokenStore{s, s.(backends.Records), b}, err
}

type brokenStore struct {
	backends.Store
	records backends.Records
	b       *broken
}

func (s *brokenStore) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	if err := s.b.check(); err != nil {
		return backends.Reading{}, err
	}
	if s.b.unbound.Load() && key == "generation" {
		s.b.binds.Add(1)
		return backends.Reading{}, errDown
	}
	r, err := s.Store.Read(ctx, key, o)
	for i, name := range o.Records {
		if err == nil && s.b.loses(name) {
			r.Records[i] = backends.Record{}
		}
	}
	if r.Entry != nil && s.b.otherFormat.Load() {
		r.Entry = slices.Clone(r.Entry)
		r.Entry[4] = 99 // see docs/internals/format.md
	}
	return r, err
}

func (s *brokenStore) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	if err := s.b.check(); err != nil {
		return backends.Absent, err
	}
	s.b.puts.Add(1)
	if s.b.unwritten.Load() {
		return backends.Absent, backends.ErrConflict
	}
	return s.Store.Put(ctx, key, entry, expires, seen)
}

func (s *brokenStore) Invalidate(ctx context.Context, key string) error {
	if err := s.b.check(); err != nil {
		return err
	}
	return s.Store.Invalidate(ctx, key)
}

func (s *brokenStore) Clear(ctx context.Context) (uint64, error) {
	if err := s.b.check(); err != nil {
		return 0, err
	}
	return s.Store.Clear(ctx)
}

func (s *brokenStore) ReadRecords(ctx context.Context, names []string) ([]backends.Record, time.Time, error) {
	if err := s.b.check(); err != nil {
		return nil, time.Time{}, err
	}
	rs, at, err := s.records.ReadRecords(ctx, names)
	for i, name := range names {
		if err == nil && s.b.loses(name) {
			rs[i] = backends.Record{}
		}
	}
	return rs, at, err
}

func (s *brokenStore) WriteRecord(ctx context.Context, name string, value []byte, expires time.Time, seen backends.Version) (backends.Record, error) {
	if err := s.b.check(); err != nil {
		return backends.Record{}, err
	}
	return s.records.WriteRecord(ctx, name, value, expires, seen)
}

func (s *brokenStore) WriteRecords(ctx context.Context, names []string, values [][]byte, expires time.Time) error {
	if err := s.b.check(); err != nil {
		return err
	}
	s.b.again.Store(func() error { return s.records.WriteRecords(context.WithoutCancel(ctx), names, values, expires) })
	return s.records.WriteRecords(ctx, names, values, expires)
}

func TestABackendThatFails(t *testing.T) {
	t.Run("a purge that could not be told holds here, and is told before anything there is believed", func(t *testing.T) {
		f := newFleet(t)
		b := &broken{PersistenceManager: f.manager}
		f.manager = b
		a, other := f.site(t), f.site(t)
		a.answer(200, "old", fresh)
		a.do("GET /a")
		a.stored(1)
		b.down.Store(true)
		if err := a.cache.Purge(t.Context(), "/a"); err == nil {
			t.Fatal("no error")
		}
		a.answer(200, "new", "Cache-Control: no-store")
		if r := a.do("GET /a"); r.body != "new" {
			t.Fatal(r)
		}
		b.down.Store(false)
		f.clock.advance(time.Minute / 2)
		if r := a.do("GET /a"); r.body != "new" {
			t.Fatal("the old entry came back:", r)
		}
		other.answer(200, "newer", fresh)
		if r := other.do("GET /a"); r.body != "newer" {
			t.Fatal("the purge was not told:", r)
		}
	})
	t.Run("a lost record of a purge: it holds here", func(t *testing.T) {
		f := newFleet(t)
		b := &broken{PersistenceManager: f.manager}
		b.lose("url/")
		f.manager = b
		a := f.site(t)
		a.answer(200, "old", fresh)
		a.do("GET /a")
		a.stored(1)
		if err := a.cache.Purge(t.Context(), "/a"); err != nil {
			t.Fatal(err)
		}
		a.answer(200, "new", fresh)
		for range 2 {
			if r := a.do("GET /a"); r.body != "new" {
				t.Fatal(r)
			}
			f.clock.advance(6 * time.Second)
		}
	})
	t.Run("a lost record of a tag: older entries are not believed", func(t *testing.T) {
		f := newFleet(t)
		b := &broken{PersistenceManager: f.manager}
		f.manager = b
		a, other := f.site(t), f.site(t)
		a.answer(200, "old", "Cache-Control: max-age=600", "Cache-Tag: t")
		a.do("GET /a")
		a.stored(1)
		b.lose("tag/")
		if err := a.cache.Purge(t.Context(), "/elsewhere"); err != nil { // the epoch moves
			t.Fatal(err)
		}
		other.answer(200, "new", "Cache-Control: max-age=600")
		if r := other.do("GET /a"); r.body != "new" {
			t.Fatal(r)
		}
	})
	for what, open := range map[string]func(t *testing.T) (owner, stranger func() *site, b *broken){
		"sealed with a key that is unknown here": func(t *testing.T) (owner, stranger func() *site, b *broken) {
			f := newFleet(t)
			b = &broken{PersistenceManager: f.manager}
			with := func(id string) func() *site {
				random := make([]byte, 32)
				_, _ = rand.Read(random)
				keys := id + ":" + base64.StdEncoding.EncodeToString(random)
				return func() *site { return newSiteWith(t, siteConfig{clock: f.clock, manager: b, sealKeys: keys}) }
			}
			return with("k1"), with("k2"), b
		},
		"of another format version": func(t *testing.T) (owner, stranger func() *site, b *broken) {
			f := newFleet(t)
			b = &broken{PersistenceManager: f.manager}
			own := func() *site { b.otherFormat.Store(false); return newSiteOn(t, f.clock, b) }
			other := func() *site { b.otherFormat.Store(true); return newSiteOn(t, f.clock, b) }
			return own, other, b
		},
	} {
		for name, fields := range map[string][]string{"": {fresh}, ", one of several variants": {fresh, "Vary: X-V"}} {
			t.Run("W4 an answer "+what+" is a silent miss and left alone"+name, func(t *testing.T) {
				owner, stranger, b := open(t)
				ask := func(s *site, body string) result {
					s.answer(200, body, fields...)
					ctx, inv := invocation.Begin(t.Context(), invocation.Options{AfterResponse: true})
					defer inv.Finish(ctx)
					return s.doContext(ctx, "GET /a", "X-V: 1")
				}
				ask(owner(), "own")
				puts, s := b.puts.Load(), stranger()
				for range 3 { // the second time it has its own in memory
					if r := ask(s, "other"); r.body != "other" {
						t.Fatal(r)
					}
				}
				if n := b.puts.Load() - puts; n != 0 || s.runs.Load() != 1 || s.cache.Stats().BadEntries != 0 {
					t.Errorf("%d writes, %d runs, %+v", n, s.runs.Load(), s.cache.Stats())
				}
				if r := ask(owner(), "again"); r.body != "own" || !r.hit() {
					t.Error("it was replaced:", r)
				}
			})
		}
	}
	for how, invalidate := range map[string]func(s *site) error{
		"a purge":                func(s *site) error { return s.cache.Purge(t.Context(), "/a") },
		"an invalidation of tag": func(s *site) error { return s.cache.InvalidateTags(t.Context(), "t") },
	} {
		t.Run("C1 a late try of "+how+" does not bring back what a later one invalidated", func(t *testing.T) {
			f := newFleet(t)
			b := &broken{PersistenceManager: f.manager}
			f.manager = b
			a, other := f.site(t), f.site(t)
			a.answer(200, "older", fresh, "Cache-Tag: t")
			a.do("GET /a") // there is a record of the tag
			a.stored(1)
			if err := invalidate(a); err != nil {
				t.Fatal(err)
			}
			late := b.again.Load().(func() error)
			f.clock.advance(time.Minute)
			a.answer(200, "old", fresh, "Cache-Tag: t")
			a.do("GET /a")
			a.stored(2)
			if err := errors.Join(invalidate(a), late()); err != nil {
				t.Fatal(err)
			}
			other.answer(200, "new", fresh, "Cache-Tag: t")
			if r := other.do("GET /a"); r.body != "new" {
				t.Error(r)
			}
		})
	}
	t.Run("requests are answered, and memory goes on", func(t *testing.T) {
		f := newFleet(t)
		b := &broken{PersistenceManager: f.manager}
		f.manager = b
		b.down.Store(true)
		a := f.site(t)
		a.answer(200, "body", fresh)
		a.do("GET /a")
		f.clock.advance(10 * time.Second)
		if r := a.do("GET /a"); r.body != "body" || !r.hit() {
			t.Fatal(r)
		}
		a.wantRuns(1)
	})
}
