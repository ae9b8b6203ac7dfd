package page

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/localdev/internal/journal"
)

// shown returns an invocation to which events were added.
func shown(events ...devchannel.Event) *invocation {
	began := time.Unix(100, 0)
	inv := &invocation{began: began}
	for _, e := range events {
		e.At = began.Add(time.Duration(e.At)).UnixNano()
		inv.add(e)
	}
	return inv
}

func TestEventsBecomeCalls(t *testing.T) {
	t.Run("a miss, its run and its store are one call", func(t *testing.T) {
		inv := shown(
			devchannel.Event{Kind: "miss", Function: "f", Key: "k", Call: 1, At: 2e6, Duration: 1e6, Reason: "expired"},
			devchannel.Event{Kind: "run", Function: "f", Key: "k", Call: 1, At: 7e6, Duration: 5e6},
			devchannel.Event{Kind: "store", Function: "f", Key: "k", At: 9e6, Size: 10},
		)
		if len(inv.calls) != 1 {
			t.Fatalf("%d calls", len(inv.calls))
		}
		if c := inv.calls[0]; c.Result != "miss" || c.Reason != "expired" || c.Start != 1 || c.Run != 5 || c.Duration != 6 || c.Stored != "stored" || c.Size != 10 {
			t.Errorf("%+v", c)
		}
	})
	t.Run("a call within a run stands beneath it", func(t *testing.T) {
		inv := shown(
			devchannel.Event{Kind: "miss", Function: "outer", Call: 1, At: 1e6},
			devchannel.Event{Kind: "hit", Function: "inner", Call: 2, Parent: 1, At: 2e6, Tier: "memory"},
			devchannel.Event{Kind: "run", Function: "outer", Call: 1, At: 3e6, Duration: 2e6},
		)
		if len(inv.calls) != 2 || inv.calls[1].Depth != 1 || inv.calls[1].Result != "hit" {
			t.Errorf("%+v", inv.calls)
		}
	})
	t.Run("calls are bounded", func(t *testing.T) {
		var events []devchannel.Event
		for i := range 3 * keptCalls {
			events = append(events, devchannel.Event{Kind: "hit", Function: "f", Call: uint64(i + 1)})
		}
		if n := len(shown(events...).calls); n != keptCalls {
			t.Errorf("%d calls", n)
		}
	})
}

func TestAdvice(t *testing.T) {
	find := func(list []advice, kind string) *advice {
		for i := range list {
			if list[i].Kind == kind {
				return &list[i]
			}
		}
		return nil
	}
	p := New(nil)
	feed := func(n int, make func(i int) []devchannel.Event) {
		for i := range n {
			for _, e := range make(i) {
				p.note(1, e)
			}
		}
	}
	feed(30, func(i int) []devchannel.Event {
		arg := `{City:"Oslo" Asked:` + time.Unix(int64(i), 0).UTC().Format(time.RFC3339) + `}`
		return []devchannel.Event{{Kind: "miss", Function: "never", Key: string(rune('a' + i)), Arg: arg}}
	})
	feed(12, func(int) []devchannel.Event {
		return []devchannel.Event{{Kind: "run", Function: "slow", Duration: 1e6}, {Kind: "hit", Function: "slow", Tier: "backend", Duration: 5e6}}
	})
	p.note(1, devchannel.Event{Kind: "store", Function: "large", Size: 2 << 20, Err: "refused"})
	list := p.advise()
	if a := find(list, "never-hits"); a == nil || !strings.Contains(a.Text, "what differs each time: Asked.") {
		t.Errorf("%+v", a)
	}
	for _, kind := range []string{"slower", "large", "store"} {
		if find(list, kind) == nil {
			t.Errorf("no advice %s in %+v", kind, list)
		}
	}
}

func TestFieldsOf(t *testing.T) {
	got := fieldsOf(`{A:1 B:"x y}" C:{D:2 E:[1 2]} F:nil}`)
	for name, want := range map[string]string{"A": "1", "B": `"x y}"`, "C": "{D:2 E:[1 2]}", "F": "nil"} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
}

func FuzzFieldsOf(f *testing.F) {
	f.Add(`{A:1 B:"\"}`)
	f.Fuzz(func(_ *testing.T, s string) { fieldsOf(s) })
}

