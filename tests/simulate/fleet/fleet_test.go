package fleet

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// small is a fleet that a test can afford.
func small(change ...func(*Scenario)) Scenario {
	sc := Base()
	sc.Name, sc.Fleet, sc.Keys, sc.TTL = "small", 40, 500, 30*time.Second
	sc.Day, sc.Before, sc.After = 2*time.Minute, time.Second, time.Second
	for _, f := range change {
		f(&sc)
	}
	return sc
}

func simulate(t *testing.T, sc Scenario) *Result {
	t.Helper()
	r, err := Simulate(t, sc)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDeterminism(t *testing.T) {
	t.Run("the same seed makes the same calls, another one others", func(t *testing.T) {
		sc, other := small(), small(func(s *Scenario) { s.Seed = 2 })
		var first, second, third []Call
		for c := range sc.Calls() {
			first = append(first, c)
		}
		for c := range sc.Calls() {
			second = append(second, c)
		}
		for c := range other.Calls() {
			third = append(third, c)
		}
		if len(first) < 1000 || len(first) != len(second) {
			t.Fatalf("%d and %d calls", len(first), len(second))
		}
		for i := range first {
			if first[i] != second[i] {
				t.Fatalf("call %d: %+v and %+v", i, first[i], second[i])
			}
		}
		if len(first) == len(third) && first[0] == third[0] {
			t.Error("another seed made the same calls")
		}
	})
	for _, test := range []struct {
		promise string
		change  func(*Scenario)
	}{
		{"the same seed, the same numbers: one cache per container", func(s *Scenario) { s.Tiers = MemoryOnly }},
		{"the same seed, the same numbers: Redis, nobody waits", func(s *Scenario) { s.NoLeases = true }},
		{"the same seed, the same numbers: S3, nobody waits", func(s *Scenario) { s.Tiers, s.NoLeases = S3, true }},
	} {
		t.Run(test.promise, func(t *testing.T) {
			a, b := *simulate(t, small(test.change)), *simulate(t, small(test.change))
			a.waits, b.waits = nil, nil
			if !equal(a, b) {
				t.Errorf("first  %+v\nsecond %+v", a, b)
			}
		})
	}
	t.Run("with leases only the pauses of waiting containers differ", func(t *testing.T) {
		a, b := simulate(t, small()), simulate(t, small())
		if a.Calls != b.Calls || near(a.Runs, b.Runs) > 0.01 ||
			near(a.MemoryHits+a.RemoteHits, b.MemoryHits+b.RemoteHits) > 0.01 {
			t.Errorf("first  %+v\nsecond %+v", a, b)
		}
	})
}

// equal compares all that was counted.
func equal(a, b Result) bool {
	return a.Calls == b.Calls && a.MemoryHits == b.MemoryHits && a.RemoteHits == b.RemoteHits && a.Misses == b.Misses &&
		a.Runs == b.Runs && a.ColdStarts == b.ColdStarts && a.PeakContainers == b.PeakContainers &&
		a.Operations == b.Operations && a.InGet == b.InGet && a.AfterResponse == b.AfterResponse && a.P99 == b.P99
}

// near is by which share two counts differ.
func near(a, b int64) float64 { return math.Abs(float64(a-b)) / float64(max(1, a, b)) }

// TestBounds runs variations whose counts Simulate checks, and holds their runs between the two bounds.
func TestBounds(t *testing.T) {
	for name, change := range map[string]func(*Scenario){
		"Redis":                  func(*Scenario) {},
		"Redis, no leases":       func(s *Scenario) { s.NoLeases = true },
		"Redis, stale window":    func(s *Scenario) { s.StaleFor = s.TTL },
		"S3":                     func(s *Scenario) { s.Tiers = S3 },
		"S3, stale window":       func(s *Scenario) { s.Tiers, s.StaleFor = S3, s.TTL },
		"S3 Express":             func(s *Scenario) { s.Tiers = S3Express },
		"one container":          func(s *Scenario) { s.Fleet, s.Days = 1, 5 },
		"one key":                func(s *Scenario) { s.Keys = 1 },
		"memory only":            func(s *Scenario) { s.Tiers = MemoryOnly },
		"memory only, stale":     func(s *Scenario) { s.Tiers, s.StaleFor = MemoryOnly, s.TTL },
		"short ttl":              func(s *Scenario) { s.TTL = 5 * time.Second },
		"long runs":              func(s *Scenario) { s.TTL, s.Run = 10*time.Second, time.Second },
		"containers die at once": func(s *Scenario) { s.Idle = time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			sc := small(change)
			r := simulate(t, sc)
			totals := sc.Totals()
			if r.Calls != totals.Calls {
				t.Errorf("%d calls came, %d were answered", totals.Calls, r.Calls)
			}
			if least := sc.Optimum(sc.TTL + sc.StaleFor + sc.Cold + r.Longest); r.Runs < least {
				t.Errorf("%d runs, but the optimum needs %d", r.Runs, least)
			}
			if r.Runs > r.Calls+r.Refreshes {
				t.Errorf("%d runs for %d calls and %d refreshes", r.Runs, r.Calls, r.Refreshes)
			}
		})
	}
}

