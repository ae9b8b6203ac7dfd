package freshness_test

import (
	"math"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/freshness"
)

func TestBounds(t *testing.T) {
	p := freshness.Policy{TTL: 100, Stale: 50, FailSafe: 80, Ahead: 0.8}
	at := p.Times(1000, -1)
	for now, want := range map[int64]freshness.State{
		1000: freshness.Fresh, 1079: freshness.Fresh, 1080: freshness.RefreshAhead, 1099: freshness.RefreshAhead,
		1100: freshness.Stale, 1149: freshness.Stale, 1150: freshness.FailSafe, 1179: freshness.FailSafe, 1180: freshness.Expired,
		900: freshness.Fresh, // the clock was set back
	} {
		t.Run("T4 T5 T6 T8 each state begins at its instant", func(t *testing.T) {
			if got := p.State(at, now); got != want {
				t.Errorf("at %d: %d, want %d", now, got, want)
			}
		})
	}
	t.Run("T4 sums never overflow", func(t *testing.T) {
		endless := freshness.Policy{TTL: math.MaxInt64, Stale: math.MaxInt64, FailSafe: math.MaxInt64}
		now := time.Now().UnixNano()
		at := endless.Times(now, -1)
		if at.Fresh != freshness.Never || endless.State(at, now) != freshness.Fresh || endless.End(at) != freshness.Never {
			t.Error(at, endless.State(at, now), endless.End(at))
		}
		long := freshness.Policy{TTL: time.Hour, Stale: math.MaxInt64}
		if at := long.Times(now, -1); long.End(at) != freshness.Never || long.State(at, at.Fresh+1) != freshness.Stale {
			t.Error(at, long.End(at))
		}
	})
	t.Run("T2 the result's own lifetime is bounded by the ttl", func(t *testing.T) {
		for own, want := range map[time.Duration]int64{40: 1040, 0: 1000, 100: 1100, 200: 1100, -1: 1100} {
			if got := p.Times(1000, own).Fresh; got != want {
				t.Errorf("own %d: %d, want %d", own, got, want)
			}
		}
	})
	t.Run("T3 an entry from the future is kept no longer than its ttl from now", func(t *testing.T) {
		moved, far := freshness.Present(freshness.Times{Created: 5000, Fresh: 5100}, 1000)
		if moved != (freshness.Times{Created: 1000, Fresh: 1100}) || far {
			t.Error(moved, far)
		}
		if _, far := freshness.Present(freshness.Times{Created: int64(time.Minute)}, 0); !far {
			t.Error("a minute is no usual difference of clocks")
		}
	})
	t.Run("T4 a shorter ttl cuts what another process wrote, a longer one does not stretch it", func(t *testing.T) {
		if got := p.Cut(freshness.Times{Created: 1000, Fresh: 2000}).Fresh; got != 1100 {
			t.Error(got)
		}
		if got := p.Cut(freshness.Times{Created: 1000, Fresh: 1010}).Fresh; got != 1010 {
			t.Error(got)
		}
	})
}
