package price

import (
	"math"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/tests/simulate/fleet"
)

// TestBills holds bills against sums that were worked out on paper.
func TestBills(t *testing.T) {
	prices := Prices{
		LambdaGBSecond: 0.00001, S3Get: 0.0004, S3Put: 0.005, ExpressGet: 0.0001, ExpressPut: 0.001,
		ServerlessUnits: 0.002, ServerlessHour: 0.08, ServerlessGB: 0.1, NodeHour: 0.5, Nodes: 2,
	}
	sc := fleet.Base()
	sc.Day, sc.Days, sc.Keys = time.Hour, 2, 1
	r := &fleet.Result{
		Scenario: sc, Calls: 1000, Runs: 100, InGet: 90 * time.Second, AfterResponse: 10 * time.Second, InRuns: 40 * time.Second,
		Operations: fleet.Operations{Reads: 2000, Writes: 300, Units: 5000},
	}
	a := Assumptions{MemoryGB: 0.5}
	// 100 s at half a gigabyte for a thousand calls: $0.0005, so $0.50 for a million.
	const compute = 0.5
	for _, test := range []struct {
		service Service
		backend float64
	}{
		{Nothing, 0},
		{S3, 1000 * (2*0.0004 + 0.3*0.005)},
		{S3Express, 1000 * (2*0.0001 + 0.3*0.001)},
		{Serverless, 1000 * (0.005*0.002 + 0.1*0.08*2)}, // two hours of the least storage
		{Node, 1000 * 2 * 0.5 * 2},
	} {
		t.Run(string(test.service), func(t *testing.T) {
			b := prices.Of(r, test.service, a)
			if !same(b.Compute, compute) || !same(b.Backend, test.backend) || !same(b.Total(), compute+test.backend) {
				t.Errorf("%+v, want compute %v and backend %v", b, compute, test.backend)
			}
		})
	}
	t.Run("the price of a run replaces the simulated runs", func(t *testing.T) {
		// 60 s are left without the runs: $0.30. A hundred thousand runs in a million calls at 2 GB-s: $2.
		if b := prices.AtRunPrice(r, Nothing, a, 2); !same(b.Compute, 0.3+2) {
			t.Errorf("compute %v, want 2.3", b.Compute)
		}
	})
	t.Run("without a cache every run is paid and nothing else", func(t *testing.T) {
		if b := prices.Without(500, 1000, 2*time.Second, a); !same(b.Total(), 0.5*1e6*2*0.5*0.00001) {
			t.Errorf("%+v", b)
		}
	})
	t.Run("no calls cost nothing", func(t *testing.T) {
		if b := prices.Of(&fleet.Result{}, S3, a); b.Total() != 0 {
			t.Errorf("%+v", b)
		}
	})
}

func same(a, b float64) bool { return math.Abs(a-b) < 1e-9*max(1, math.Abs(b)) }
