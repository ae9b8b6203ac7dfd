// Command demo is a small weather service on four years of Seattle's weather, and shows what Stillwarm does for a
// Lambda function: an HTTP cache in front of the handler, cached functions and a cached resource inside it, and a field that
// says where each answer came from.
//
// It answers API Gateway's HTTP API and function URLs (payload format 2.0):
//
//	GET /                                  a page to try the others
//	GET /rain-odds?month=7&days=10         how probable ten rainy days in a July are, by a bootstrap over the real days
//	GET /rain-odds.svg?month=7&days=10     the same as a chart
//	GET /summary?year=2014&month=7         what one month was like
//	GET /fail                              a run that fails: never cached
//
// The data: daily observations by NOAA, a work of the United States government, as published in the npm package
// vega-datasets 3.2.1 (data/seattle-weather.csv).
package main

import "github.com/stillwarm/stillwarm/lambda"

func main() {
	configure()
	lambda.StartHandlerFunc(logged(lambda.CacheHTTP(serve)))
}
