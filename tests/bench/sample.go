package bench

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// A sample is what one operation took, in one round: the mean of many in a tight loop, or the median of a few slow ones.
type sample struct {
	time   float64 // nanoseconds
	cpu    float64 // nanoseconds of this process
	allocs float64
	bytes  float64
}

// usage is what this process has used so far.
type usage struct {
	cpu           time.Duration
	allocs, bytes uint64
}

func used() usage {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail for the process itself
	return usage{time.Duration(u.Utime.Nano() + u.Stime.Nano()), m.Mallocs, m.TotalAlloc}
}

func (s *sample) account(before, after usage, n float64) {
	s.cpu = float64(after.cpu-before.cpu) / n
	s.allocs = float64(after.allocs-before.allocs) / n
	s.bytes = float64(after.bytes-before.bytes) / n
}

// measureLoop takes one sample of n runs of a fast operation, spread over goroutines.
func measureLoop(loop func(n int), n, goroutines int) sample {
	each := (n + goroutines - 1) / goroutines
	n = each * goroutines
	// The garbage of the contender before is not this one's, and neither is it this one's fault that the heap is laid out
	// for the other: memory that is used for the first time costs several times as much.

	runtime.GC()
	loop(n/2 + 1)
	before := used()
	start := time.Now()
	if goroutines <= 1 {
		loop(n)
	} else {
		var all sync.WaitGroup
		for range goroutines {
			all.Go(func() { loop(each) })
		}
		all.Wait()
	}
	took := time.Since(start)
	s := sample{time: float64(took) / float64(n)}
	s.account(before, used(), float64(n))
	return s
}

// calibrate returns how many runs of the loop take about as long as asked.
func calibrate(loop func(n int), want time.Duration) int {
	n := 1
	loop(1) // the first run may fault memory in or fill pools
	for {
		start := time.Now()
		loop(n)
		took := time.Since(start)
		if took >= want/4 || n >= 1<<28 {
			for range 2 { // this process may have had to wait for others
				start = time.Now()
				loop(n)
				took = min(took, time.Since(start))
			}
			if took < want/8 && n < 1<<28 {
				continue
			}
			return max(1, int(float64(n)*float64(want)/float64(max(took, 1))))
		}
		n *= 2
	}
}

// measureOnce takes one sample of k runs of a slow operation that says itself how long it took.
func measureOnce(once func() (time.Duration, error), k int) (sample, error) {
	times := make([]float64, k)
	runtime.GC()
	before := used()
	for i := range times {
		took, err := once()
		if err != nil {
			return sample{}, err
		}
		times[i] = float64(took)
	}
	s := sample{time: median(times)}
	s.account(before, used(), float64(k))
	return s, nil
}

// timed makes an operation say how long it took.
func timed(op func() error) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		start := time.Now()
		err := op()
		return time.Since(start), err
	}
}

func median(v []float64) float64 { return quantile(v, 0.5) }

// spread is half the distance between the quartiles, as a share of the median.
func spread(v []float64) float64 {
	m := median(v)
	if m == 0 {
		return 0
	}
	return (quantile(v, 0.75) - quantile(v, 0.25)) / 2 / m
}

func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(v))
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}
