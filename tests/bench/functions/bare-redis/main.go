// A function that has a go-redis client and asks it before it works: what one would write without Stillwarm.
package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/redis/go-redis/v9"

	"github.com/stillwarm/stillwarm/tests/bench/functions/handler"
)

var client = redis.NewClient(&redis.Options{Addr: os.Getenv("BENCH_REDIS")})

func fetch(ctx context.Context, q handler.Query) (handler.Quote, error) {
	var out handler.Quote
	if data, err := client.Get(ctx, q.Symbol).Bytes(); err == nil {
		return out, json.Unmarshal(data, &out)
	}
	out, err := handler.Fetch(ctx, q)
	if err != nil {
		return out, err
	}
	data, err := json.Marshal(out)
	if err != nil {
		return out, err
	}
	return out, client.Set(ctx, q.Symbol, data, 0).Err()
}

func main() { lambda.Start(fetch) }
