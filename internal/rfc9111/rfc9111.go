// Package rfc9111 holds a shared HTTP cache to the requirements of RFC 9111, sections 3 to 5, and of what these take from
// RFC 9110. It knows a [Site] and not how requests get there: package httpcache sends them through its middleware, the
// tests of real servers through a local runner, function processes and a backend.
package rfc9111

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Site is an origin behind a cache.
type Site interface {
	T() *testing.T
	// Do sends a request, "GET /path", with fields given as "Name: value", and returns the answer when the work after it
	// is done.
	Do(line string, fields ...string) Result
	// Answer makes the origin answer with a body and fields, given as "Name: value".
	Answer(status int, body string, fields ...string)
	// Serve sets what the origin does.
	Serve(h http.HandlerFunc)
	// Last returns the last request that the origin got.
	Last() *http.Request
	// WantRuns fails unless the origin got n requests.
	WantRuns(n int64)
	// Advance moves the cache's clock; Date returns its time after d more, as fields have it.
	Advance(d time.Duration)
	Date(d time.Duration) string
}

// Result is an answer as the client has it.
type Result struct {
	Status int
	Header http.Header
	Body   string
	Infos  []int // the statuses of informational answers
}

// CacheStatus returns what the caches said.
func (r Result) CacheStatus() string { return strings.Join(r.Header["Cache-Status"], ", ") }

// Hit reports whether the cache answered.
func (r Result) Hit() bool { return strings.Contains(r.CacheStatus(), "; hit") }

// Requirement is one MUST, SHOULD or MAY that the cache can meet or miss.
type Requirement struct {
	Section, Level, Text string
	// Honour says that the cache has to honour the directives of clients.
	Honour bool
	Check  func(t *testing.T, s Site)
}

// Name names the requirement: section, level, text.
func (r Requirement) Name() string { return r.Section + " " + r.Level + " " + r.Text }

// Storing returns the requirements of section 3, by which answers are stored.
func Storing() []Requirement { return storing }

// Reusing returns those of section 4, by which stored answers are reused.
func Reusing() []Requirement { return reusing }

// Validating returns those of section 4.3.
func Validating() []Requirement { return validating }

// Invalidating returns those of section 4.4.
func Invalidating() []Requirement { return invalidating }

// Fields returns those of section 5, of the fields.
func Fields() []Requirement { return fields }

// All returns every requirement.
func All() []Requirement { return slices.Concat(storing, reusing, validating, invalidating, fields) }

// MostRecent is the requirement that several containers need not meet: the memory of each serves what it has as long as that
// is fresh.
const MostRecent = "use the most recent of several answers"

// AddFields adds fields, given as "Name: value".
func AddFields(h http.Header, fields []string) {
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ":")
		h.Add(name, strings.TrimSpace(value))
	}
}
