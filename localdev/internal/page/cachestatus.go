package page

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// httpCalls returns what an answer's Cache-Status (RFC 9211) says of caches that stand before the handler, as calls that
// the page shows first: an HTTP cache answers before any cached function is called.
func httpCalls(h http.Header, start, duration float64) []*call {
	var calls []*call
	for _, line := range h.Values("Cache-Status") {
		for _, member := range splitOutsideQuotes(line, ',') {
			parts := splitOutsideQuotes(member, ';')
			if name := strings.TrimSpace(parts[0]); name == "stillwarm" {
				calls = append(calls, httpCall(parts[1:], start, duration))
			}
		}
	}
	return calls
}

// toldOfHTTP reports whether an HTTP cache in the function told of this invocation itself: that is more than its answer
// says. The lock is held.
func (p *Page) toldOfHTTP(inv *invocation) bool {
	return slices.ContainsFunc(inv.calls, func(c *call) bool {
		f := p.functions[c.Function]
		return f != nil && f.http()
	})
}

// http reports whether events of that name are an HTTP cache's: these are not announced as functions are.
func (f *function) http() bool { return f.Kind == "" || f.Kind == "http" }

func httpCall(parameters []string, start, duration float64) *call {
	c := &call{Function: "HTTP cache", Result: "miss", Start: start, Duration: duration, Tier: "memory"}
	var notes []string
	for _, p := range parameters {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		value = strings.Trim(value, `"`)
		switch name {
		case "hit":
			c.Result = "hit"
		case "ttl":
			if seconds, err := strconv.Atoi(value); err == nil {
				c.Expires, c.TTL = true, ms(time.Duration(seconds)*time.Second)
			}
		case "key":
			c.Arg = value
		case "fwd":
			notes = append(notes, httpReasons[value])
		case "detail":
			notes = append(notes, value)
		case "stored":
			c.Stored = "stored"
		case "collapsed":
			notes = append(notes, "shared another caller's run")
		}
	}
	if c.Result == "hit" {
		c.Tier = "" // the field does not say which
	}
	c.Reason = strings.Join(notes, ", ")
	return c
}

// httpReasons say in words why a request was forwarded.
var httpReasons = map[string]string{
	"bypass": "the cache was not asked", "method": "the method is not cached", "uri-miss": "nothing is stored for this URL",
	"vary-miss": "what is stored is for other request headers", "miss": "nothing usable is stored", "request": "the request asks for a new answer",
	"stale": "what was stored is stale", "partial": "only a part is stored",
}

// splitOutsideQuotes splits a structured field's value.
func splitOutsideQuotes(s string, separator byte) []string {
	var parts []string
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == separator && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// http counts an answer of the HTTP cache with the invocation.
func (inv *invocation) http(c *call) {
	inv.Cached = true
	if c.Result == "hit" {
		inv.Cache.Hits++
	} else {
		inv.Cache.Misses++
	}
}
