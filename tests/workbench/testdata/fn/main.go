// Command fn is the function that the browser's test develops.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/adapter"
	_ "github.com/stillwarm/stillwarm/backends/redis"
	"github.com/stillwarm/stillwarm/lambda"
)

type question struct{ City, Token string }

type weather struct {
	City  string
	Highs []int
	Made  time.Time
}

var (
	forecast = adapter.CacheData(ask, adapter.TTL("1h"))
	station  = adapter.CacheResource(open, adapter.Validate(func(context.Context, *string) bool { return true }))
)

func ask(_ context.Context, q question) (weather, error) {
	return weather{City: q.City, Highs: []int{21, 23}, Made: time.Now()}, nil
}

func open(context.Context, adapter.None) (*string, error) {
	name := "station"
	return &name, nil
}

func handle(ctx context.Context, r events.LambdaFunctionURLRequest) (string, error) {
	if _, err := station.Get(ctx, adapter.None{}); err != nil {
		return "", err
	}
	w, err := forecast.Get(ctx, question{City: r.RawPath, Token: "hidden"})
	return fmt.Sprintf("%s %v %s", w.City, w.Highs, version), err
}

func main() { lambda.Start(handle) }
