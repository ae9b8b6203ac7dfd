package rule

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/field"
)

// Terms are what an answer says of itself when its header is final.
type Terms struct {
	Store   bool
	Private bool   // only for the request's principal
	Why     string // why it is not stored, or what its lifetime comes from

	Received   time.Time     // when the header was written
	InitialAge time.Duration // its age then
	Lifetime   time.Duration
	// StaleWhile and StaleError are the windows after the lifetime in which it may be served stale.
	StaleWhile, StaleError time.Duration
	NoCache                bool // never without validation
	NoStale                bool // never stale, whatever a request or a failure asks for
	Validator              bool
	Heuristic              bool

	VaryOn []string // field names in lower case, sorted
	Tags   []string
	// StaleIgnored says that stale-while-revalidate has no effect because of s-maxage: an author's mistake.
	StaleIgnored bool

	strip []string // fields that are not stored
}

// Fresh is when the answer stops being fresh.
func (t *Terms) Fresh() time.Time { return t.Received.Add(t.Lifetime - t.InitialAge) }

// Keep is until when the answer is of any use.
func (t *Terms) Keep() time.Time {
	window := max(t.StaleWhile, t.StaleError)
	if t.Validator {
		window = max(window, Retention)
	}
	return t.Fresh().Add(window)
}

// Shareable reports whether requests that wait for the run may be answered with it as soon as it is there.
func (t *Terms) Shareable() bool {
	return t.Store && !t.Private && !t.NoCache && t.Lifetime > t.InitialAge
}

// Age is the age of the answer at a time.
func (t *Terms) Age(now time.Time) time.Duration {
	return t.InitialAge + max(0, now.Sub(t.Received))
}

// control are the directives that an answer is judged by, and where they come from.
type control struct {
	field.Directives
	targeted bool
}

func (o *Options) control(h http.Header) control {
	for _, t := range o.Targeted {
		if lines := h[t.Name]; len(lines) > 0 {
			if ds, ok := field.ParseTargeted(lines); ok {
				return control{ds, true}
			}
		}
	}
	return control{field.ParseDirectives(h["Cache-Control"]), false}
}

// Judge returns the terms of an answer to a request. began and now are when the run began and when the header was written.
func (o *Options) Judge(r *Request, status int, h http.Header, began, now time.Time) Terms {
	c := o.control(h)
	t := Terms{Received: now, Validator: len(h["Etag"]) == 1 || len(h["Last-Modified"]) == 1}
	t.InitialAge = initialAge(h, began, now)
	o.setFreshness(&t, c, r, status, h)
	o.setFlags(&t, c)
	var any bool
	if t.VaryOn, any = field.ParseVary(h["Vary"]); any {
		t.Why = "vary-star"
		return t
	}
	if origin := h["Access-Control-Allow-Origin"]; len(origin) > 0 && origin[0] != "*" && !slices.Contains(t.VaryOn, "origin") {
		t.VaryOn = append(t.VaryOn, "origin")
		slices.Sort(t.VaryOn)
	}
	o.setTags(&t, h)
	if why := o.unstorable(&t, c, r, status, h); why != "" {
		t.Why = why
		return t
	}
	t.Store = true
	return t
}

// initialAge is RFC 9111, 4.2.3: the greater of what Date and what Age tell.
func initialAge(h http.Header, began, now time.Time) time.Duration {
	age, _ := field.ParseAge(h["Age"])
	age += max(0, now.Sub(began))
	if date, ok := dateOf(h, now); ok {
		age = max(age, now.Truncate(time.Second).Sub(date)) // Date knows whole seconds only
	}
	return age
}

// dateOf returns the Date field; ok is false where it is missing or invalid.
func dateOf(h http.Header, now time.Time) (time.Time, bool) {
	if lines := h["Date"]; len(lines) == 1 {
		return field.ParseDate(lines[0], now)
	}
	return time.Time{}, false
}

// setFreshness sets the lifetime: s-maxage, max-age, Expires, the default, or a heuristic, in this order.
func (o *Options) setFreshness(t *Terms, c control, r *Request, status int, h http.Header) {
	for _, name := range [...]string{"s-maxage", "max-age"} {
		switch d, found := c.Seconds(name); found {
		case field.Valid:
			t.Lifetime, t.Why = d, name
			return
		case field.Invalid:
			t.Why = "invalid-" + name
			return
		}
	}
	if lines := h["Expires"]; len(lines) > 0 && !c.targeted {
		t.Why = "expires"
		if at, ok := field.ParseDate(lines[0], t.Received); ok && len(lines) == 1 {
			date, ok := dateOf(h, t.Received)
			if !ok {
				date = t.Received
			}
			t.Lifetime = max(0, at.Sub(date))
		}
		return
	}
	o.setAssumed(t, c, r, status, h)
}

