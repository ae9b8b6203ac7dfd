// Package rule holds the rules of a shared HTTP cache: RFC 9111 sections 3 to 5, what RFC 9110 asks of a cache that answers
// itself, RFC 5861 (stale), 9211 (Cache-Status), 9213 (targeted fields) and 9875 (groups). It is pure: it reads no clock,
// takes no lock and does no I/O, so that a test can ask any question at any time.
//
// A request is classified ([Classify]) and named ([Options.Keys]). What a handler answers is judged when its header is
// final ([Options.Judge]): the [Terms] say whether it may be stored, for whom and for how long. A stored [Response] is
// judged for each request ([Options.Reuse]): serve it, serve it stale, validate it, or run the handler. A 304 is merged
// ([Response.Merge]); an answer is made for the request at hand ([Response.Answer]).
package rule

import (
	"net/http"
	"time"

	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// Options are the choices of one cache. The zero value is a cache without any.
type Options struct {
	Name        string // in Cache-Status
	Development bool

	DefaultTTL   time.Duration
	StaleFor     time.Duration
	StaleIfError time.Duration
	Heuristic    float64 // share of the age of Last-Modified; 0: none
	HeuristicMax time.Duration

	IgnoreQuery []string // names, in which a final "*" stands for anything
	SortQuery   bool
	KeyFields   []string // in lower case, sorted

	Targeted     []Targeted
	TagFields    []string // canonical names
	ShareCookies bool
	HonourClient bool
	MaxBody      int64
}

// Targeted is a targeted cache control field that the cache obeys.
type Targeted struct {
	Name   string // canonical
	Remove bool   // it is for this cache alone, and not sent on
}

// Retention is how long an entry with a validator is kept after it went stale, to be validated.
const Retention = time.Hour

// Request is a request as the rules see it.
type Request struct {
	Method string
	Header http.Header // the client's; not changed

	Scheme, Host, Path, Query      string // Path and Query as sent, still encoded
	Tenant, Stage, APIID, BasePath string

	HasBody       bool
	Authenticated bool   // it has an Authorization field, or the event knows its caller
	Principal     string // whose private answers may be stored and found; empty: nobody's
}

// Safe reports whether the method is safe.
func (r *Request) Safe() bool { return httpreq.Safe(r.Method) }

// Class says what the cache may do with a request at all.
type Class uint8

// The classes.
const (
	Cacheable Class = iota // GET and HEAD
	Unsafe                 // goes to the handler, and invalidates
	Bypass                 // goes to the handler
)

// maxHeaderBytes bounds the fields of a request that reaches the cache: an answer to an odd request, such as a 400 or a
// 431 because it is oversize, must not be what everybody gets.
const maxHeaderBytes = 16 << 10

// Classify returns the request's class, and why it is not cacheable.
func Classify(r *Request) (Class, string) {
	if !r.Safe() {
		return Unsafe, FwdMethod
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return Bypass, FwdMethod
	}
	for _, name := range [...]string{"If-Match", "If-Unmodified-Since", "Upgrade"} {
		if len(r.Header[name]) > 0 {
			return Bypass, FwdBypass
		}
	}
	if r.HasBody || oversize(r) {
		return Bypass, FwdBypass
	}
	return Cacheable, ""
}

func oversize(r *Request) bool {
	n := len(r.Path) + len(r.Query)
	for name, lines := range r.Header {
		for _, l := range lines {
			n += len(name) + len(l)
		}
	}
	return n > maxHeaderBytes
}
