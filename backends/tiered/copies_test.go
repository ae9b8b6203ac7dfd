package tiered

import (
	"errors"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
)

func TestCopies(t *testing.T) {
	t.Run("live for the rest of the entry's life", func(t *testing.T) {
		p := newPair(t, nil)
		expires := p.clock.now().Add(time.Hour)
		p.put("k", "v", expires)
		p.put("forever", "w", time.Time{})
		p.forget(p.fast, "k")
		p.forget(p.fast, "forever")
		p.clock.advance(30 * time.Minute)
		p.want("k", "v")
		p.want("forever", "w")
		if _, x, ok := p.in(p.fast, "k"); !ok || !x.Equal(expires) {
			t.Fatalf("the copy expires %v (%v), want %v", x, ok, expires)
		}
		if _, x, ok := p.in(p.fast, "forever"); !ok || !x.IsZero() {
			t.Fatalf("the copy expires %v (%v), want never", x, ok)
		}
	})
	t.Run("and entries stay in a tier no longer than it may hold them", func(t *testing.T) {
		p := newPair(t, func(fast, _ *Tier) { fast.Hold = time.Minute })
		p.put("k", "v", p.clock.now().Add(time.Hour))
		p.clock.advance(time.Minute)
		if _, _, ok := p.in(p.fast, "k"); ok {
			t.Fatal("the fast tier still holds the entry")
		}
		p.want("k", "v")
		if _, x, ok := p.in(p.fast, "k"); !ok || !x.Equal(p.clock.now().Add(time.Minute)) {
			t.Fatalf("the copy expires %v (%v)", x, ok)
		}
		if _, x, _ := p.in(p.slow, "k"); !x.Equal(p.clock.now().Add(59 * time.Minute)) {
			t.Fatalf("in the slow tier it expires %v", x)
		}
	})
	t.Run("are not made of entries too large for the tier, which loses its older one", func(t *testing.T) {
		p := newPair(t, func(fast, _ *Tier) { fast.MaxEntry = 4 })
		p.put("k", "old", time.Time{})
		p.put("k", "larger", time.Time{})
		p.want("k", "larger")
		if v, _, ok := p.in(p.fast, "k"); ok {
			t.Fatalf("the fast tier holds %q", v)
		}
		p.want("k", "larger")
		if len(p.observed()) != 0 {
			t.Fatal("a size is no failure")
		}
	})
}

func TestCopiesThatAreOvertaken(t *testing.T) {
	for name, where := range map[string]string{
		"while the slow tier is read":     "Read",
		"while the fast tier is written":  "Put",
		"by a put instead of a deletion":  "Read",
		"by a put while fast was written": "Put",
	} {
		t.Run("do not bring back what was deleted "+name, func(t *testing.T) {
			p := newPair(t, nil)
			p.put("k", "old", time.Time{})
			p.forget(p.fast, "k")
			replaces := name[:2] == "by"
			change := func(op string) {
				tier := p.slow
				if where == "Put" {
					tier = p.fast
				}
				if op != where {
					return
				}
				tier.during.Store(nil)
				var err error
				if replaces {
					err = backendstest.Put(t.Context(), p.store, "k", []byte("new"), time.Time{})
				} else {
					err = p.store.Invalidate(t.Context(), "k")
				}
				if err != nil {
					t.Error(err)
				}
			}
			if where == "Put" {
				p.fast.during.Store(&change)
			} else {
				p.slow.during.Store(&change)
			}
			_, _, _ = backendstest.Get(t.Context(), p.store, "k") // what it returns may be old: it began before
			if replaces {
				p.want("k", "new")
			} else {
				p.wantNone("k")
			}
		})
	}
}

func TestEntriesThatComeWithALease(t *testing.T) {
	for name, marked := range map[string]bool{"the slow tier": false, "the fast tier": true} {
		t.Run("C2 C10 are not copied to where an invalidation has come since: leases in "+name, func(t *testing.T) {
			p := newPair(t, func(fast, _ *Tier) { fast.Lease = marked })
			p.put("k", "old", time.Time{})
			p.forget(p.fast, "k")
			tier := p.slow
			if marked {
				tier = p.fast
			}
			during := func(op string) {
				if op != "Lease" {
					return
				}
				tier.during.Store(nil)
				if err := p.store.Invalidate(t.Context(), "k"); err != nil {
					t.Error(err)
				}
			}
			tier.during.Store(&during)
			_, _, err := p.store.(backends.Leaser).Lease(t.Context(), "k", // what it brings may be old: it began before
				backends.LeaseRequest{Token: "t", TTL: time.Minute}, backends.ReadOptions{ForWrite: true})
			if err != nil {
				t.Fatal(err)
			}
			p.wantNone("k")
		})
	}
}

func TestReadingForWriting(t *testing.T) {
	in := func(p *pair, f *faulty) backends.Store {
		p.Helper()
		return must[backends.Store](p.T)(f.Manager.Store(p.Context(), function()))
	}
	read := func(p *pair) backends.Reading {
		p.Helper()
		return must[backends.Reading](p.T)(p.store.Read(p.Context(), "k", backends.ReadOptions{ForWrite: true}))
	}
	again := func(p *pair, r backends.Reading) error {
		_, err := p.store.Put(p.Context(), "k", r.Entry, time.Time{}, r.Version)
		return err
	}
	t.Run("C6 C7 what only the slow tier has heard of is the entry, and stays when that is written again", func(t *testing.T) {
		p := newPair(t, nil)
		p.put("k", "old", time.Time{})
		if err := backendstest.Put(t.Context(), in(p, p.slow), "k", []byte("new"), time.Time{}); err != nil {
			t.Fatal(err)
		}
		r := read(p)
		if string(r.Entry) != "new" {
			t.Fatalf("%q", r.Entry)
		}
		if err := again(p, r); err != nil {
			t.Fatal(err)
		}
		p.want("k", "new")
		if v, _, _ := p.in(p.slow, "k"); v != "new" {
			t.Errorf("%q", v)
		}
	})
	t.Run("C10 what only the slow tier knows as invalidated is no entry", func(t *testing.T) {
		p := newPair(t, nil)
		p.put("k", "old", time.Time{})
		if err := in(p, p.slow).Invalidate(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		if r := read(p); r.Entry != nil {
			t.Errorf("%q", r.Entry)
		}
	})
	t.Run("what both have is not copied", func(t *testing.T) {
		p := newPair(t, nil)
		p.put("k", "v", time.Time{})
		before := p.fast.count("Put")
		if r := read(p); string(r.Entry) != "v" || p.fast.count("Put") != before {
			t.Errorf("%q, %d copies", r.Entry, p.fast.count("Put")-before)
		}
	})
}

func TestPutSizes(t *testing.T) {
	p := newPair(t, func(fast, slow *Tier) { fast.MaxEntry, slow.MaxEntry = 2, 4 })
	p.put("k", "123", time.Time{})
	p.want("k", "123")
	t.Run("too large for every tier is ErrTooLarge", func(t *testing.T) {
		if err := backendstest.Put(t.Context(), p.store, "k", []byte("12345"), time.Time{}); !errors.Is(err, backends.ErrTooLarge) {
			t.Fatalf("Put: %v", err)
		}
	})
	t.Run("too large for one and failing in the other is the failure", func(t *testing.T) {
		p.slow.down.Store(true)
		err := backendstest.Put(t.Context(), p.store, "k", []byte("123"), time.Time{})
		if !errors.Is(err, errDown) || errors.Is(err, backends.ErrTooLarge) {
			t.Fatalf("Put: %v", err)
		}
	})
}
