package fleet

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// at is a call for a key at a second. The handler works for a second on each side, and a run takes half of one.
func at(second float64, key int) Call {
	return Call{
		At: time.Duration(second * float64(time.Second)), Key: key,
		Before: time.Second, After: time.Second, Run: 500 * time.Millisecond,
	}
}

// TestByHand holds counts against numbers that were worked out on paper.
func TestByHand(t *testing.T) {
	type counts struct {
		MemoryHits, MemoryStale, RemoteHits, RemoteStale, Waited, Misses, Refreshes, ColdStarts int64
	}
	tests := []struct {
		promise string
		change  func(*Scenario)
		calls   []Call
		want    counts
		ops     Operations // without those that the case leaves at zero in byOps
	}{
		{
			promise: "within the ttl memory answers, behind it the function runs",
			calls:   []Call{at(0, 1), at(10, 1), at(70, 1)},
			want:    counts{MemoryHits: 1, Misses: 2, ColdStarts: 2},
			// The third call comes after the idle life, in a new container. A miss looks before the lease and behind it.
			ops: Operations{Get: 4, Put: 2, LeaseTaken: 2, Freed: 2, Generation: 1},
		},
		{
			promise: "a new container finds the entry in the backend",
			change:  func(s *Scenario) { s.TTL = time.Hour },
			calls:   []Call{at(0, 1), at(120, 1)},
			want:    counts{RemoteHits: 1, Misses: 1, ColdStarts: 2},
			ops:     Operations{Get: 3, Put: 1, LeaseTaken: 1, Freed: 1},
		},
		{
			promise: "without a backend a new container runs the function",
			change:  func(s *Scenario) { s.TTL, s.Tiers = time.Hour, MemoryOnly },
			calls:   []Call{at(0, 1), at(120, 1)},
			want:    counts{Misses: 2, ColdStarts: 2},
		},
		{
			promise: "two containers that ask at once share one run",
			calls:   []Call{at(0, 1), at(0.1, 1)},
			want:    counts{Waited: 1, Misses: 1, ColdStarts: 2},
		},
		{
			promise: "without leases both run",
			change:  func(s *Scenario) { s.NoLeases = true },
			calls:   []Call{at(0, 1), at(0.1, 1)},
			want:    counts{Misses: 2, ColdStarts: 2},
			ops:     Operations{Get: 2, Put: 2},
		},
		{
			promise: "other keys are other runs",
			calls:   []Call{at(0, 1), at(10, 2), at(20, 3)},
			want:    counts{Misses: 3, ColdStarts: 1},
			ops:     Operations{Get: 6, Put: 3, LeaseTaken: 3, Freed: 3},
		},
		{
			promise: "in the stale window the old value is returned and one refresh follows",
			change:  func(s *Scenario) { s.StaleFor, s.Idle = time.Minute, time.Hour },
			calls:   []Call{at(0, 1), at(70, 1), at(80, 1), at(400, 1)},
			want:    counts{MemoryStale: 1, MemoryHits: 1, Misses: 2, Refreshes: 1, ColdStarts: 1},
			// The refresh looks twice, the second time behind its lease in the same round trip. Every call finds that it heard
			// the generation too long ago, but the first.
			ops: Operations{Get: 6, Put: 3, LeaseTaken: 3, Freed: 3, Generation: 3},
		},
		{
			promise: "on S3 the first miss of a key takes three GETs in a new container, and three PUTs",
			change:  func(s *Scenario) { s.Tiers = S3 },
			calls:   []Call{at(0, 1)},
			want:    counts{Misses: 1, ColdStarts: 1},
			// Entry, epoch and generation. Lease, entry, tombstone.
			ops: Operations{Get: 1, Put: 1, LeaseTaken: 1, Freed: 1, Reads: 3, Writes: 3},
		},
		{
			promise: "on S3 a miss of what has expired takes two GETs more",
			change:  func(s *Scenario) { s.Tiers = S3 },
			calls:   []Call{at(0, 1), at(70, 1)},
			want:    counts{Misses: 2, ColdStarts: 2},
			// The second time: entry, epoch and generation; the lease; the entry again.
			ops: Operations{Get: 3, Put: 2, LeaseTaken: 2, Freed: 2, Reads: 8, Writes: 6},
		},
		{
			promise: "on S3 a hit in a new container takes three GETs",
			change:  func(s *Scenario) { s.Tiers, s.TTL = S3, time.Hour },
			calls:   []Call{at(0, 1), at(120, 1)},
			want:    counts{RemoteHits: 1, Misses: 1, ColdStarts: 2},
			ops:     Operations{Get: 2, Put: 1, LeaseTaken: 1, Freed: 1, Reads: 6, Writes: 3},
		},
	}
	for _, test := range tests {
		t.Run(test.promise, func(t *testing.T) {
			sc := Base()
			sc.TTL, sc.Idle = time.Minute, time.Minute/2
			if test.change != nil {
				test.change(&sc)
			}
			r := play(t, sc, test.calls)
			got := counts{r.MemoryHits, r.MemoryStale, r.RemoteHits, r.RemoteStale, r.Waited, r.Misses, r.Refreshes, r.ColdStarts}
			if got != test.want {
				t.Errorf("counted %+v, want %+v", got, test.want)
			}
			o := r.Operations
			o.Bytes, o.Commands, o.Units = 0, 0, 0
			if o != test.ops && r.Waited == 0 { // how often a waiting container looks is chance
				t.Errorf("operations %+v, want %+v", o, test.ops)
			}
		})
	}
}

// play simulates calls that are given.
func play(t *testing.T, sc Scenario, calls []Call) *Result {
	t.Helper()
	var r *Result
	var err error
	synctest.Test(t, func(*testing.T) { r, err = run(sc, slices.Values(calls)) })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTimes(t *testing.T) {
	sc := Base()
	sc.TTL = time.Minute
	r := play(t, sc, []Call{at(0, 1), at(10, 1)})
	link := links[Redis]
	// Connecting, looking, the lease with another look, and the run; then, ten seconds later, one question.
	want := link.connect + 3*link.read + 500*time.Millisecond
	if r.InGet != want {
		t.Errorf("the calls spent %v in the function, want %v", r.InGet, want)
	}
	if want := 2 * link.write; r.AfterResponse != want {
		t.Errorf("after the responses %v, want %v: the entry and the lease", r.AfterResponse, want)
	}
	if r.InRuns != 500*time.Millisecond {
		t.Errorf("the run took %v", r.InRuns)
	}
}

func TestOptimum(t *testing.T) {
	all := func(times ...float64) []lookup {
		var calls []lookup
		for _, s := range times {
			calls = append(calls, lookup{1, time.Duration(s * float64(time.Second))})
		}
		return calls
	}
	for _, test := range []struct {
		promise string
		calls   []lookup
		want    int64
	}{
		{"no call needs no run", nil, 0},
		{"calls within one life need one", all(0, 5, 9.9), 1},
		{"a result is too old when its life is over", all(0, 10), 2},
		{"a life begins with a run, not with a hit", all(0, 9, 18, 19), 2},
		{"keys do not share", append(all(0), lookup{2, time.Second}), 2},
	} {
		t.Run(test.promise, func(t *testing.T) {
			if got := optimum(slices.Values(test.calls), 10*time.Second); got != test.want {
				t.Errorf("%d runs, want %d", got, test.want)
			}
		})
	}
}
