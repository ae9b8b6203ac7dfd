package otel

import "context"

// FlushAfter is what runs after a response.
func FlushAfter(ctx context.Context, t *Telemetry) { t.flushAfter(ctx) }
