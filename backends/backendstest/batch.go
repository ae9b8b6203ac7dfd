package backendstest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

var batchTests = []subtest{
	{"B1 readings come in the order of the keys, with what each slot holds", func(e *env) {
		b := e.batcher()
		s := b.(backends.Store)
		g := e.generation(s)
		var keys []string
		for i := range 20 {
			keys = append(keys, fmt.Sprint("k", (i*7)%20))
		}
		for i, k := range keys {
			switch i % 4 {
			case 0, 1:
				e.put(s, k, "of "+k)
			case 2:
				e.put(s, k, "gone")
				e.invalidate(s, k)
			}
		}
		rs := e.readAll(b, keys)
		for i, k := range keys {
			one := e.read(s, k)
			if string(rs[i].Entry) != string(one.Entry) || (rs[i].Entry == nil) != (one.Entry == nil) ||
				rs[i].Version != one.Version || rs[i].Generation != g || !rs[i].Expires.Equal(one.Expires) {
				e.Errorf("%s: %+v in the batch, %+v alone", k, rs[i], one)
			}
		}
	}},
	{"B1 a key that comes twice is answered twice, each with bytes of its own", func(e *env) {
		b := e.batcher()
		s := b.(backends.Store)
		e.put(s, "k", "value")
		rs := e.readAll(b, []string{"k", "none", "k", "k"})
		for _, i := range []int{0, 2, 3} {
			if string(rs[i].Entry) != "value" {
				e.Fatalf("reading %d: %+v", i, rs[i])
			}
			clear(rs[i].Entry)
		}
		if rs[1].Entry != nil || rs[1].Version != backends.Absent {
			e.Fatalf("nothing reads as %+v", rs[1])
		}
		e.want(s, "k", "value")
	}},
	{"B1 no keys are no error", func(e *env) {
		if rs := e.readAll(e.batcher(), nil); len(rs) != 0 {
			e.Fatalf("%d readings", len(rs))
		}
	}},
	{"B1 more keys than one command should take are all answered", func(e *env) {
		b := e.batcher()
		s := b.(backends.Store)
		n := 1500
		if e.h.Slow || raceEnabled {
			n = 600
		}
		keys := make([]string, n)
		for i := range keys {
			keys[i] = fmt.Sprintf("key %d of many, of some length so that they take room on the wire", i)
			if i%97 == 0 {
				e.put(s, keys[i], keys[i])
			}
		}
		for i, r := range e.readAll(b, keys) {
			if want := i%97 == 0; (r.Entry != nil) != want || want && string(r.Entry) != keys[i] {
				e.Fatalf("key %d: %+v", i, r)
			}
		}
	}},
	{"B1 hostile keys and large entries come back from a batch", func(e *env) {
		b := e.batcher()
		s := b.(backends.Store)
		keys := HostileKeys()
		for i, k := range keys {
			e.put(s, k, fmt.Sprintf("value %d", i))
		}
		big := string(noise(int(min(1<<20, e.largest()/4))))
		e.put(s, "big", big)
		keys = append(keys, "big")
		for i, r := range e.readAll(b, keys) {
			if want := fmt.Sprintf("value %d", i); string(r.Entry) != want && keys[i] != "big" || keys[i] == "big" && string(r.Entry) != big {
				e.Fatalf("%s reads as %s", show(keys[i]), show(string(r.Entry)))
			}
		}
	}},
	{"B1 an expired entry among others is none", func(e *env) {
		b := e.batcher()
		s := b.(backends.Store)
		e.put(s, "a", "v")
		e.putUntil(s, "old", "v", e.h.Now().Add(e.h.MinTTL))
		e.put(s, "b", "w")
		e.eventually("the entry expires", e.h.MinTTL+time.Millisecond, func() bool {
			rs := e.readAll(b, []string{"a", "old", "b"})
			if string(rs[0].Entry) != "v" || string(rs[2].Entry) != "w" {
				e.Fatalf("the others read as %+v", rs)
			}
			return rs[1].Entry == nil
		})
	}},
	{"B1 the first reading has the records that were asked for, of its own", func(e *env) {
		b := e.batcher()
		r, ok := b.(backends.Records)
		if !ok {
			e.Skipf("%s has no Records", e.h.Name)
		}
		e.writeRecord(r, "r", "value")
		e.put(b.(backends.Store), "a", "v")
		rs, errs, err := b.ReadAll(e.ctx, []string{"a", "b"}, backends.ReadOptions{Records: []string{"none", "r"}, Clock: true, ForWrite: true})
		if err != nil || errs != nil {
			e.Fatalf("ReadAll: %v, %v", errs, err)
		}
		got := rs[0].Records
		if len(got) != 2 || got[0].Value != nil || string(got[1].Value) != "value" {
			e.Fatalf("records %+v", got)
		}
		clear(got[1].Value)
		e.wantRecord(r, "r", "value")
	}},
	{"B1 an ended context ends a batch", func(e *env) {
		b := e.batcher()
		e.put(b.(backends.Store), "k", "v")
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		if rs, _, err := b.ReadAll(ctx, []string{"k", "l"}, backends.ReadOptions{}); !errors.Is(err, context.Canceled) || rs != nil {
			e.Fatalf("ReadAll = %v, %v; want the context's error and no readings", rs, err)
		}
		past := backends.ReadOptions{Deadline: time.Now().Add(-time.Second)}
		if rs, _, err := b.ReadAll(e.ctx, []string{"k", "l"}, past); !errors.Is(err, context.DeadlineExceeded) || rs != nil {
			e.Fatalf("ReadAll after its deadline = %v, %v", rs, err)
		}
		if rs := e.readAll(b, []string{"k"}); string(rs[0].Entry) != "v" {
			e.Fatal("the store does not work any more")
		}
	}},
	{"B1 what a batch saw can be written over", func(e *env) {
		e.fenced()
		b := e.batcher()
		s := b.(backends.Store)
		e.put(s, "a", "old")
		e.invalidate(s, "t")
		keys := []string{"a", "b", "t"}
		for i, r := range e.readAll(b, keys) {
			if _, err := s.Put(e.ctx, keys[i], []byte("new"), time.Time{}, r.Version); err != nil {
				e.Errorf("Put(%s) over the version of a batch: %v", keys[i], err)
			}
			e.wantConflict(s, keys[i], r.Version)
		}
	}},
}

