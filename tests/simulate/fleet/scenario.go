package fleet

import (
	"errors"
	"fmt"
	"time"
)

// Tiers says where the results of the cached function are kept.
type Tiers string

// What a scenario can keep results in.
const (
	MemoryOnly Tiers = "per container" // each container's own memory
	Redis      Tiers = "Redis"
	S3         Tiers = "S3"
	S3Express  Tiers = "S3 Express"
)

// Scenario describes a fleet and what is asked of it. The zero value of no field is a default: [Base] is the scenario
// that the others are variations of.
type Scenario struct {
	Name  string
	Tiers Tiers
	// NoLeases takes the leases away from the backend, so that containers that miss together all run.
	NoLeases bool

	// Fleet is how many containers the handler's own work keeps busy at the peak of the day.
	Fleet int
	// Day is the period of the load, and Days how many of them are simulated.
	Day  time.Duration
	Days int
	// Low is the load in the quietest moment of the day as a share of the peak.
	Low float64

	Keys     int           // arguments that are asked for
	Zipf     float64       // exponent of their popularity
	TTL      time.Duration // of a result
	StaleFor time.Duration // stale window behind the ttl; zero: none
	Ahead    float64       // share of the ttl after which a hit starts a refresh; zero: none

	// Batch is how many keys a call asks for: its own and its neighbours, as a page asks for the prices that it shows.
	// Zero is one. With OneByOne it asks for them one after the other, else by one GetAll.
	Batch    int
	OneByOne bool

	Before   time.Duration // the handler's own work before it asks the cached function, on average
	After    time.Duration // and after it, until the response
	Run      time.Duration // a run of the cached function, on average
	Cold     time.Duration // a cold start
	Idle     time.Duration // how long an idle container lives
	Deadline time.Duration // of an invocation

	Seed uint64
}

// Base is the scenario that the report varies: a thousand containers, ten thousand keys, a ttl of two minutes, and a
// function of 400 ms in a handler that does four seconds of other work.
func Base() Scenario {
	return Scenario{
		Name: "base", Tiers: Redis,
		Fleet: 1000, Day: 10 * time.Minute, Days: 1, Low: 0.2,
		Keys: 10_000, Zipf: 1, TTL: 2 * time.Minute,
		Before: 2 * time.Second, After: 2 * time.Second, Run: 400 * time.Millisecond,
		Cold: 150 * time.Millisecond, Idle: time.Minute, Deadline: 30 * time.Second,
		Seed: 1,
	}
}

// Peak is the number of calls a second at the peak of the day.
func (s Scenario) Peak() float64 { return float64(s.Fleet) / (s.Before + s.After).Seconds() }

// Length is how long the simulation lasts, in virtual time, until the last arrival.
func (s Scenario) Length() time.Duration { return time.Duration(s.Days) * s.Day }

// Check returns what is wrong with the scenario.
func (s Scenario) Check() error {
	var errs []error
	bad := func(wrong bool, what string) {
		if wrong {
			errs = append(errs, fmt.Errorf("scenario %q: %s", s.Name, what))
		}
	}
	bad(s.Fleet < 1 || s.Keys < 1 || s.Days < 1, "Fleet, Keys and Days must be at least 1")
	bad(s.Day <= 0 || s.TTL <= 0 || s.Run <= 0, "Day, TTL and Run must be longer than zero")
	bad(s.Before+s.After <= 0, "the handler must have work of its own: it decides how many containers are busy")
	bad(s.Low < 0 || s.Low > 1, "Low must be between 0 and 1")
	bad(s.Batch < 0 || s.Batch > 1 && s.Keys%s.Batch != 0, "Batch must divide Keys")
	bad(s.Batch > 1 && s.Tiers != Redis && s.Tiers != MemoryOnly, "batches are simulated with Redis only")
	bad(s.Ahead < 0 || s.Ahead >= 1, "Ahead must be a share of the ttl")
	bad(s.Zipf < 0, "Zipf must not be negative")
	bad(s.Idle <= 0 || s.Deadline <= 0, "Idle and Deadline must be longer than zero")
	switch s.Tiers {
	case MemoryOnly, Redis, S3, S3Express:
	default:
		bad(true, fmt.Sprintf("unknown Tiers %q", s.Tiers))
	}
	return errors.Join(errs...)
}