// A container that waits for another's run waits for a quarter more than that is expected to take, and then runs too
// (S5). So more than the optimum runs where runs differ in length, and where the entry comes late because its container
// answers late: it is written after the response.
func TestLeasesSaveRuns(t *testing.T) {
	for _, c := range []struct {
		after time.Duration // the handler's own work between run and response
		most  float64       // runs, as a multiple of the optimum
	}{{10 * time.Millisecond, 1.5}, {time.Second, 2.5}} {
		t.Run(fmt.Sprintf("S4 %v between run and response", c.after), func(t *testing.T) {
			busy := func(leases bool) Scenario {
				return small(func(s *Scenario) { s.Keys, s.Fleet, s.After, s.NoLeases = 20, 100, c.after, !leases })
			}
			with, without := simulate(t, busy(true)), simulate(t, busy(false))
			best := busy(true).Optimum(small().TTL)
			if float64(with.Runs) > c.most*float64(best) {
				t.Errorf("%d runs with leases; the optimum is %d", with.Runs, best)
			}
			if without.Runs <= with.Runs {
				t.Errorf("%d runs without leases, %d with", without.Runs, with.Runs)
			}
			t.Logf("%d runs with leases, %d without; the optimum is %d", with.Runs, without.Runs, best)
		})
	}
}

func TestBatchesSaveRoundTrips(t *testing.T) {
	each := func(oneByOne bool) *Result {
		return simulate(t, small(func(s *Scenario) { s.Fleet, s.Batch, s.OneByOne = 10, 20, oneByOne }))
	}
	single, batched := each(true), each(false)
	if batched.Operations.Get*2 > single.Operations.Get {
		t.Errorf("%d reads of the backend in batches, %d one by one", batched.Operations.Get, single.Operations.Get)
	}
	if batched.P99*2 > single.P99 {
		t.Errorf("99th percentile %v in batches, %v one by one", batched.P99, single.P99)
	}
}

func TestRefreshAheadSparesCallersTheWait(t *testing.T) {
	busy := func(share float64) *Result {
		return simulate(t, small(func(s *Scenario) { s.Keys, s.Fleet, s.Ahead = 20, 100, share }))
	}
	with, without := busy(0.5), busy(0)
	if with.Delayed()*2 > without.Delayed() {
		t.Errorf("%d calls waited with refresh ahead, %d without", with.Delayed(), without.Delayed())
	}
	if with.Refreshes == 0 {
		t.Error("nothing was refreshed")
	}
}

func TestCheck(t *testing.T) {
	good := Result{Calls: 3, MemoryHits: 1, Waited: 1, Misses: 1, Runs: 2, Refreshes: 1}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for promise, spoil := range map[string]func(*Result){
		"a failed call is told":          func(r *Result) { r.Failed++ },
		"a wrong result is told":         func(r *Result) { r.Wrong++ },
		"a call without an end is told":  func(r *Result) { r.Calls++ },
		"a run without a reason is told": func(r *Result) { r.Runs++ },
		"a call with two ends is told":   func(r *Result) { r.RemoteHits++ },
	} {
		t.Run(promise, func(t *testing.T) {
			bad := good
			spoil(&bad)
			if bad.Check() == nil {
				t.Error("no error")
			}
		})
	}
}

func TestScenarioCheck(t *testing.T) {
	if err := Base().Check(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Scenario){
		"Fleet":   func(s *Scenario) { s.Fleet = 0 },
		"TTL":     func(s *Scenario) { s.TTL = 0 },
		"handler": func(s *Scenario) { s.Before, s.After = 0, 0 },
		"Low":     func(s *Scenario) { s.Low = 2 },
		"Zipf":    func(s *Scenario) { s.Zipf = -1 },
		"Idle":    func(s *Scenario) { s.Idle = 0 },
		"Tiers":   func(s *Scenario) { s.Tiers = "tape" },
	} {
		sc := Base()
		spoil(&sc)
		if _, err := Simulate(t, sc); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
}

func TestWorkload(t *testing.T) {
	sc := small(func(s *Scenario) { s.Fleet, s.Day, s.Zipf = 100, 10*time.Minute, 1 })
	calls, quiet, busy := 0, 0, 0
	keys := map[int]int{}
	for c := range sc.Calls() {
		calls++
		keys[c.Key]++
		switch {
		case c.At < sc.Day/10 || c.At > sc.Day*9/10:
			quiet++
		case c.At > sc.Day*4/10 && c.At < sc.Day*6/10:
			busy++
		}
	}
	// The mean load is 0.6 of the peak: 50 calls a second for ten minutes.
	if want := 0.6 * sc.Peak() * sc.Length().Seconds(); math.Abs(float64(calls)/want-1) > 0.03 {
		t.Errorf("%d calls, want about %.0f", calls, want)
	}
	if busy < 3*quiet {
		t.Errorf("%d calls around noon, %d around midnight", busy, quiet)
	}
	// With exponent 1 the first key is asked for ten times as often as the tenth.
	if ratio := float64(keys[0]) / float64(keys[9]); ratio < 7 || ratio > 14 {
		t.Errorf("the first key has %.1f times the calls of the tenth", ratio)
	}
}
