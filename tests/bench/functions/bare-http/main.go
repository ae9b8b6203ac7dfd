// A function that serves HTTP without a cache.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/stillwarm/stillwarm/tests/bench/functions/site"
)

func main() { lambda.Start(site.Serve) }
