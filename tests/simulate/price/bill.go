package price

import (
	"time"

	"github.com/stillwarm/stillwarm/tests/simulate/fleet"
)

// Assumptions are what a bill needs besides prices and counts.
type Assumptions struct {
	MemoryGB float64 // of the Lambda function
	ValueKB  float64 // of an entry
}

// Usual are the assumptions of the report.
var Usual = Assumptions{MemoryGB: 0.5, ValueKB: 1}

const (
	million      = 1e6
	monthHours   = 730.0
	kbInGB       = 1 << 20
	perThousand  = 1e-3
	secondsOfAnH = 3600.0
)

// Bill is what a million calls cost beyond the handler's own work: what the cached function adds.
type Bill struct {
	Compute float64 // Lambda's duration, in the function, in the cache and in work after the response
	Backend float64 // requests, storage and nodes
}

// Total is the sum.
func (b Bill) Total() float64 { return b.Compute + b.Backend }

// Service says which service a backend is bought as: a Redis can be bought in two ways.
type Service string

// The services that a bill can be made for.
const (
	Nothing    Service = "nothing"
	S3         Service = "S3 Standard"
	S3Express  Service = "S3 Express One Zone"
	Serverless Service = "ElastiCache Serverless (Valkey)"
	Node       Service = "ElastiCache, two nodes (Valkey)"
)

// Of returns the bill of a simulated fleet for a million calls.
func (p Prices) Of(r *fleet.Result, s Service, a Assumptions) Bill {
	if r.Calls == 0 {
		return Bill{}
	}
	scale := million / float64(r.Calls)
	hours := r.Scenario.Length().Seconds() / secondsOfAnH
	return Bill{
		Compute: p.compute(r.Billed(), a) * scale,
		Backend: p.backend(r, s, a, hours) * scale,
	}
}

// Without returns the bill for a million calls of which a number run the function, and nothing else costs anything.
func (p Prices) Without(runs, calls int64, run time.Duration, a Assumptions) Bill {
	if calls == 0 {
		return Bill{}
	}
	return Bill{Compute: p.compute(run, a) * float64(runs) / float64(calls) * million}
}

func (p Prices) compute(d time.Duration, a Assumptions) float64 {
	return d.Seconds() * a.MemoryGB * p.LambdaGBSecond
}

func (p Prices) backend(r *fleet.Result, s Service, a Assumptions, hours float64) float64 {
	o := r.Operations
	stored := float64(r.Scenario.Keys) * a.ValueKB / kbInGB
	switch s {
	case S3:
		return perThousand*(float64(o.Reads)*p.S3Get+float64(o.Writes)*p.S3Put) + stored*p.S3Month*hours/monthHours
	case S3Express:
		read := float64(o.Get) * a.ValueKB / kbInGB
		written := float64(o.Put) * a.ValueKB / kbInGB
		return perThousand*(float64(o.Reads)*p.ExpressGet+float64(o.Writes)*p.ExpressPut) +
			read*p.ExpressRead + written*p.ExpressUpload + stored*p.ExpressMonth*hours/monthHours
	case Serverless:
		return float64(o.Units)/million*p.ServerlessUnits + max(stored, p.ServerlessGB)*p.ServerlessHour*hours
	case Node:
		return p.Nodes * p.NodeHour * hours
	}
	return 0
}

// AtRunPrice returns the bill as it would be if one run took so many GB-seconds: what the cache itself takes and sends
// stays as it was counted.
func (p Prices) AtRunPrice(r *fleet.Result, s Service, a Assumptions, gbSeconds float64) Bill {
	b := p.Of(r, s, a)
	scale := million / float64(max(1, r.Calls))
	b.Compute = p.compute(r.Billed()-r.InRuns, a)*scale + float64(r.Runs)*scale*gbSeconds*p.LambdaGBSecond
	return b
}
