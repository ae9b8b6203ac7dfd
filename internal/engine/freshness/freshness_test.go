package freshness

import (
	"math"
	"testing"
	"time"
)

const (
	second = int64(time.Second)
	start  = 1_700_000_000 * second
)

func TestStates(t *testing.T) {
	p := Policy{TTL: 10 * time.Second, Stale: 5 * time.Second, FailSafe: 20 * time.Second, Ahead: 0.8}
	entry := p.Times(start, -1)
	for _, c := range []struct {
		name  string
		after time.Duration
		want  State
	}{
		{"T4 an entry is fresh for its ttl", 0, Fresh},
		{"T8 it is due for a refresh in the last share of its ttl", 8 * time.Second, RefreshAhead},
		{"T8 not earlier", 8*time.Second - 1, Fresh},
		{"T5 the stale window begins when the ttl is over", 10 * time.Second, Stale},
		{"T5 and ends before its end", 15*time.Second - 1, Stale},
		{"T6 then the value is of use only where the function fails", 15 * time.Second, FailSafe},
		{"T6 until fail-safe is over, counted from the ttl", 30*time.Second - 1, FailSafe},
		{"T6 and no longer", 30 * time.Second, Expired},
		{"T3 an entry from the future is fresh", -time.Hour, Fresh},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := start + int64(c.after)
			if got := p.State(entry, now); got != c.want {
				t.Errorf("after %v: state %d, want %d", c.after, got, c.want)
			}
			if may := p.MayStandIn(entry, now); may != (c.want < Expired) {
				t.Errorf("may stand in: %v", may)
			}
		})
	}
	t.Run("T4 End is where the last use ends", func(t *testing.T) {
		if end := p.End(entry); p.State(entry, end-1) == Expired || p.State(entry, end) != Expired {
			t.Error("End disagrees with State")
		}
	})
}

func TestTimes(t *testing.T) {
	for _, c := range []struct {
		name      string
		ttl, own  time.Duration
		wantFresh int64
	}{
		{"T1 without a ttl an entry is fresh for ever", 0, -1, Never},
		{"T2 the result's own lifetime decides", 0, time.Minute, start + 60*second},
		{"T2 the ttl bounds it", time.Second, time.Minute, start + second},
		{"T2 a shorter one stays", time.Minute, time.Second, start + second},
		{"T2 none at all is over at once", time.Minute, 0, start},
		{"T4 the longest lifetime does not overflow", 0, math.MaxInt64, Never},
		{"T4 nor does the longest ttl", math.MaxInt64, -1, Never},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (Policy{TTL: c.ttl}).Times(start, c.own); got.Fresh != c.wantFresh || got.Created != start {
				t.Errorf("times %+v, want fresh until %d", got, c.wantFresh)
			}
		})
	}
	t.Run("T4 jitter shortens a ttl, by no more than its share, and never an own lifetime", func(t *testing.T) {
		p := Policy{TTL: 10 * time.Second, Jitter: 0.5}
		for range 1000 {
			if d := p.Times(start, -1).Fresh - start; d < 5*second || d > 10*second {
				t.Fatal("fresh for", time.Duration(d))
			}
			if d := p.Times(start, time.Second).Fresh - start; d != second {
				t.Fatal("an own lifetime of a second became", time.Duration(d))
			}
		}
	})
	t.Run("T4 windows as long as there can be do not overflow", func(t *testing.T) {
		p := Policy{TTL: time.Second, Stale: math.MaxInt64, FailSafe: math.MaxInt64}
		at := p.Times(start, -1)
		if p.End(at) != Never || p.State(at, math.MaxInt64-1) != Stale {
			t.Error("end", p.End(at), "state", p.State(at, math.MaxInt64-1))
		}
	})
	t.Run("T4 an entry of another build is cut to this one's ttl, and never made to last longer", func(t *testing.T) {
		p := Policy{TTL: time.Minute}
		for _, c := range [][2]int64{{Never, start + 60*second}, {start + 3600*second, start + 60*second}, {start + second, start + second}} {
			if got := p.Cut(Times{start, c[0]}).Fresh; got != c[1] {
				t.Errorf("fresh until %d became %d, want %d", c[0], got, c[1])
			}
		}
		if got := (Policy{}).Cut(Times{start, start + second}).Fresh; got != start+second {
			t.Error("without a ttl:", got)
		}
	})
}

func TestClockSteps(t *testing.T) {
	p := Policy{TTL: 10 * time.Second}
	t.Run("T3 an entry from the future is kept no longer than its ttl from now", func(t *testing.T) {
		now := start - 3600*second
		moved, far := Present(p.Times(start, -1), now)
		if !far || moved.Created != now || moved.Fresh != now+10*second {
			t.Errorf("%+v, %v", moved, far)
		}
		if again, far := Present(moved, now); far || again != moved {
			t.Error("moved twice")
		}
	})
	t.Run("T3 what never expires still does not", func(t *testing.T) {
		if moved, _ := Present(Times{start, Never}, start-second); moved.Fresh != Never || moved.Created != start-second {
			t.Errorf("%+v", moved)
		}
	})
	t.Run("T3 clocks that differ by a little are not told of", func(t *testing.T) {
		if _, far := Present(Times{start, Never}, start-second); far {
			t.Error("far")
		}
	})
	t.Run("T3 an age is never negative", func(t *testing.T) {
		if Age(Times{start, Never}, start-second) != 0 || Age(Times{start, Never}, start+second) != time.Second {
			t.Error("wrong age")
		}
	})
	t.Run("T3 Time and Nanos are inverse to each other", func(t *testing.T) {
		for _, n := range []int64{0, 1, start, Never} {
			if got := Nanos(Time(n)); got != n {
				t.Errorf("%d became %d", n, got)
			}
		}
	})
}
