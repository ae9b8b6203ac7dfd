package fleet

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// Totals are what the calls amount to whatever is cached.
type Totals struct {
	Calls int64
	Run   time.Duration // of all runs, if every call ran the function
}

// Totals adds up the scenario's calls.
func (s Scenario) Totals() Totals {
	var t Totals
	for c := range s.Calls() {
		t.Calls++
		t.Run += c.Run
	}
	return t
}

// Optimum is the smallest number of runs with which every call gets a result no older than life: one run for each key
// and life in the whole fleet, placed with knowledge of all calls, by a cache that answers at once and costs nothing.
func (s Scenario) Optimum(life time.Duration) int64 {
	return optimum(s.lookups(), life)
}

// lookup is one call's question to the cached function.
type lookup struct {
	key int
	at  time.Duration
}

// lookups returns when the cached function is asked for what, in the order of time, on containers that are warm.
func (s Scenario) lookups() iter.Seq[lookup] {
	var all []lookup
	for c := range s.Calls() {
		for _, key := range s.Asked(c) {
			all = append(all, lookup{key, c.At + c.Before})
		}
	}
	slices.SortFunc(all, func(a, b lookup) int { return cmp.Compare(a.at, b.at) })
	return slices.Values(all)
}

// optimum runs at the first call that the run before cannot serve. No run can be placed later, and none serves longer,
// so no schedule has fewer.
func optimum(calls iter.Seq[lookup], life time.Duration) int64 {
	last := map[int]time.Duration{}
	runs := int64(0)
	for c := range calls {
		if begun, ok := last[c.key]; ok && c.at < begun+life {
			continue
		}
		last[c.key] = c.at
		runs++
	}
	return runs
}
