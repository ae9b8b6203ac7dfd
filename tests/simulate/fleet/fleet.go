package fleet

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
)

// fleet is a simulation under way.
type fleet struct {
	sc    Scenario
	cloud *cloud
	runs  atomic.Int64
	ran   atomic.Int64 // nanoseconds

	mu          sync.Mutex
	idle        []*container // the one that was used last is at the end
	alive, busy int
	result      Result
	err         error
}

// run places every call on a container and returns what was counted. It must be called inside a bubble.
func run(sc Scenario, calls iter.Seq[Call]) (*Result, error) {
	f := &fleet{sc: sc, cloud: newCloud(), result: Result{Scenario: sc}}
	var work sync.WaitGroup
	begin := time.Now()
	for call := range calls {
		time.Sleep(time.Until(begin.Add(call.At)))
		c := f.place()
		work.Go(func() {
			if err := c.serve(call); err != nil {
				f.fail(err)
			}
			f.release(c)
		})
	}
	work.Wait()
	f.result.Runs = f.runs.Load()
	f.result.Refreshes = f.result.Runs - f.result.Misses
	f.result.InRuns = time.Duration(f.ran.Load())
	f.result.Operations = f.cloud.ops
	f.result.finish()
	return &f.result, errors.Join(f.err, f.result.Check())
}

// client returns a new container's client of the backend, or nil where there is none.
func (f *fleet) client() backends.PersistenceManager {
	if f.sc.Tiers == MemoryOnly {
		return nil
	}
	return &manager{cloud: f.cloud, link: links[f.sc.Tiers], noLeases: f.sc.NoLeases}
}

// function is the one that is cached.
func (f *fleet) function(ctx context.Context, key int) (value, error) {
	f.runs.Add(1)
	made := time.Now()
	d, _ := ctx.Value(runTime{}).(time.Duration)
	time.Sleep(d)
	f.ran.Add(int64(d))
	return value{Key: key, Made: made}, nil
}

// place returns the idle container that was used last, or a new one, and ends those that were idle for too long.
func (f *fleet) place() *container {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := 0
	for old < len(f.idle) && time.Since(f.idle[old].idleSince) > f.sc.Idle {
		f.idle[old] = nil
		old++
	}
	f.idle = f.idle[old:]
	f.alive -= old
	f.busy++
	f.result.PeakBusy = max(f.result.PeakBusy, f.busy)
	if last := len(f.idle) - 1; last >= 0 {
		c := f.idle[last]
		f.idle = f.idle[:last]
		return c
	}
	f.alive++
	f.result.ColdStarts++
	f.result.PeakContainers = max(f.result.PeakContainers, f.alive)
	return &container{fleet: f}
}

// release makes the container an idle one.
func (f *fleet) release(c *container) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	c.idleSince = time.Now()
	f.idle = append(f.idle, c)
}

func (f *fleet) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = errors.Join(f.err, err)
}

// record counts the end of a call.
func (f *fleet) record(o outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &f.result
	r.Calls++
	r.InGet += o.inGet
	r.AfterResponse += o.afterwards
	r.Oldest = max(r.Oldest, o.age)
	r.waits = append(r.waits, float32(o.inGet.Seconds()))
	if o.failed {
		r.Failed++
	}
	if o.wrong {
		r.Wrong++
	}
	*r.count(o.ending)++
}

// count returns the count that a call belongs to.
func (r *Result) count(o ending) *int64 {
	switch {
	case o.ran:
		return &r.Misses
	case o.waited:
		return &r.Waited
	case o.tier == adapter.TierMemory && o.stale:
		return &r.MemoryStale
	case o.tier == adapter.TierMemory:
		return &r.MemoryHits
	case o.stale:
		return &r.RemoteStale
	}
	return &r.RemoteHits
}
