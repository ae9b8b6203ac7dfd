// Command warm-up serves reports. A schedule sends the names of those that must always be at hand, so that no user waits
// for them.
package main

import (
	"context"
	"fmt"

	"github.com/stillwarm/stillwarm/adapter"
	_ "github.com/stillwarm/stillwarm/backends/s3"
	"github.com/stillwarm/stillwarm/lambda"
)

// A request asks for one report, or names reports to have ready: the schedule's constant input.
type request struct {
	Report string   `json:"report"`
	WarmUp []string `json:"warmUp"`
}

var reports = adapter.CacheData(makeReport,
	adapter.TTL("6h"),
	adapter.RefreshAhead(0.5)) // the schedule finds entries in the second half of their life, and renews them

// makeReport stands in for a minute of work.
func makeReport(_ context.Context, name string) (string, error) { return "the report " + name, nil }

func handle(ctx context.Context, r request) (string, error) {
	if len(r.WarmUp) == 0 {
		return reports.Get(ctx, r.Report)
	}
	if _, err := reports.GetAll(ctx, r.WarmUp); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d reports are warm", len(r.WarmUp)), nil
}

func main() { lambda.Start(handle) }