var batchLeaseTests = []subtest{
	{"B2 leases are taken together, each by its own request", func(e *env) {
		b, l := e.batchLeaser()
		s := l.(backends.Store)
		e.put(s, "there", "v")
		held := e.lease(l, "held", time.Minute)
		e.mark(l, "marked", backends.Mark{Kind: 3, TTL: time.Hour})
		keys := []string{"free", "held", "there", "marked", "last"}
		out := e.leaseAll(b, keys)
		for i, want := range []error{nil, backends.ErrLeased, nil, backends.ErrMarked, nil} {
			if !errors.Is(out[i].Err, want) || (out[i].Err == nil) != (want == nil) || (out[i].Lease == nil) != (want != nil) {
				e.Errorf("%s: %+v, want %v", keys[i], out[i], want)
			}
		}
		if string(out[2].Reading.Entry) != "v" || out[0].Reading.Entry != nil || out[0].Reading.Generation == 0 {
			e.Errorf("readings behind the leases: %+v, %+v", out[0].Reading, out[2].Reading)
		}
		if got, ok := errors.AsType[*backends.LeasedError](out[1].Err); !ok || got.Holder != held.Token() {
			e.Errorf("refused with %+v, want holder %q", out[1].Err, held.Token())
		}
		for _, i := range []int{0, 2, 4} {
			e.wantLeased(l, keys[i])
			e.release(out[i].Lease)
			e.release(e.lease(l, keys[i], time.Minute))
		}
	}},
	{"B2 many leases at once, and again by who has them", func(e *env) {
		b, l := e.batchLeaser()
		var keys []string
		var rs []backends.LeaseRequest
		for i := range e.rounds(100) {
			keys = append(keys, fmt.Sprint("k", i))
			rs = append(rs, backends.LeaseRequest{Token: fmt.Sprint("token ", i), TTL: time.Hour})
		}
		for range 2 {
			out, err := b.LeaseAll(e.ctx, keys, rs, backends.ReadOptions{})
			if err != nil {
				e.Fatal(err)
			}
			for i := range out {
				if out[i].Err != nil || out[i].Lease.Token() != rs[i].Token {
					e.Fatalf("%s: %+v", keys[i], out[i])
				}
			}
		}
		e.wantLeased(l, "k1")
	}},
	{"B2 as many requests as keys, or an error", func(e *env) {
		b, _ := e.batchLeaser()
		if _, err := b.LeaseAll(e.ctx, []string{"a", "b"}, []backends.LeaseRequest{{Token: "t", TTL: time.Minute}}, backends.ReadOptions{}); err == nil {
			e.Fatal("no error")
		}
	}},
}

func (e *env) batcher() backends.BatchReader {
	e.Helper()
	b, ok := e.store().(backends.BatchReader)
	if !ok {
		e.Skipf("%s is no BatchReader", e.h.Name)
	}
	return b
}

func (e *env) readAll(b backends.BatchReader, keys []string) []backends.Reading {
	e.Helper()
	rs, errs, err := b.ReadAll(e.ctx, keys, backends.ReadOptions{ForWrite: true})
	if err != nil || errs != nil || len(rs) != len(keys) {
		e.Fatalf("ReadAll of %d keys: %d readings, %v, %v", len(keys), len(rs), errs, err)
	}
	return rs
}

func (e *env) batchLeaser() (backends.BatchLeaser, backends.Leaser) {
	e.Helper()
	l := e.fleet()[0]
	b, ok := l.(backends.BatchLeaser)
	if !ok {
		e.Skipf("%s is no BatchLeaser", e.h.Name)
	}
	return b, l
}

func (e *env) leaseAll(b backends.BatchLeaser, keys []string) []backends.LeaseResult {
	e.Helper()
	rs := make([]backends.LeaseRequest, len(keys))
	for i := range rs {
		rs[i] = backends.LeaseRequest{Token: rand.Text(), TTL: time.Minute}
	}
	out, err := b.LeaseAll(e.ctx, keys, rs, backends.ReadOptions{ForWrite: true})
	if err != nil || len(out) != len(keys) {
		e.Fatalf("LeaseAll of %d keys: %d results, %v", len(keys), len(out), err)
	}
	return out
}