// setAssumed sets a lifetime that the answer does not state.
func (o *Options) setAssumed(t *Terms, c control, r *Request, status int, h http.Header) {
	if r.Authenticated || r.Principal != "" || len(r.Header["Cookie"]) > 0 {
		return
	}
	switch {
	case o.DefaultTTL > 0 && status == http.StatusOK:
		t.Lifetime, t.Why = o.DefaultTTL, "default"
	case o.Heuristic > 0 && (heuristically(status) || c.Has("public")):
		lines := h["Last-Modified"]
		if len(lines) != 1 {
			return
		}
		date, ok := dateOf(h, t.Received)
		if !ok {
			date = t.Received
		}
		if modified, ok := field.ParseDate(lines[0], t.Received); ok && modified.Before(date) {
			t.Lifetime = min(time.Duration(o.Heuristic*float64(date.Sub(modified))), o.HeuristicMax)
			t.Why, t.Heuristic = "heuristic", true
		}
	}
}

func (o *Options) setFlags(t *Terms, c control) {
	bare, names := c.Fields("no-cache")
	t.NoCache, t.strip = bare, names
	privateBare, privateNames := c.Fields("private")
	if !privateBare {
		t.strip = append(t.strip, privateNames...)
	}
	t.NoStale = bare || c.Has("must-revalidate") || c.Has("proxy-revalidate") || c.Has("s-maxage")
	swr, foundSWR := c.Seconds("stale-while-revalidate")
	sie, foundSIE := c.Seconds("stale-if-error")
	if t.NoStale {
		t.StaleIgnored = swr > 0 && c.Has("s-maxage")
		return
	}
	t.StaleWhile, t.StaleError = swr, sie
	if foundSWR == field.Absent {
		t.StaleWhile = o.StaleFor
	}
	if foundSIE == field.Absent {
		t.StaleError = o.StaleIfError
	}
}

func (o *Options) setTags(t *Terms, h http.Header) {
	for _, name := range o.TagFields {
		t.Tags = append(t.Tags, field.ParseTags(name, h[name])...)
	}
	if groups, ok := field.ParseGroups(h["Cache-Groups"]); ok {
		t.Tags = append(t.Tags, groups...)
	}
	slices.Sort(t.Tags)
	t.Tags = slices.Compact(t.Tags)
}

// unstorable returns why an answer is not stored (RFC 9111, section 3), or "". It sets Private.
func (o *Options) unstorable(t *Terms, c control, r *Request, status int, h http.Header) string {
	switch {
	case r.Method != http.MethodGet:
		return "method"
	case status < 200 || status > 599 || status == http.StatusNotModified:
		return "status"
	case status == http.StatusPartialContent:
		return "partial"
	case isEventStream(h):
		return "event-stream"
	}
	understood := c.Has("must-understand")
	switch {
	case understood && !statusUnderstood(status):
		return "must-understand"
	case c.Has("no-store") && !understood:
		return "no-store"
	case requestNoStore(r):
		return "request-no-store"
	case !o.ShareCookies && o.hasCookie(t, h):
		return "set-cookie"
	}
	if why := forOneOnly(c, r); why != "" {
		if r.Principal == "" {
			return why
		}
		t.Private = true
	}
	return t.useless(c, status)
}

// forOneOnly returns why a shared cache must not show the answer to others, or "".
func forOneOnly(c control, r *Request) string {
	if bare, _ := c.Fields("private"); bare {
		return "private"
	}
	open := c.Has("public") || c.Has("s-maxage")
	switch {
	case r.Authenticated && !open && !c.Has("must-revalidate"):
		return "authorization"
	case len(r.Header["Cookie"]) > 0 && !open && !c.targeted:
		return "cookie"
	}
	return ""
}

// useless returns why nobody could ever be served the answer, or "".
func (t *Terms) useless(c control, status int) string {
	explicit := t.Why != "" && !t.Heuristic && t.Why != "default"
	switch {
	case !explicit && t.Lifetime == 0 && !heuristically(status) && !c.Has("public"):
		return "no-freshness"
	case t.Lifetime == 0 && t.Why == "" && !t.Validator:
		return "no-freshness"
	case t.NoCache && !t.Validator:
		return "no-cache"
	case t.Lifetime <= t.InitialAge && t.Lifetime+max(t.StaleWhile, t.StaleError) <= t.InitialAge && !t.Validator:
		return "stale"
	}
	return ""
}

// hasCookie reports whether the stored answer would set a cookie.
func (o *Options) hasCookie(t *Terms, h http.Header) bool {
	for name, lines := range h {
		if (strings.EqualFold(name, "Set-Cookie") || strings.EqualFold(name, "Set-Cookie2")) && len(lines) > 0 {
			if !slices.Contains(t.strip, strings.ToLower(name)) {
				return true
			}
		}
	}
	return false
}

func requestNoStore(r *Request) bool {
	return len(r.Header["Cache-Control"]) > 0 && field.ParseDirectives(r.Header["Cache-Control"]).Has("no-store")
}

func isEventStream(h http.Header) bool {
	ct := h["Content-Type"]
	return len(ct) > 0 && len(ct[0]) >= len("text/event-stream") && strings.EqualFold(ct[0][:len("text/event-stream")], "text/event-stream")
}

// heuristically reports whether a status is heuristically cacheable (RFC 9110, 15.1).
func heuristically(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

// statusUnderstood reports whether RFC 9110, section 15, defines the status.
func statusUnderstood(status int) bool {
	switch {
	case status >= 200 && status <= 205, status >= 300 && status <= 305, status == 307, status == 308:
		return true
	case status >= 400 && status <= 417, status == 421, status == 422, status == 426:
		return true
	}
	return status >= 500 && status <= 505
}