func TestHTTPCalls(t *testing.T) {
	h := map[string][]string{"Cache-Status": {`other; hit, stillwarm; fwd=uri-miss; stored; ttl=9; key="/a,b;c"`}}
	calls := httpCalls(h, 1, 2)
	if len(calls) != 1 || calls[0].Result != "miss" || calls[0].Arg != "/a,b;c" || calls[0].Stored != "stored" || !strings.Contains(calls[0].Reason, "nothing is stored") {
		t.Errorf("%+v", calls)
	}
}

func TestAnHTTPCacheIsShownOnce(t *testing.T) {
	for name, events := range map[string][]devchannel.Event{
		"by its answer": {{Kind: "hit", Function: "shop.load", Request: "r", Call: 1}},
		"by its events": {{Kind: "miss", Function: "pages", Request: "r", Call: 1, Arg: "https://example.com/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := New(nil)
			p.Known([]devchannel.Function{{Name: "shop.load", Kind: "data"}})
			p.Began(journal.Invocation{RequestID: "r", Started: time.Now()})
			p.Events(1, events)
			p.Finished(journal.Invocation{RequestID: "r", Response: &journal.Response{Header: map[string][]string{"Cache-Status": {"stillwarm; fwd=uri-miss"}}}})
			caches := 0
			for _, c := range p.byID["r"].calls {
				if c.Function == "HTTP cache" || c.Function == "pages" {
					caches++
				}
			}
			if caches != 1 {
				t.Errorf("%d calls of an HTTP cache", caches)
			}
		})
	}
}

// The totals above the list are the sum of its rows, whatever told of the calls.
func TestTotalsAreTheSumOfTheRows(t *testing.T) {
	p := New(nil)
	for i, status := range []string{"stillwarm; hit", "stillwarm; fwd=uri-miss", "other; hit", ""} {
		id := string(rune('a' + i))
		p.Began(journal.Invocation{RequestID: id, Number: i, Started: time.Now()})
		done := journal.Invocation{RequestID: id, Response: &journal.Response{Header: map[string][]string{"Cache-Status": {status}}}}
		done.Cache.Hits, done.Cache.Misses = 2, 1 // of cached functions
		p.Finished(done)
	}
	var hits, misses int
	for _, inv := range p.byID {
		hits, misses = hits+inv.Cache.Hits, misses+inv.Cache.Misses
	}
	if hits != 4*2+1 || misses != 4*1+1 {
		t.Errorf("the rows say %d hits, %d misses", hits, misses)
	}
	if p.totals.Hits != hits || p.totals.Misses != misses {
		t.Errorf("the totals are %d hits, %d misses, the rows say %d and %d", p.totals.Hits, p.totals.Misses, hits, misses)
	}
}

func TestCrashLoop(t *testing.T) {
	var top topState
	for range loopSize {
		top.crash(journal.Invocation{Slot: 1, Fault: "exit status 1"})
	}
	if top.Crash == nil || top.Crash.Count != loopSize {
		t.Errorf("%+v", top.Crash)
	}
	if top.crash(journal.Invocation{Slot: 1}); top.Crash != nil {
		t.Error("a success does not end it")
	}
}

func TestDetailsAreBounded(t *testing.T) {
	p := New(nil)
	for i := range 40 {
		id := string(rune('a' + i))
		p.Began(journal.Invocation{RequestID: id, Number: i, Started: time.Now()})
		p.Finished(journal.Invocation{RequestID: id, Payload: make([]byte, 4<<20)})
	}
	if p.details > keptDetails {
		t.Errorf("%d bytes are kept", p.details)
	}
	if p.eventOf("a") != nil || p.eventOf(string(rune('a'+39))) == nil {
		t.Error("the oldest is kept, or the newest is not")
	}
}

func TestOutage(t *testing.T) {
	p := New(nil)
	p.Outage("Redis", "", "")
	p.Outage("Redis", errors.New("refused").Error(), "start it")
	if len(p.top.Outages) != 1 {
		t.Fatalf("%+v", p.top.Outages)
	}
	if p.Outage("Redis", "", ""); len(p.top.Outages) != 0 {
		t.Errorf("%+v", p.top.Outages)
	}
}
