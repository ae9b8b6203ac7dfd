package flight

import (
	"context"
	"sync"
	"time"
)

type runKey struct{}

// runContext is a run's context: see [Run.Context].
type runContext struct {
	context.Context
	run *Run
}

func (c *runContext) Deadline() (time.Time, bool) { return c.run.LatestDeadline() }

func (c *runContext) Value(key any) any {
	if key == (runKey{}) {
		return c.run
	}
	return c.Context.Value(key)
}

func runOf(ctx context.Context) *Run {
	r, _ := ctx.Value(runKey{}).(*Run)
	return r
}

// Apart returns a context that belongs to no run, with all other values of ctx: for what a run has begun and does not wait
// for.
func Apart(ctx context.Context) context.Context { return context.WithValue(ctx, runKey{}, (*Run)(nil)) }

// Of returns the run whose function was given ctx, or nil.
func Of(ctx context.Context) *Run { return runOf(ctx) }

// waits records which run waits for which, over all groups of the process: two functions that call each other can
// wait in a ring just as one that calls itself.
var waits = struct {
	sync.Mutex
	edges map[*Run]map[*Run]int
}{edges: map[*Run]map[*Run]int{}}

// await records that the run parent (nil: no run) waits for target. It reports false, and records nothing, where target
// waits for parent already.
func await(parent, target *Run) bool {
	if parent == nil {
		return true
	}
	waits.Lock()
	defer waits.Unlock()
	if parent == target || reaches(target, parent) {
		return false
	}
	if waits.edges[parent] == nil {
		waits.edges[parent] = map[*Run]int{}
	}
	waits.edges[parent][target]++
	return true
}

func unawait(parent, target *Run) {
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

// reaches reports whether from waits for to over any number of runs. Each run is visited once: many paths may lead to
// one where a function asks for its parts side by side.
func reaches(from, to *Run) bool {
	visited := map[*Run]struct{}{from: {}}
	for open := []*Run{from}; len(open) > 0; {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		for next := range waits.edges[at] {
			if next == to {
				return true
			}
			if _, seen := visited[next]; !seen {
				visited[next] = struct{}{}
				open = append(open, next)
			}
		}
	}
	return false
}
