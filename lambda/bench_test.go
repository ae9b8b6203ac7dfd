package lambda_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/lambda/internal/runtimeapitest"
)

// BenchmarkInvocation measures one invocation as the Runtime API sees it, from the event to the next poll, for
// the same handler behind aws-lambda-go's Start and behind this package's. Both functions run the whole time and take
// turns, so that whatever else the machine does troubles both alike. p50 is what to compare.
func BenchmarkInvocation(b *testing.B) {
	const name = "bench: order"
	starters := []string{plain, ours}
	servers := make([]*runtimeapitest.Server, len(starters))
	for i, starter := range starters {
		s, err := runtimeapitest.NewServer()
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(s.Close)
		runtimeapitest.Run(b, s, envFunction+"="+name, envStarter+"="+starter)
		servers[i] = s
	}
	event := runtimeapitest.Event{Payload: []byte(payloads[0])}
	took := make([][]time.Duration, len(starters))
	for first := 0; b.Loop(); first = 1 - first {
		for _, i := range []int{first, 1 - first} {
			began := time.Now()
			<-servers[i].Send(event).Done()
			took[i] = append(took[i], time.Since(began))
		}
	}
	p50 := func(all []time.Duration) float64 {
		slices.Sort(all)
		return float64(all[len(all)/2].Nanoseconds()) / 1e3
	}
	bare, wrapped := p50(took[0]), p50(took[1])
	b.ReportMetric(bare, "bare-p50-µs")
	b.ReportMetric(wrapped, "wrapped-p50-µs")
	b.ReportMetric(wrapped/bare, "ratio")
}
