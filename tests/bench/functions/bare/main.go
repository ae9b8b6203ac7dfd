// A function without a cache.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/stillwarm/stillwarm/tests/bench/functions/handler"
)

func main() { lambda.Start(handler.Fetch) }
