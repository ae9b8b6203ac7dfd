package fleet_test

import (
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/tests/fleet/internal/wire"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// networked are the backends that fleets really share, with the timeouts that the library and a URL have by default.
var networked = []place{
	{"redis", func(t testing.TB) string {
		s := servers.SharedRedis(t)
		t.Logf("Redis %s at %s", s.Version, s.Addr)
		return s.URL("prefix=" + unique())
	}},
	{"minio", func(t testing.TB) string { return s3URL(t, servers.SharedMinIO(t), "") }},
}

// TestTheFirstRunEver has two cold containers ask at once, with a timeout that leaves room for one run and half of another.
func TestTheFirstRunEver(t *testing.T) {
	const run, timeout = 2 * time.Second, 3 * time.Second
	for _, place := range networked {
		t.Run("S5 two cold containers, and nobody knows how long a run takes: no call fails: "+place.name, func(t *testing.T) {
			s := wire.Setup{Backend: place.url(t), Namespace: unique(), Run: run, Runs: runsFile(t)}
			fleet := startFleet(t, 2, s)
			for i, r := range together(t, fleet, wire.Command{Do: wire.Get, Key: "cold", At: soon(), Timeout: timeout}) {
				wantAnswer(t, fleet[i], r)
			}
		})
		t.Run("S5 nor where the first one is killed in mid-run, be the run time known or not: "+place.name, func(t *testing.T) {
			s := wire.Setup{Backend: place.url(t), Namespace: unique(), Run: run, Runs: runsFile(t)}
			ask := wire.Command{Do: wire.Get, Key: "cold", Timeout: timeout}
			loseHolder(t, s, ask)
			later := start(t, s)
			r := later.do(ask)
			wantAnswer(t, later, &r)
			ask.Key = "another"
			loseHolder(t, s, ask)
			r = later.do(ask)
			wantAnswer(t, later, &r)
		})
	}
}

// loseHolder leaves the lease of a container that is killed in mid-run.
func loseHolder(t *testing.T, s wire.Setup, ask wire.Command) {
	t.Helper()
	before := len(runs(t, s.Runs))
	p := start(t, s)
	if err := p.tell(ask); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the holder runs", func() bool { return len(runs(t, s.Runs)) > before })
	p.kill()
}

// wantAnswer checks that a worker's only call was answered.
func wantAnswer(t *testing.T, p *process, r *wire.Reply) {
	t.Helper()
	if r == nil || len(r.Calls) != 1 {
		t.Fatalf("worker %d: no reply: %+v", p.pid(), r)
	}
	if c := r.Calls[0]; c.Err != "" || c.Bad {
		t.Fatalf("worker %d: %+v", p.pid(), c)
	}
}

// TestAHolderThatIsKilledAfterADeploy has a fleet of a new build know from the old one how long a run takes.
func TestAHolderThatIsKilledAfterADeploy(t *testing.T) {
	const run, timeout, lease = 4 * time.Second, 28 * time.Second, 10 * time.Second
	for _, place := range networked {
		t.Run("S6 a second run by one other, nobody waits longer than the lease and two runs: "+place.name, func(t *testing.T) {
			s := wire.Setup{Backend: place.url(t), Namespace: unique(), Version: "1", Run: run}
			old := start(t, s)
			old.do(wire.Command{Do: wire.Get, Key: "another"})
			old.end() // it has written all it knows
			s.Version, s.Runs = "2", runsFile(t)
			fleet := startFleet(t, processes, s)
			answered := make(chan []*wire.Reply, 1)
			go func() {
				answered <- together(t, fleet, wire.Command{Do: wire.Get, Key: "cold", At: soon(), Timeout: timeout})
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
					wantAnswer(t, fleet[i], r)
					slowest = max(slowest, r.Calls[0].Took)
				}
			}
			if slowest > lease+2*run {
				t.Errorf("a call took %v; the lease is %v and a run takes %v", slowest, lease, run)
			}
			t.Logf("1 run more, by another; the slowest of %d calls took %v", processes-1, slowest.Round(time.Millisecond))
		})
	}
}
