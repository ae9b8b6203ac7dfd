package backendstest

import (
	"errors"
	"time"
)

var expiryTests = []subtest{
	{"the zero time means that an entry does not expire", func(e *env) {
		s := e.store()
		e.putUntil(s, "k", "v", time.Time{})
		e.pass(e.h.MinTTL, func() { e.want(s, "k", "v") })
	}},
	{"an entry is there before it expires", func(e *env) {
		s := e.store()
		e.putUntil(s, "k", "v", e.h.Now().Add(time.Hour))
		e.want(s, "k", "v")
		e.putUntil(s, "far", "v", e.h.Now().AddDate(200, 0, 0))
		e.want(s, "far", "v")
	}},
	{"an entry that expired before it was put is not found", func(e *env) {
		s := e.store()
		for _, ago := range []time.Duration{time.Millisecond, time.Second, time.Hour, 24 * 365 * 60 * time.Hour} {
			e.putUntil(s, "k", "v", e.h.Now().Add(-ago))
			e.wantNone(s, "k")
		}
	}},
	{"an entry put expired replaces the one that was there", func(e *env) {
		s := e.store()
		e.put(s, "k", "old")
		e.putUntil(s, "k", "new", e.h.Now().Add(-time.Second))
		e.wantNone(s, "k")
	}},
	{"an entry that has expired is not found, and the generation comes all the same", func(e *env) {
		s := e.store()
		g := e.generation(s)
		e.putUntil(s, "k", "v", e.h.Now().Add(e.h.MinTTL))
		e.put(s, "other", "w")
		e.eventually("the entry expires", e.h.MinTTL+time.Millisecond, func() bool {
			_, got, err := e.get(s, "k")
			if err != nil && !errors.Is(err, ErrNone) {
				e.Fatalf("Get: %v", err)
			}
			if got != g {
				e.Fatalf("generation %x with %v, want %x", got, err, g)
			}
			return err != nil
		})
		e.want(s, "other", "w")
	}},
	{"put replaces the expiry too", func(e *env) {
		s := e.store()
		e.putUntil(s, "k", "v1", e.h.Now().Add(e.h.MinTTL))
		e.putUntil(s, "k", "v2", time.Time{})
		e.pass(2*e.h.MinTTL, func() { e.want(s, "k", "v2") })
	}},
	{"reading does not extend an entry's life", func(e *env) {
		s := e.store()
		e.putUntil(s, "k", "v", e.h.Now().Add(e.h.MinTTL))
		e.eventually("the entry expires although it is read", e.h.MinTTL+time.Millisecond, func() bool {
			_, _, err := e.get(s, "k")
			return errors.Is(err, ErrNone)
		})
	}},
	{"the expiry that is returned is the one that was put", func(e *env) {
		s := e.store()
		g := e.generation(s)
		want := e.h.Now().Add(time.Hour)
		e.putUntil(s, "k", "v", want)
		e.put(s, "forever", "w")
		r := e.read(s, "k")
		if string(r.Entry) != "v" || r.Generation != g {
			e.Fatalf("Read = %q, %x; want v, %x", r.Entry, r.Generation, g)
		}
		// A store may count in seconds, and from the server's clock.
		if d := r.Expires.Sub(want).Abs(); d > 5*time.Second {
			e.Fatalf("expires %v, want %v", r.Expires, want)
		}
		if r = e.read(s, "forever"); !r.Expires.IsZero() {
			e.Fatalf("expires %v; want the zero time", r.Expires)
		}
	}},
}
