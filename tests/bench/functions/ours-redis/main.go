// A function that Stillwarm caches in memory and in Redis.
package main

import (
	"github.com/stillwarm/stillwarm/adapter"
	_ "github.com/stillwarm/stillwarm/backends/redis"
	"github.com/stillwarm/stillwarm/lambda"
	"github.com/stillwarm/stillwarm/tests/bench/functions/handler"
)

var fetch = adapter.CacheData(handler.Fetch, adapter.TTL("1h"))

func main() { lambda.Start(fetch.Get) }
