// A function whose HTTP answers Stillwarm caches, in memory and in Redis where one is configured.
package main

import (
	_ "github.com/stillwarm/stillwarm/backends/redis"
	"github.com/stillwarm/stillwarm/lambda"
	"github.com/stillwarm/stillwarm/tests/bench/functions/site"
)

func main() { lambda.Start(lambda.CacheHTTP(site.Serve)) }
