package rule

import (
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/field"
)

// Action is what to do for a request.
type Action uint8

// The actions.
const (
	Run        Action = iota // run the handler
	Serve                    // the stored answer is fresh
	ServeStale               // it may be served although it is stale
	Validate                 // run the handler with the stored answer's validators
	Refuse                   // 504: only-if-cached
)

// Verdict is what to do with a stored answer for a request, and why.
type Verdict struct {
	Do      Action
	Refresh bool   // serve it and run the handler after the response
	Fwd     string // the fwd parameter of Cache-Status, where the handler runs
	Detail  string // the detail parameter, where there is more to say
}

// The values of the fwd parameter (RFC 9211).
const (
	FwdBypass   = "bypass"
	FwdMethod   = "method"
	FwdURIMiss  = "uri-miss"
	FwdVaryMiss = "vary-miss"
	FwdMiss     = "miss"
	FwdRequest  = "request"
	FwdStale    = "stale"
	FwdPartial  = "partial"
)

// Reuse judges a stored answer, nil where there is none, for a request at a time. varied says that there are answers to
// other values of the fields that the URL's answers vary on.
func (o *Options) Reuse(r *Request, p *Response, varied bool, now time.Time) Verdict {
	cc := field.Directives(nil)
	if len(r.Header["Cache-Control"]) > 0 {
		cc = field.ParseDirectives(r.Header["Cache-Control"])
	}
	v := o.reuse(r, cc, p, varied, now)
	if (v.Do == Run || v.Do == Validate) && cc.Has("only-if-cached") {
		v.Do = Refuse
	}
	return v
}

func (o *Options) reuse(r *Request, cc field.Directives, p *Response, varied bool, now time.Time) Verdict {
	switch {
	case p == nil && varied:
		return Verdict{Do: Run, Fwd: FwdVaryMiss}
	case p == nil:
		return Verdict{Do: Run, Fwd: FwdURIMiss}
	case !p.Matches(r):
		return Verdict{Do: Run, Fwd: FwdVaryMiss}
	}
	t := &p.Terms
	again := Verdict{Do: Run}
	if t.Validator {
		again.Do = Validate
	}
	if t.NoCache {
		again.Fwd, again.Detail = FwdStale, "no-cache"
		return again
	}
	age := t.Age(now)
	stale := age - t.Lifetime
	fresh := stale < 0 && !t.Received.After(now.Add(t.Lifetime))
	if o.HonourClient && clientRefuses(r, cc, age, t.Lifetime) {
		again.Fwd = FwdRequest
		return again
	}
	if fresh {
		return Verdict{Do: Serve}
	}
	again.Fwd = FwdStale
	if t.NoStale {
		return again
	}
	if stale <= t.StaleWhile && t.StaleWhile > 0 {
		return Verdict{Do: ServeStale, Refresh: true, Detail: "stale-while-revalidate"}
	}
	if acceptsStale(cc, stale) {
		return Verdict{Do: ServeStale, Detail: "max-stale"}
	}
	return again
}

// clientRefuses reports whether the request's own directives forbid what is stored.
func clientRefuses(r *Request, cc field.Directives, age, lifetime time.Duration) bool {
	if cc.Has("no-cache") {
		return true
	}
	if len(cc) == 0 && field.ParseDirectives(r.Header["Pragma"]).Has("no-cache") {
		return true
	}
	switch most, found := cc.Seconds("max-age"); found {
	case field.Valid:
		if age > most {
			_, staleOK := staleBound(cc)
			if !staleOK || age <= lifetime {
				return true
			}
		}
	case field.Invalid:
		return true
	}
	least, found := cc.Seconds("min-fresh")
	return found == field.Invalid || found == field.Valid && lifetime-age < least
}

// staleBound returns how stale an answer the request accepts.
func staleBound(cc field.Directives) (time.Duration, bool) {
	for _, d := range cc {
		if d.Name != "max-stale" {
			continue
		}
		if !d.HasValue && !d.Malformed {
			return field.MaxSeconds * time.Second, true
		}
		most, found := cc.Seconds("max-stale")
		return most, found == field.Valid
	}
	return 0, false
}

func acceptsStale(cc field.Directives, stale time.Duration) bool {
	most, ok := staleBound(cc)
	return ok && stale <= most
}

// OnError reports whether a stored answer may be served because the handler failed.
func (p *Response) OnError(r *Request, now time.Time) bool {
	t := &p.Terms
	return !t.NoStale && t.StaleError > 0 && t.Age(now)-t.Lifetime <= t.StaleError && p.Matches(r)
}

// Failure reports whether an answer counts as a failure, in whose place a stale one may be served (RFC 5861).
func Failure(status int) bool {
	return status == 500 || status == 502 || status == 503 || status == 504
}
