package main

import (
	"context"
	"math"
	"math/rand/v2"
)

// resamples is how many months are made up for one month of the year. It makes the answer's standard error at most 0.0004,
// and takes some 300 ms: long enough to be worth a cache. Only tests change it.
var resamples = 2_000_000

// distribution is how many of the made-up months had so many rainy days, by number of days.
type distribution []int

// odds is a probability and how sure it is.
type odds struct {
	probability   float64
	standardError float64 // of the bootstrap; the four years themselves are a small sample
}

// atLeast returns the probability of at least so many rainy days.
func (d distribution) atLeast(days int) odds {
	hits, all := 0, 0
	for n, months := range d {
		all += months
		if n >= days {
			hits += months
		}
	}
	p := float64(hits) / float64(all)
	return odds{probability: p, standardError: math.Sqrt(p * (1 - p) / float64(all))}
}

// bootstrap makes up months of the given length by drawing days with replacement from those that were observed, and counts
// their rainy days. The same arguments give the same result: the random numbers are seeded from the month.
func bootstrap(ctx context.Context, days []day, length, month, resamples int) (distribution, error) {
	const checked = 1 << 14 // months between two looks at the context
	rng := rand.New(rand.NewPCG(uint64(month), 1))
	rain := rainOf(days)
	n := uint32(len(rain))
	counts := make(distribution, length+1)
	for i := range resamples {
		if i%checked == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		rainy := 0
		for range length {
			rainy += int(rain[rng.Uint32N(n)])
		}
		counts[rainy]++
	}
	return counts, nil
}

// rainOf returns 1 for each day with rain and 0 for the others: a byte each stays in the processor's nearest cache.
func rainOf(days []day) []byte {
	rain := make([]byte, len(days))
	for i, d := range days {
		if d.rainy() {
			rain[i] = 1
		}
	}
	return rain
}
