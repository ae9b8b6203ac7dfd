package main

import (
	"log/slog"
	"os"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/telemetry/emf"
)

// configure turns on what the environment asks for: DEMO_METRICS=emf writes metrics of the cache to the log. What it
// cannot do it says in the log and goes on without.
func configure() {
	switch kind := os.Getenv("DEMO_METRICS"); kind {
	case "":
	case "emf":
		metrics, err := emf.New(emf.Options{Level: os.Getenv("AWS_LAMBDA_LOG_LEVEL"), Functions: []string{rainyDays.Name(), summaries.Name()}})
		if err == nil {
			err = adapter.Configure(adapter.Config{Observer: metrics.Observe})
		}
		if err != nil {
			slog.Error("demo: no metrics", "error", err.Error())
		}
	default:
		slog.Error("demo: DEMO_METRICS must be emf or empty", "value", kind)
	}
}
