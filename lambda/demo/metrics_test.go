package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/lambda/internal/runtimeapitest"
)

func TestDemoWritesMetricsWhereTheEnvironmentAsksForThem(t *testing.T) {
	s, p := start(t, "DEMO_METRICS=emf", "AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_LOG_LEVEL=WARN")
	for _, other := range []string{"1", "2"} { // for another URL HTTP's cache asks the handler
		done := s.Send(httpEvent(t, "/summary", "year", "2014", "month", "7", "other", other))
		if res := httpAnswer(t, done); res.StatusCode != 200 {
			t.Fatalf("%d: %s", res.StatusCode, res.Body)
		}
		runtimeapitest.Wait(t, "the end of the invocation", done.Done())
	}
	var hits, misses int
	for line := range strings.Lines(p.Log()) {
		var m struct {
			AWS            any `json:"_aws"`
			Level          string
			CachedFunction string
			Hits, Misses   int
		}
		if json.Unmarshal([]byte(line), &m) != nil || m.AWS == nil || m.CachedFunction != summaries.Name() {
			continue
		}
		if m.Level != "WARN" {
			t.Errorf("Lambda would drop %s", line)
		}
		hits, misses = hits+m.Hits, misses+m.Misses
	}
	if hits != 1 || misses != 1 {
		t.Errorf("%d hits and %d misses in\n%s", hits, misses, p.Log())
	}
}
