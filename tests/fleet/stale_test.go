package fleet_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/tests/fleet/internal/wire"
)

// TestAStaleWindowUnderLoad holds the refresh open by a gate, so that "nobody waits for it" shows by callers that go on,
// not by a clock.
func TestAStaleWindowUnderLoad(t *testing.T) {
	const (
		ttl     = 8 * time.Second
		perProc = 5
	)
	for _, place := range places {
		if !heavy() && (place.name == "disk" || place.name == "versity") {
			continue // each takes more than a ttl, and Redis and MinIO show the same
		}
		t.Run("a key expires under load from 20 processes: no caller waits, one refresh in the fleet: "+place.name, func(t *testing.T) {
			gate := filepath.Join(t.TempDir(), "gate")
			s := wire.Setup{
				Backend: place.url(t), Namespace: unique(), Run: 100 * time.Millisecond, Runs: runsFile(t), Gate: gate,
				TTL: ttl, Stale: time.Hour, BackendTimeout: 20 * time.Second,
			}
			fleet := startFleet(t, processes, s)
			together(t, fleet, wire.Command{Do: wire.Load, Key: "k", Callers: perProc, Pause: 20 * time.Millisecond})
			first := runs(t, s.Runs)
			eventually(t, 30*time.Second, "the first run's answer is everywhere", func() bool {
				first = runs(t, s.Runs)
				return len(first) > 0 && everyCaller(t, fleet, func(s *wire.Summary) bool { return s.Runs[first[0].run] > 0 })
			})
			shut(t, gate)
			together(t, fleet, wire.Command{Do: wire.Phase})
			eventually(t, 30*time.Second, "the refresh begins", func() bool { return len(runs(t, s.Runs)) > 1 })
			together(t, fleet, wire.Command{Do: wire.Phase})
			eventually(t, 30*time.Second, "every caller makes 10 calls while the refresh is held up", func() bool {
				return everyCaller(t, fleet, func(s *wire.Summary) bool { return s.Least >= 10 })
			})
			held := together(t, fleet, wire.Command{Do: wire.Phase})
			all := runs(t, s.Runs)
			if len(all) != 2 {
				t.Fatalf("%d runs while the refresh was held up, want the first and one refresh: %+v", len(all), all)
			}
			calls := 0
			for i, r := range held {
				wantOnlyRun(t, fleet[i], r.Summary, first[0].run)
				calls += r.Summary.Calls
			}
			if err := os.Remove(gate); err != nil {
				t.Fatal(err)
			}
			eventually(t, 30*time.Second, "the refreshed answer is everywhere", func() bool {
				return everyCaller(t, fleet, func(s *wire.Summary) bool { return s.Runs[all[1].run] > 0 })
			})
			// A machine that was too slow for one ttl sees the next expiry too; two runs within one ttl are never right.
			all = runs(t, s.Runs)
			for i := 1; i < len(all); i++ {
				if gap := time.Duration(all[i].at - all[i-1].at); gap < ttl-time.Second {
					t.Errorf("run %d began %v after the one before it, with a ttl of %v: %+v", i, gap, ttl, all)
				}
			}
			t.Logf("%d calls by %d callers in %d processes were answered while the one refresh was held up", calls,
				processes*perProc, processes)
		})
	}
}

// shut makes the gate.
func shut(t *testing.T, gate string) {
	t.Helper()
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// everyCaller reports whether the condition holds in every process of the fleet.
func everyCaller(t *testing.T, fleet []*process, holds func(*wire.Summary) bool) bool {
	t.Helper()
	for i, r := range together(t, fleet, wire.Command{Do: wire.Look}) {
		if r == nil {
			t.Fatalf("worker %d has no load to look at", fleet[i].pid())
		}
		if !holds(r.Summary) {
			return false
		}
	}
	return true
}

// wantOnlyRun checks that all calls of a phase were answered at once, with the answer of one run.
func wantOnlyRun(t *testing.T, p *process, s *wire.Summary, run string) {
	t.Helper()
	if s.Failed > 0 || s.Wrong > 0 || s.Runs[run] != s.Calls {
		t.Fatalf("worker %d: %+v; want every call answered with run %s", p.pid(), s, run)
	}
	if n := s.Groups[wire.Miss].Count + s.Groups[wire.Spared].Count; n > 0 {
		t.Fatalf("worker %d: %d calls ran the function themselves", p.pid(), n)
	}
}
