package fleet

import (
	"fmt"
	"slices"
	"time"
)

// Result is what a simulation counted. Calls is the sum of the first six counts: each call ended in exactly one of them.
type Result struct {
	Scenario Scenario
	Calls    int64

	MemoryHits  int64 // fresh from the container's memory
	MemoryStale int64 // from there, past its ttl, in the stale window
	RemoteHits  int64 // fresh from the backend
	RemoteStale int64 // from there, in the stale window
	Waited      int64 // from the backend, after waiting for another container's run
	Misses      int64 // the call ran the function

	Refreshes int64 // runs that no call waited for; of batches, the runs beyond one for each call that ran the function
	Runs      int64 // of the function: Misses and Refreshes
	Failed    int64 // calls that returned an error
	Wrong     int64 // results of another key, or older than ttl and stale window allow

	ColdStarts     int64
	PeakContainers int // alive at once
	PeakBusy       int // at work at once

	Operations    Operations
	InGet         time.Duration // all calls together, in the cached function
	AfterResponse time.Duration // all calls together, in work after the response
	InRuns        time.Duration // all runs of the function together
	Oldest        time.Duration // age of the oldest result that was returned
	// P50, P99 and Longest say how long calls spent in the cached function.
	P50, P99, Longest time.Duration

	waits []float32 // seconds that each call spent there
}

// Answered is the number of calls whose end is known.
func (r *Result) Answered() int64 {
	return r.MemoryHits + r.MemoryStale + r.RemoteHits + r.RemoteStale + r.Waited + r.Misses
}

// Delayed is the number of calls that waited for a run: their own, or another container's.
func (r *Result) Delayed() int64 { return r.Misses + r.Waited }

// Billed is what the cached function adds to the duration that the service bills: the time in it, and in the work that
// it leaves for after the response.
func (r *Result) Billed() time.Duration { return r.InGet + r.AfterResponse }

// Share returns a count as a share of the calls.
func (r *Result) Share(n int64) float64 { return float64(n) / float64(max(1, r.Calls)) }

// Check returns an error where the counts contradict each other or the promises of the cache.
func (r *Result) Check() error {
	switch {
	case r.Failed > 0:
		return fmt.Errorf("%s: %d of %d calls failed", r.Scenario.Name, r.Failed, r.Calls)
	case r.Wrong > 0:
		return fmt.Errorf("%s: %d results were of another key or too old", r.Scenario.Name, r.Wrong)
	case r.Answered() != r.Calls:
		return fmt.Errorf("%s: %d calls, but %d ends of calls", r.Scenario.Name, r.Calls, r.Answered())
	case r.Runs != r.Misses+r.Refreshes:
		return fmt.Errorf("%s: the function ran %d times, for %d misses and %d refreshes",
			r.Scenario.Name, r.Runs, r.Misses, r.Refreshes)
	}
	return nil
}

// finish takes the percentiles, and lets go what they were taken from.
func (r *Result) finish() {
	slices.Sort(r.waits)
	at := func(share float64) time.Duration {
		if len(r.waits) == 0 {
			return 0
		}
		i := min(int(share*float64(len(r.waits))), len(r.waits)-1)
		return time.Duration(float64(r.waits[i]) * float64(time.Second))
	}
	r.P50, r.P99, r.Longest, r.waits = at(0.5), at(0.99), at(1), nil
}
