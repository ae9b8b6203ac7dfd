// A function that Stillwarm caches in memory, in Redis and in S3: tiers.
package main

import (
	"github.com/stillwarm/stillwarm/adapter"
	_ "github.com/stillwarm/stillwarm/backends/redis"
	_ "github.com/stillwarm/stillwarm/backends/s3"
	_ "github.com/stillwarm/stillwarm/backends/tiered"
	"github.com/stillwarm/stillwarm/lambda"
	"github.com/stillwarm/stillwarm/tests/bench/functions/handler"
)

var fetch = adapter.CacheData(handler.Fetch, adapter.TTL("1h"))

func main() { lambda.Start(fetch.Get) }
