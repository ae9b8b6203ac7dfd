package bench

import (
	"fmt"
	"math/rand/v2"
	"time"
)

type role int

const (
	ours role = iota
	peer
	reference // what a goal compares with, where that is no rival: a bare client, an unwrapped handler
	floor
)

// A contender answers the question of a contest. It has a loop, for what takes nanoseconds, or once, for what takes longer.
type contender struct {
	name string
	role role
	// lacks says what a caller would have to add to get what ours gives; empty for nothing that matters here.
	lacks string
	// shared: it hands out memory that others have too.
	shared     bool
	goroutines int // of its loop; zero: the contest's
	loop       func(n int)
	once       func() (time.Duration, error)
}

// A contest is one question with all who answer it.
type contest struct {
	id, title  string
	section    string
	goroutines int // of a loop; zero is one
	each       int // slow operations in one sample; zero is one
	rounds     int // zero: as many as the run has
	contenders []contender
	goals      []goal
	close      func()
}

// A goal is what ours must reach in a contest.
type goal struct {
	id    string // after the contest's id, in the lines of a quick run
	text  string
	limit float64
	value func(r *result) float64
}

// A result has the samples of each contender, one a round.
type result struct {
	*contest
	samples [][]sample // by contender
}

// pace says how long a run may take.
type pace struct {
	rounds   int
	sample   time.Duration // of a loop
	share    float64       // of the slow operations in each sample
	deadline time.Time
}

func (p pace) over() bool { return !p.deadline.IsZero() && time.Now().After(p.deadline) }

// hold runs the contest.
func (c *contest) hold(p pace) (*result, error) {
	r := &result{contest: c, samples: make([][]sample, len(c.contenders))}
	if c.close != nil {
		defer c.close()
	}
	counts := make([]int, len(c.contenders))
	for i, who := range c.contenders {
		if who.loop != nil {
			counts[i] = calibrate(who.loop, p.sample)
			continue
		}
		counts[i] = max(1, int(float64(c.each)*p.share))
		if _, err := who.once(); err != nil { // connects, fills pools
			return nil, fmt.Errorf("%s: %s: %w", c.id, who.name, err)
		}
	}
	rounds := p.rounds
	if c.rounds > 0 {
		rounds = max(3, int(float64(c.rounds)*p.share))
	}
	for round := range rounds {
		if round >= 3 && p.over() {
			break
		}
		for _, at := range rand.Perm(len(c.contenders)) {
			who := &c.contenders[at]
			s, err := who.sample(counts[at], max(1, c.goroutines, who.goroutines))
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", c.id, who.name, err)
			}
			r.samples[at] = append(r.samples[at], s)
		}
	}
	return r, nil
}

func (c *contender) sample(n, goroutines int) (sample, error) {
	if c.loop != nil {
		return measureLoop(c.loop, n, goroutines), nil
	}
	return measureOnce(c.once, n)
}

// of picks one figure of each sample of a contender.
func (r *result) of(i int, figure func(sample) float64) []float64 {
	all := make([]float64, len(r.samples[i]))
	for j, s := range r.samples[i] {
		all[j] = figure(s)
	}
	return all
}

func byTime(s sample) float64   { return s.time }
func byAllocs(s sample) float64 { return s.allocs }

// index returns the first contender with the role and, where one is given, the name; -1 if there is none.
func (r *result) index(want role, name string) int {
	for i, c := range r.contenders {
		if c.role == want && (name == "" || c.name == name) {
			return i
		}
	}
	return -1
}

// bestPeer is the fastest peer that gives what ours gives; -1 if there is none.
func (r *result) bestPeer() int {
	best, time := -1, 0.0
	for i, c := range r.contenders {
		if c.role != peer || c.shared {
			continue
		}
		if t := median(r.of(i, byTime)); best < 0 || t < time {
			best, time = i, t
		}
	}
	return best
}

// ratio is the median over the rounds of ours to another's figure.
func (r *result) ratio(to int, figure func(sample) float64) float64 {
	mine, other := r.of(r.index(ours, ""), figure), r.of(to, figure)
	all := make([]float64, 0, len(mine))
	for i := range min(len(mine), len(other)) {
		if other[i] > 0 {
			all = append(all, mine[i]/other[i])
		}
	}
	return median(all)
}

// within is a goal for the time itself; its value is a share of the limit.
func within(limit time.Duration) goal {
	return goal{
		id: "of-" + duration(float64(limit)), text: "<= " + duration(float64(limit)), limit: 1,
		value: func(r *result) float64 { return median(r.of(r.index(ours, ""), byTime)) / float64(limit) },
	}
}

// over is a goal for the time, relative to another contender.
func over(who role, name, label string, limit float64) goal {
	return goal{
		id: "time/" + label, text: fmt.Sprintf("time <= %.2fx %s", limit, label), limit: limit,
		value: func(r *result) float64 { return r.ratio(r.index(who, name), byTime) },
	}
}

// cpuOver is a goal for the processor time, relative to another contender.
func cpuOver(who role, name, label string, limit float64) goal {
	return goal{
		id: "cpu/" + label, text: fmt.Sprintf("CPU <= %.2fx %s", limit, label), limit: limit,
		value: func(r *result) float64 { return totalCPU(r, r.index(ours, "")) / totalCPU(r, r.index(who, name)) },
	}
}

// totalCPU is a sum because the system counts processor time in steps that are longer than one sample.
func totalCPU(r *result, i int) (sum float64) {
	for _, s := range r.samples[i] {
		sum += s.cpu
	}
	return sum / float64(len(r.samples[i]))
}

// allocsAtMost is a goal for the allocations of one operation.
func allocsAtMost(limit float64) goal {
	return goal{
		id: "allocs", text: fmt.Sprintf("allocations <= %.0f", limit), limit: limit,
		value: func(r *result) float64 { return settled(median(r.of(r.index(ours, ""), byAllocs))) },
	}
}

// allocsOver is a goal for the allocations of one operation beyond those of another contender.
func allocsOver(who role, name, label string, limit float64) goal {
	return goal{
		id: "allocs-beyond/" + label, text: fmt.Sprintf("allocations <= %s + %.0f", label, limit), limit: limit,
		value: func(r *result) float64 {
			mine, other := median(r.of(r.index(ours, ""), byAllocs)), median(r.of(r.index(who, name), byAllocs))
			return max(0, settled(mine)-settled(other))
		},
	}
}

// settled takes out what the runtime and the pools allocate now and then: it is no part of an operation.
func settled(allocs float64) float64 { return float64(int(allocs + 0.05)) }

// ahead is the goal to be faster than every peer that gives the same.
func ahead() goal {
	return goal{
		id: "time/best-peer", text: "ahead of every peer", limit: goalPeers,
		value: func(r *result) float64 { return r.ratio(r.bestPeer(), byTime) },
	}
}
