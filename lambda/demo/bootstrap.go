package main

import (
	"context"
	"math"
	"math/rand/v2"
)

// resamples is how many months are made up for one answer. It makes the answer's standard error at most 0.0004, and
// takes some 300 ms: long enough to be worth a cache. Only tests change it.
var resamples = 2_000_000

// odds is a probability and how sure it is.
type odds struct {
	probability   float64
	standardError float64 // of the bootstrap; the four years themselves are a small sample
}

// bootstrap estimates the probability that a month of the given length has at least so many rainy days. It makes up
// months by drawing days with replacement from those that were observed, and counts. The same arguments give the same
// result: the random numbers are seeded from the month and the threshold.
func bootstrap(ctx context.Context, days []day, length, month, atLeast, resamples int) (odds, error) {
	const checked = 1 << 14 // months between two looks at the context
	rng := rand.New(rand.NewPCG(uint64(month), uint64(atLeast)))
	rain := rainOf(days)
	n := uint32(len(rain))
	hits := 0
	for i := range resamples {
		if i%checked == 0 && ctx.Err() != nil {
			return odds{}, ctx.Err()
		}
		rainy := 0
		for range length {
			rainy += int(rain[rng.Uint32N(n)])
		}
		if rainy >= atLeast {
			hits++
		}
	}
	p := float64(hits) / float64(resamples)
	return odds{probability: p, standardError: math.Sqrt(p * (1 - p) / float64(resamples))}, nil
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
