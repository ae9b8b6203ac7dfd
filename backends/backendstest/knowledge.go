package backendstest

import (
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// leaseKnowledgeTests are about what a lease tells those who wait for it.
var leaseKnowledgeTests = []subtest{
	{"S5 who is refused learns holder, run time, and how long the lease lasts", func(e *env) {
		l := e.fleet()[0]
		for _, run := range []time.Duration{0, 1500 * time.Microsecond, 90 * time.Second} {
			r := backends.LeaseRequest{Token: rand.Text(), TTL: time.Minute, RunTime: run}
			held, _, err := l.Lease(e.ctx, r.Token, r, backends.ReadOptions{})
			if err != nil {
				e.Fatal(err)
			}
			if held.Token() != r.Token {
				e.Fatalf("the lease says token %q, want %q", held.Token(), r.Token)
			}
			got := e.leased(l, r.Token)
			if got.Holder != r.Token || got.RunTime != run {
				e.Errorf("refused with %+v; want holder %q, run time %v", got, r.Token, run)
			}
			if got.Left < 0 || got.Left > time.Minute+time.Second || got.Age < 0 || got.Age > 30*time.Second {
				e.Errorf("refused with %+v; want at most a minute left, and an age of almost nothing", got)
			}
		}
	}},
	{"S5 the age of a lease counts from when its run began, and survives renewals", func(e *env) {
		ls := e.fleet()
		held := e.lease(ls[0], "k", time.Hour)
		ago := 10 * time.Second
		if e.h.Advance == nil {
			ago = 2 * time.Second // stores may count seconds
			<-time.After(ago)
		} else {
			e.h.Advance(ago)
		}
		if err := held.Renew(e.ctx, time.Hour); err != nil {
			e.Fatal(err)
		}
		got := e.leased(ls[len(ls)-1], "k")
		if got.Age < ago-time.Second || got.Age > ago+30*time.Second {
			e.Fatalf("age %v after %v and a renewal", got.Age, ago)
		}
		if got.Left != 0 && got.Left < 59*time.Minute {
			e.Fatalf("%v are left after a renewal for an hour", got.Left)
		}
	}},
	{"S7 who asks again with the same token has the lease, of the same age", func(e *env) {
		ls := e.fleet()
		r := backends.LeaseRequest{Token: rand.Text(), TTL: time.Minute}
		for i := range 3 {
			held, _, err := ls[i%len(ls)].Lease(e.ctx, "k", r, backends.ReadOptions{})
			if err != nil {
				e.Fatalf("Lease with the holder's own token: %v", err)
			}
			if err := held.Renew(e.ctx, time.Minute); err != nil {
				e.Fatalf("Renew: %v", err)
			}
			if i == 2 {
				e.release(held)
			}
		}
		e.release(e.lease(ls[0], "k", time.Minute))
	}},
	{"S6 a lease is taken over from the holder that is named, and from no other", func(e *env) {
		ls := e.fleet()
		first := e.lease(ls[0], "k", time.Hour)
		other := ls[len(ls)-1]
		if _, _, err := e.takeover(other, "k", "somebody"); !errors.Is(err, backends.ErrLeased) {
			e.Fatalf("Takeover from somebody else: %v, want ErrLeased", err)
		}
		second, _, err := e.takeover(other, "k", first.Token())
		if err != nil {
			e.Fatalf("Takeover from the holder: %v", err)
		}
		e.wantLost(first)
		e.release(first)
		if got := e.leased(ls[0], "k"); got.Holder != second.Token() || got.Age > 30*time.Second {
			e.Fatalf("%+v; want holder %q, whose run has just begun", got, second.Token())
		}
		if _, _, err := e.takeover(ls[0], "k", first.Token()); !errors.Is(err, backends.ErrLeased) {
			e.Fatalf("Takeover from one who has it no more: %v, want ErrLeased", err)
		}
		e.release(second)
	}},
	{"S6 a free lease is taken over, too", func(e *env) {
		l := e.fleet()[0]
		held, r, err := e.takeover(l, "k", "somebody")
		if err != nil || held == nil || r.Generation == 0 {
			e.Fatalf("Takeover of nothing: %v, %+v, %v", held, r, err)
		}
		e.release(held)
		held, _, err = e.takeover(l, "k", "somebody")
		if err != nil {
			e.Fatalf("Takeover of what was released: %v", err)
		}
		e.release(held)
	}},
	{"S6 one of many who take over a holder's lease gets it", func(e *env) {
		ls := e.fleet()
		for round := range e.rounds(3) {
			key := "k" + string(rune('a'+round))
			dead := e.lease(ls[0], key, time.Hour)
			var won atomic.Int32
			var wg sync.WaitGroup
			for i := range 12 {
				wg.Go(func() {
					switch _, _, err := e.takeover(ls[i%len(ls)], key, dead.Token()); {
					case err == nil:
						won.Add(1)
					case !errors.Is(err, backends.ErrLeased):
						e.Errorf("Takeover: %v, want ErrLeased", err)
					}
				})
			}
			wg.Wait()
			if n := won.Load(); n != 1 {
				e.Fatalf("round %d: %d took the lease over, want 1", round, n)
			}
		}
	}},
	{"S6 who takes a lease over sees what its holder put", func(e *env) {
		ls := e.fleet()
		first := e.lease(ls[0], "k", time.Hour)
		e.put(ls[0].(backends.Store), "k", "v")
		_, r, err := e.takeover(ls[len(ls)-1], "k", first.Token())
		if err != nil || string(r.Entry) != "v" || r.Version != e.read(ls[0].(backends.Store), "k").Version {
			e.Fatalf("Takeover = %+v, %v; want the entry", r, err)
		}
	}},
	{"requests that make no sense are refused", func(e *env) {
		l := e.fleet()[0]
		long := make([]byte, 257)
		for name, r := range map[string]backends.LeaseRequest{
			"no token": {TTL: time.Minute}, "a token too long": {Token: string(long), TTL: time.Minute}, "no time": {Token: "t"},
			"a negative time": {Token: "t", TTL: -time.Second}, "a negative run time": {Token: "t", TTL: time.Minute, RunTime: -1},
		} {
			if held, _, err := l.Lease(e.ctx, "k", r, backends.ReadOptions{}); err == nil || held != nil || errors.Is(err, backends.ErrLeased) {
				e.Errorf("Lease with %s: %v, %v", name, held, err)
			}
		}
		held := e.lease(l, "k", time.Minute)
		if err := held.Renew(e.ctx, 0); err == nil || errors.Is(err, backends.ErrLeaseLost) {
			e.Errorf("Renew for no time: %v", err)
		}
	}},
	{"any token is told apart from any other", func(e *env) {
		l := e.fleet()[0]
		for _, token := range []string{"a", "A", " ", "\x00", "a\x00", "l", "m", "\xff\xfe", "ä", string(make([]byte, 256))} {
			held, _, err := l.Lease(e.ctx, "k", backends.LeaseRequest{Token: token, TTL: time.Minute}, backends.ReadOptions{})
			if err != nil {
				e.Fatalf("Lease with token %s: %v", show(token), err)
			}
			if got := e.leased(l, "k").Holder; got != token {
				e.Fatalf("holder %s, want %s", show(got), show(token))
			}
			e.release(held)
		}
	}},
}

// leased returns what whoever asks for a held lease learns.
func (e *env) leased(l backends.Leaser, key string) *backends.LeasedError {
	e.Helper()
	_, err := e.tryLease(l, key, time.Minute)
	leased, ok := errors.AsType[*backends.LeasedError](err)
	if !ok {
		e.Fatalf("Lease of a held lease: %v, want a LeasedError", err)
	}
	return leased
}

func (e *env) takeover(l backends.Leaser, key, from string) (backends.Lease, backends.Reading, error) {
	r := backends.LeaseRequest{Token: rand.Text(), TTL: time.Minute}
	return l.Takeover(e.ctx, key, from, r, backends.ReadOptions{ForWrite: true})
}
