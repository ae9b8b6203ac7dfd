package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
)

// binomialTail is the exact probability of at least k successes in n draws. Days are drawn independently and with
// replacement, so this is what the bootstrap estimates.
func binomialTail(n, k int, p float64) float64 {
	lgamma := func(v int) float64 { l, _ := math.Lgamma(float64(v) + 1); return l }
	sum := 0.0
	for i := k; i <= n; i++ {
		sum += math.Exp(lgamma(n) - lgamma(i) - lgamma(n-i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

func TestBootstrapAgreesWithTheExactProbability(t *testing.T) {
	const n = 100_000
	set := open(t)
	for _, tt := range []struct{ month, atLeast int }{{1, 16}, {2, 0}, {2, 28}, {4, 15}, {7, 3}, {7, 5}, {8, 10}, {11, 18}, {12, 24}} {
		t.Run(fmt.Sprintf("month %d, %d days", tt.month, tt.atLeast), func(t *testing.T) {
			days, err := set.month(0, tt.month)
			if err != nil {
				t.Fatal(err)
			}
			rainy := 0
			for _, d := range days {
				if d.precipitation > 0 {
					rainy++
				}
			}
			length := daysIn(tt.month)
			want := binomialTail(length, tt.atLeast, float64(rainy)/float64(len(days)))
			made, err := bootstrap(t.Context(), days, length, tt.month, n)
			if err != nil {
				t.Fatal(err)
			}
			got := made.atLeast(tt.atLeast)
			standardError := math.Sqrt(want * (1 - want) / n)
			if math.Abs(got.probability-want) > 5*standardError+1e-6 {
				t.Errorf("estimated %.5f, exact is %.5f (standard error %.5f)", got.probability, want, standardError)
			}
			if math.Abs(got.standardError-standardError) > 0.2*standardError+1e-4 {
				t.Errorf("claims a standard error of %.6f, it is %.6f", got.standardError, standardError)
			}
		})
	}
}

func TestBootstrapIsReproducible(t *testing.T) {
	days, err := open(t).month(0, 11)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := bootstrap(t.Context(), days, 30, 11, 5000)
	second, _ := bootstrap(t.Context(), days, 30, 11, 5000)
	if !slices.Equal(first, second) {
		t.Errorf("the same arguments gave %v and %v", first, second)
	}
}

func TestBootstrapStopsWithItsContext(t *testing.T) {
	days, err := open(t).month(0, 11)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := bootstrap(ctx, days, 30, 11, resamples); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
