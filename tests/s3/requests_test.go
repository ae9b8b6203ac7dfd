package s3

import (
	"bytes"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	s3backend "github.com/stillwarm/stillwarm/backends/s3"
)

type requests map[string]int

// TestRequests is the price list of docs/s3.md: a change here is a change of somebody's bill.
func TestRequests(t *testing.T) {
	eachProduct(t, func(t *testing.T, p *place) {
		clock := newClock()
		count := newCounter()
		m := p.open(t, func(o *s3backend.Options) { o.Transport, o.Clock = count, clock.now })
		s := storeOf(t, m, 10*time.Second)
		var version backends.Version
		settled := func() error { // that the server heeds conditions, which the first write finds out
			if err := backendstest.Put(t.Context(), s, "first", []byte("v"), time.Time{}); err != nil {
				return err
			}
			return nil
		}
		steps := []struct {
			promise string
			do      func() error
			want    requests
		}{
			{"the very first get makes epoch and generation", func() error { return missing(s, t, "k") }, requests{"GET": 3, "PUT": 2}},
			{"the very first put finds out whether the server heeds conditions", settled, requests{"PUT": 4, "GET": 1}},
			{"a put is one request", func() (err error) {
				version, err = s.Put(t.Context(), "k", []byte("v"), time.Time{}, backends.Absent)
				return err
			}, requests{"PUT": 1}},
			{"a put over an entry is one request", func() (err error) {
				version, err = s.Put(t.Context(), "k", []byte("v"), time.Time{}, version)
				return err
			}, requests{"PUT": 1}},
			{"finding an entry unchanged is one request", func() error {
				r, err := s.Read(t.Context(), "k", backends.ReadOptions{IfChanged: version})
				if !r.Unchanged {
					err = errors.Join(errors.New("want an unchanged reading"), err)
				}
				return err
			}, requests{"GET": 1}},
			{"a hit is one request", func() error { return hit(s, t, "k") }, requests{"GET": 1}},
			{"a miss is one request", func() error { return missing(s, t, "none") }, requests{"GET": 1}},
			{"a hit when the generation is due is three side by side", func() error {
				clock.advance(2 * time.Second)
				return hit(s, t, "k")
			}, requests{"GET": 3}},
			{"after a step back of the clock the generation is read again", func() error {
				clock.advance(-time.Hour)
				return hit(s, t, "k")
			}, requests{"GET": 3}},
			{"generation always reads", func() error { _, err := s.Generation(t.Context()); return err }, requests{"GET": 2}},
			{"a clear is one request", func() error { return backendstest.Clear(t.Context(), s) }, requests{"PUT": 1}},
			{"a hit after one's own clear reads no generation", func() error { return hit(s, t, "k") }, requests{"GET": 1}},
			{"clear all is one request", func() error { return m.ClearAll(t.Context()) }, requests{"PUT": 1}},
			{"a delete is one request", func() error { return s.Delete(t.Context(), "k", version) }, requests{"PUT": 1}},
			{"an invalidation is one request", func() error { return s.Invalidate(t.Context(), "k") }, requests{"PUT": 1}},
		}
		for _, step := range steps {
			count.take()
			if err := step.do(); err != nil {
				t.Fatalf("%s: %v", step.promise, err)
			}
			if got := count.take(); !maps.Equal(got, step.want) {
				t.Errorf("%s: sent %v, want %v", step.promise, got, step.want)
			}
		}
	})
}

func TestLeaseRequests(t *testing.T) {
	eachProduct(t, func(t *testing.T, p *place) {
		count := newCounter()
		mine := storeOf(t, p.open(t, func(o *s3backend.Options) { o.Transport = count }), time.Minute).(backends.Leaser)
		if _, err := mine.(backends.Store).Generation(t.Context()); err != nil { // kept from now on
			t.Fatal(err)
		}
		theirs := storeOf(t, p.open(t, nil), 0).(backends.Leaser)

		held := want(t, count, "taking a free lease: it, and the entry beside the write", requests{"GET": 2, "PUT": 1}, func() (backends.Lease, error) {
			return backendstest.Lease(t.Context(), mine, "k", time.Minute)
		})
		want(t, count, "renewing", requests{"PUT": 1}, func() (any, error) { return nil, held.Renew(t.Context(), time.Minute) })
		want(t, count, "releasing", requests{"PUT": 1}, func() (any, error) { return nil, held.Release(t.Context(), backends.Mark{}) })
		want(t, count, "releasing again", requests{}, func() (any, error) { return nil, held.Release(t.Context(), backends.Mark{}) })
		held = want(t, count, "taking one that was released", requests{"GET": 2, "PUT": 1}, func() (backends.Lease, error) {
			return backendstest.Lease(t.Context(), mine, "k", time.Minute)
		})
		if err := held.Release(t.Context(), backends.Mark{}); err != nil {
			t.Fatal(err)
		}
		if _, err := backendstest.Lease(t.Context(), theirs, "k", time.Minute); err != nil {
			t.Fatal(err)
		}
		leased := func() (any, error) {
			if _, err := backendstest.Lease(t.Context(), mine, "k", time.Minute); !errors.Is(err, backends.ErrLeased) {
				return nil, errors.Join(errors.New("want ErrLeased"), err)
			}
			return nil, nil
		}
		want(t, count, "meeting another's lease", requests{"GET": 1}, leased)
		want(t, count, "asking for it again", requests{"GET": 1}, leased)
	})
}

// TestPutSendsPlainBodies: a checksum in a header, a length, and no chunked encoding, which not every server reads.
func TestPutSendsPlainBodies(t *testing.T) {
	eachProduct(t, func(t *testing.T, p *place) {
		count := newCounter()
		s := storeOf(t, p.open(t, func(o *s3backend.Options) { o.Transport = count }), 0)
		body := bytes.Repeat([]byte("0123456789"), 100_000)
		if err := backendstest.Put(t.Context(), s, "k", body, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		h := count.lastHeader()
		if h.Get("X-Amz-Checksum-Crc32") == "" {
			t.Error("the body was sent without a checksum")
		}
		if got := h.Get("Content-Encoding") + h.Get("X-Amz-Trailer") + h.Get("X-Amz-Decoded-Content-Length"); got != "" {
			t.Errorf("the body was sent chunked: %s", got)
		}
		got, _, err := backendstest.Get(t.Context(), s, "k")
		if err != nil || !bytes.Equal(got, body) {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
		if cap(got) != len(got) {
			t.Errorf("the buffer holds %d bytes for %d", cap(got), len(got))
		}
	})
}

func want[T any](t *testing.T, c *counter, what string, want requests, f func() (T, error)) T {
	t.Helper()
	c.take()
	v, err := f()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if got := c.take(); !maps.Equal(got, want) {
		t.Errorf("%s: sent %v, want %v", what, got, want)
	}
	return v
}

func hit(s backends.Store, t *testing.T, key string) error {
	_, _, err := backendstest.Get(t.Context(), s, key)
	return err
}

func missing(s backends.Store, t *testing.T, key string) error {
	if _, gen, err := backendstest.Get(t.Context(), s, key); !errors.Is(err, backendstest.ErrNone) || gen == 0 {
		return errors.Join(errors.New("want ErrNotFound and a generation"), err)
	}
	return nil
}
