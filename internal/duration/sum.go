package duration

import (
	"math"
	"time"
)

// Add returns a plus b, or the longest or shortest duration where that is beyond it: sums of durations never overflow.
func Add(a, b time.Duration) time.Duration {
	sum := a + b
	switch {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	}
	return sum
}

// Sum returns the sum of the durations, as [Add] does.
func Sum(all ...time.Duration) (total time.Duration) {
	for _, d := range all {
		total = Add(total, d)
	}
	return total
}
