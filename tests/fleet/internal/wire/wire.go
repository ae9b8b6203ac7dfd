// Package wire is what the fleet tests and their worker processes say to each other: a [Setup] in the environment, then
// one [Command] a line on the worker's standard input and one [Reply] a line on its standard output, in order.
package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Env is the environment variable that holds the Setup as JSON.
const Env = "STILLWARM_FLEET_SETUP"

// Setup is how a worker caches and what its function does. Zero durations leave the library's defaults.
type Setup struct {
	Backend, Namespace, Version                            string
	BackendTimeout, LeaseTTL, MaxWait, TTL, Stale, NearTTL time.Duration
	MaxEntries                                             int
	// Run is how long the function takes.
	Run time.Duration
	// Runs is the file that gets a line for each beginning run, from all workers; empty for none.
	Runs string
	// Gate is a file: while it exists, runs that began wait for its removal. Empty for no gate.
	Gate string
}

// What a Command can ask for.
const (
	Get   = "get"   // Callers calls for Key at the wall-clock time At, each within Timeout; the reply has one Call for each
	Fill  = "fill"  // Count entries, whatever is cached
	Clear = "clear" // clears the function
	Load  = "load"  // Callers call in a loop over Keys keys each, with Pause in between, until the worker ends
	Phase = "phase" // ends a phase of the load and returns its Summary; the next one begins
	Look  = "look"  // returns the Summary of the phase so far
)

// Command is one line of a worker's standard input.
type Command struct {
	Do             string
	Key            string
	Callers, Count int
	Keys           int
	Pause          time.Duration
	Timeout        time.Duration // Get: each call's; zero for none
	At             int64         // nanoseconds since 1970; zero for at once
}

// Reply is one line of a worker's standard output.
type Reply struct {
	Error   string        `json:",omitempty"`
	Took    time.Duration `json:",omitempty"`
	Calls   []Call        `json:",omitempty"`
	Summary *Summary      `json:",omitempty"`
}

// Call is what one caller got.
type Call struct {
	Took time.Duration
	Run  string // which run the answer is from
	Err  string `json:",omitempty"`
	Bad  bool   `json:",omitempty"` // the answer is not that of the key
}

// Groups of calls in a Summary, by what happened to each.
const (
	Memory = "memory" // neither the backend was asked nor the function run
	Hit    = "hit"    // the backend answered with an entry
	Miss   = "miss"   // the backend answered, and the function ran
	Tried  = "tried"  // the backend was asked and failed
	Spared = "spared" // the breaker was open: the function ran without asking the backend
)

// Summary is what happened in one phase of a load.
type Summary struct {
	Length        time.Duration
	Calls         int
	Failed, Wrong int
	Groups        map[string]Figures
	// Recovered is when the first 100 calls in a row had been answered from the backend, since the beginning of
	// the phase; zero: not yet.
	Recovered time.Duration
	// Least is how many calls the caller has made that made the fewest.
	Least int
	// Runs counts the answers by the run they are from, where there are few.
	Runs map[string]int
}

// Figures are the latencies of a group of calls.
type Figures struct {
	Count         int
	P50, P99, Max time.Duration
}

// Answer is the result of the workers' function.
type Answer struct {
	Key, Run, Body string
}

// Body returns what the function returns for a key besides the name of its run: about a kilobyte.
func Body(key string) string {
	sum := sha256.Sum256([]byte(key))
	return strings.Repeat(hex.EncodeToString(sum[:]), 16)
}
