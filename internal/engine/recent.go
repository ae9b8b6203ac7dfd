package engine

import (
	"sync/atomic"
	"time"
)

// recentRuns remembers how long recent runs of a function took: the longest of them, where each later run that was shorter
// takes an eighth off the difference. The longest, because whoever waits for another container's run gives up after a
// quarter more than it is expected to take, and then the fleet runs twice.
type recentRuns struct{ nanoseconds atomic.Int64 }

// note is told of each run.
func (r *recentRuns) note(took time.Duration) {
	for {
		old := r.nanoseconds.Load()
		now := max(int64(took), old-(old-int64(took))/8, 1)
		if r.nanoseconds.CompareAndSwap(old, now) {
			return
		}
	}
}

// longest returns zero where nothing ran yet.
func (r *recentRuns) longest() time.Duration { return time.Duration(r.nanoseconds.Load()) }
