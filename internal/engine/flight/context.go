package flight

import (
	"context"
	"sync"
	"time"
)

type callKey struct{}

// runContext is a run's context: the first caller's values, the latest deadline of all who wait, cancelled when the
// last has left.
type runContext struct {
	context.Context
	call *Call
}

func (c *runContext) Deadline() (time.Time, bool) { return c.call.deadline() }

func (c *runContext) Value(key any) any {
	if key == (callKey{}) {
		return c.call
	}
	return c.Context.Value(key)
}

// waits records which run waits for which, over all groups of the process: two functions that call each other can
// wait in a ring just as one that calls itself.
var waits = struct {
	sync.Mutex
	edges map[*Call]map[*Call]int
}{edges: map[*Call]map[*Call]int{}}

// await records that the run parent (nil: no run) waits for target. It reports false, and records nothing, where target
// waits for parent already.
func await(parent, target *Call) bool {
	if parent == nil {
		return true
	}
	waits.Lock()
	defer waits.Unlock()
	if reaches(target, parent) {
		return false
	}
	if waits.edges[parent] == nil {
		waits.edges[parent] = map[*Call]int{}
	}
	waits.edges[parent][target]++
	return true
}

func unawait(parent, target *Call) {
	if parent == nil {
		return
	}
	waits.Lock()
	defer waits.Unlock()
	edges := waits.edges[parent]
	if edges[target]--; edges[target] == 0 {
		delete(edges, target)
	}
	if len(edges) == 0 {
		delete(waits.edges, parent)
	}
}

// reaches reports whether from is to, or waits for it over any number of runs. The graph is acyclic, and as deep as
// cached functions nest.
func reaches(from, to *Call) bool {
	if from == to {
		return true
	}
	for next := range waits.edges[from] {
		if reaches(next, to) {
			return true
		}
	}
	return false
}
