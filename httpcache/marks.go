package httpcache

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// tooManyVariants is why an answer is not stored that would be one variant too many.
const tooManyVariants = "too-many-variants"

// markOf says how the URL of an answer is marked: not at all where the next one may be shared.
func markOf(terms *rule.Terms, status int) port.Mark {
	if terms.Store || status == http.StatusNotModified || status == http.StatusPartialContent {
		return port.NoMark
	}
	switch terms.Why {
	case "private", "authorization", "cookie", "set-cookie":
		return port.Private
	case "request-no-store", tooManyVariants, "method": // it says nothing of the next request's answer
		return port.NoMark
	}
	return port.Refused
}

// markKey is the key that marks are kept under: a principal's answers may be stored where nobody's may.
func (x *exchange) markKey() port.Key {
	if x.req.Principal != "" {
		return x.keys.Principal
	}
	return x.keys.Public
}

// mark marks the request's URL here.
func (x *exchange) mark(m port.Mark, began time.Time) {
	x.engine.Mark(x.r.Context(), x.markKey(), m, x.engine.Now().Sub(began))
}

// note remembers why an answer was stored or not, and what that says of its route.
func (x *exchange) note(terms *rule.Terms, status int, _ time.Time) {
	x.c.reasons.note(x.keys.Public, terms)
	if status != http.StatusNotModified && status != http.StatusPartialContent && terms.Why != "request-no-store" {
		x.c.routes.note(x.route, terms.Store, x.engine.Now())
	}
	if terms.StaleIgnored {
		x.c.warnStale(x.r.Context(), x.route)
	}
}

const (
	maxRoutes = 1024
	// provenAfter is how many answers of a route have to be unstorable, and none storable, before its requests are not
	// looked up any more.
	provenAfter = 8
	// unworthyFor is how long that lasts before it is tried again.
	unworthyFor = 10 * time.Second
)

// routes remember, per route, how long runs take and whether their answers were ever storable.
type routes struct {
	mu  sync.Mutex
	all map[string]*routeState
}

type routeState struct {
	runTime    time.Duration
	storable   bool
	unstorable int
	until      time.Time // not looked up before
}

// get returns a route's state, made where there was none. The routes are locked.
func (rs *routes) get(route string) *routeState {
	s := rs.all[route]
	if s != nil {
		return s
	}
	if rs.all == nil {
		rs.all = map[string]*routeState{}
	}
	if len(rs.all) >= maxRoutes {
		for other := range rs.all { // any one: unique URLs must not grow memory
			delete(rs.all, other)
			break
		}
	}
	s = &routeState{}
	rs.all[route] = s
	return s
}

func (rs *routes) note(route string, storable bool, now time.Time) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	s := rs.get(route)
	if storable {
		s.storable, s.unstorable, s.until = true, 0, time.Time{}
		return
	}
	if s.unstorable++; s.unstorable >= provenAfter && !s.storable {
		s.until = now.Add(unworthyFor)
	}
}

// unworthy reports whether a route's answers were never storable, so that nothing is asked for it for a while.
func (rs *routes) unworthy(route string, now time.Time) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	s := rs.all[route]
	return s != nil && now.Before(s.until) && s.until.Sub(now) <= unworthyFor
}

func (rs *routes) took(route string, d time.Duration) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	s := rs.get(route)
	if s.runTime == 0 {
		s.runTime = d
		return
	}
	s.runTime += (d - s.runTime) / 4
}

func (rs *routes) runTime(route string) time.Duration {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if s := rs.all[route]; s != nil {
		return s.runTime
	}
	return 0
}

// routeOf names the route of a request: the one that the service chose, or the path with what looks like an id left out.
func routeOf(r *rule.Request, caller *httpreq.Caller) string {
	if caller != nil && caller.Route != "" {
		return caller.Route
	}
	const longest = 24
	parts := strings.Split(r.Path, "/")
	for i, p := range parts {
		if len(p) > longest || strings.ContainsAny(p, "0123456789") {
			parts[i] = "*"
		}
	}
	if len(parts) > 8 {
		parts = append(parts[:8:8], strconv.Itoa(len(parts)))
	}
	return strings.Join(parts, "/")
}

const maxReasons = 1024

// reasons remember of recent URLs why their last answer was stored or not, for Explain.
type reasons struct {
	mu  sync.Mutex
	all map[port.Key]reason
}

type reason struct {
	stored bool
	why    string
}

func (rs *reasons) note(k port.Key, t *rule.Terms) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if _, there := rs.all[k]; !there && len(rs.all) >= maxReasons {
		for other := range rs.all {
			delete(rs.all, other)
			break
		}
	}
	if rs.all == nil {
		rs.all = map[port.Key]reason{}
	}
	rs.all[k] = reason{t.Store, t.Why}
}

func (rs *reasons) get(k port.Key) (reason, bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r, ok := rs.all[k]
	return r, ok
}
