// Package price turns what a simulation counted into dollars.
package price

// Prices are what the parts of a bill cost, in US dollars.
type Prices struct {
	Source, Checked string // where they come from, and when they were written down

	LambdaGBSecond float64 // arm64, first tier
	LambdaMillion  float64 // requests

	S3Get, S3Put float64 // a thousand requests, S3 Standard
	S3Month      float64 // a gigabyte for a month

	ExpressGet, ExpressPut       float64 // a thousand requests, S3 Express One Zone
	ExpressUpload, ExpressRead   float64 // a gigabyte moved
	ExpressMonth                 float64 // a gigabyte for a month
	ServerlessUnits              float64 // a million ElastiCache processing units, Valkey
	ServerlessHour, ServerlessGB float64 // a gigabyte for an hour, and the least number of gigabytes billed
	NodeHour                     float64 // one cache.m7g.large with Valkey
	Nodes                        float64 // a primary and a replica
}

// Public are the list prices of the region us-east-1, without free tiers, discounts and taxes. Prices change and differ
// by region: check them before you decide anything by them.
var Public = Prices{
	Source: "AWS list prices, us-east-1, without free tiers and discounts", Checked: "November 2026",

	LambdaGBSecond: 0.0000133334, LambdaMillion: 0.20,
	S3Get: 0.0004, S3Put: 0.005, S3Month: 0.023,
	ExpressGet: 0.00003, ExpressPut: 0.00113, ExpressUpload: 0.0032, ExpressRead: 0.0006, ExpressMonth: 0.11,
	ServerlessUnits: 0.0023, ServerlessHour: 0.084, ServerlessGB: 0.1,
	NodeHour: 0.1264, Nodes: 2,
}
