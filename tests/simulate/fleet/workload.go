package fleet

import (
	"iter"
	"math"
	"math/rand/v2"
	"sort"
	"time"
)

// Call is one invocation as the client and chance decide it: the cache has no influence on it, so every scenario of one
// seed sees the same calls.
type Call struct {
	At            time.Duration // since the beginning
	Key           int           // 0 is the most popular
	Before, After time.Duration // the handler's own work around the cached function
	Run           time.Duration // what the function takes, should this call run it
}

// Calls returns the scenario's calls in the order of their arrival: a Poisson process whose rate follows the day.
func (s Scenario) Calls() iter.Seq[Call] {
	return func(yield func(Call) bool) {
		r := rand.New(rand.NewPCG(s.Seed, 0x5711)) //nolint:gosec // chance that can be repeated
		keys := newZipf(s.Keys, s.Zipf)
		peak := s.Peak()
		for at := 0.0; ; {
			// Thinning: arrivals at the peak's rate, of which the hour lets its share pass.
			at += r.ExpFloat64() / peak
			t := time.Duration(at * float64(time.Second))
			if t >= s.Length() {
				return
			}
			if r.Float64() >= s.Load(t) {
				continue
			}
			c := Call{
				At: t, Key: keys.draw(r.Float64()),
				Before: logNormal(r, s.Before), After: logNormal(r, s.After), Run: logNormal(r, s.Run),
			}
			if !yield(c) {
				return
			}
		}
	}
}

// Asked returns the keys that a call asks for.
func (s Scenario) Asked(c Call) []int {
	n := max(1, s.Batch)
	keys := make([]int, n)
	for i := range keys {
		keys[i] = c.Key/n*n + i
	}
	return keys
}

// Load is the share of the peak's rate at a time of the day, which begins and ends in its quietest moment.
func (s Scenario) Load(at time.Duration) float64 {
	phase := 2 * math.Pi * float64(at%s.Day) / float64(s.Day)
	return s.Low + (1-s.Low)*(1-math.Cos(phase))/2
}

// spread is the standard deviation of a duration as a share of its mean.
const spread = 0.5

// logNormal draws a duration around a mean: never negative, with a tail.
func logNormal(r *rand.Rand, mean time.Duration) time.Duration {
	sigma2 := math.Log(1 + spread*spread)
	return time.Duration(float64(mean) * math.Exp(r.NormFloat64()*math.Sqrt(sigma2)-sigma2/2))
}

// zipf draws ranks whose probability falls with a power of the rank. The generator of the standard library knows only
// exponents above one.
type zipf struct{ sums []float64 }

func newZipf(n int, exponent float64) zipf {
	z := zipf{sums: make([]float64, n)}
	sum := 0.0
	for i := range n {
		sum += math.Pow(float64(i+1), -exponent)
		z.sums[i] = sum
	}
	for i := range z.sums {
		z.sums[i] /= sum
	}
	return z
}

func (z zipf) draw(u float64) int {
	return min(sort.SearchFloat64s(z.sums, u), len(z.sums)-1)
}
