package fleet_test

import (
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/tests/fleet/internal/wire"
)

const (
	processes = 20
	callers   = 25
)

// soon is a moment at which all workers can begin together.
func soon() int64 { return time.Now().Add(300 * time.Millisecond).UnixNano() }

func TestStampede(t *testing.T) {
	for _, place := range places {
		t.Run("20 processes with 25 callers each ask for one cold key: the function runs once: "+place.name, func(t *testing.T) {
			s := wire.Setup{
				Backend: place.url(t), Namespace: unique(), Run: 400 * time.Millisecond, Runs: runsFile(t),
				BackendTimeout: 20 * time.Second,
			}
			fleet := startFleet(t, processes, s)
			replies := together(t, fleet, wire.Command{Do: wire.Get, Key: "cold", Callers: callers, At: soon()})
			all := runs(t, s.Runs)
			if len(all) != 1 {
				t.Fatalf("%d runs, want 1: %+v", len(all), all)
			}
			var slowest time.Duration
			for i, r := range replies {
				slowest = max(slowest, wantCalls(t, fleet[i], r, all[0].run))
			}
			t.Logf("%d calls in %d processes, 1 run of %v; the slowest call took %v", processes*callers, processes, s.Run,
				slowest.Round(time.Millisecond))
		})
	}
}

// wantCalls checks that every caller of a worker got the answer of the run, and returns how long the slowest waited.
func wantCalls(t *testing.T, p *process, r *wire.Reply, run string) (slowest time.Duration) {
	t.Helper()
	if r == nil || len(r.Calls) != callers {
		t.Fatalf("worker %d: no reply for %d callers: %+v", p.pid(), callers, r)
	}
	for _, c := range r.Calls {
		if c.Err != "" || c.Bad || c.Run != run {
			t.Fatalf("worker %d: %+v; want the answer of run %s", p.pid(), c, run)
		}
		slowest = max(slowest, c.Took)
	}
	return slowest
}

func TestAHolderThatIsKilled(t *testing.T) {
	const (
		lease = 2 * time.Second
		run   = time.Second
		// slack is for polling (half a second, and a second of clock resolution on S3) and for a busy machine.
		slack = 3 * time.Second
	)
	for _, place := range places {
		t.Run("a second run by one other, nobody fails, nobody waits longer than the lease and one run: "+place.name, func(t *testing.T) {
			s := wire.Setup{
				Backend: place.url(t), Namespace: unique(), Run: run, Runs: runsFile(t), LeaseTTL: lease,
				BackendTimeout: 20 * time.Second,
			}
			fleet := startFleet(t, processes, s)
			answered := make(chan []*wire.Reply, 1)
			go func() {
				answered <- together(t, fleet, wire.Command{Do: wire.Get, Key: "cold", Callers: callers, At: soon()})
			}()
			holder := killHolder(t, fleet, s.Runs)
			replies := <-answered
			all := runs(t, s.Runs)
			if len(all) != 2 || all[0].pid != holder || all[1].pid == holder {
				t.Fatalf("holder %d was killed; want its run and one of another: %+v", holder, all)
			}
			var slowest time.Duration
			for i, r := range replies {
				if fleet[i].pid() != holder {
					slowest = max(slowest, wantCalls(t, fleet[i], r, all[1].run))
				}
			}
			if slowest > lease+run+slack {
				t.Errorf("a caller waited %v; the lease is %v and a run takes %v", slowest, lease, run)
			}
			t.Logf("the holder was killed in mid-run; 1 run more, by another; the slowest of %d callers waited %v (lease %v, run %v)",
				(processes-1)*callers, slowest.Round(time.Millisecond), lease, run)
		})
	}
}

// killHolder waits for the first run, kills the process that runs, and returns its id; 0 where there was no run.
func killHolder(t *testing.T, fleet []*process, file string) int {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		begun := runs(t, file)
		if len(begun) == 0 {
			continue
		}
		for _, p := range fleet {
			if p.pid() == begun[0].pid {
				p.kill()
				return p.pid()
			}
		}
	}
	return 0
}
