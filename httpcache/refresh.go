package httpcache

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"

	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
)

// refresh runs the handler after the response, because a stale answer was served. One refresh of a URL is enough: whoever
// comes meanwhile is served the stale answer, or waits for it where that will not do any more.
func (x *exchange) refresh(f found, v rule.Verdict) {
	if x.req.Method == http.MethodHead && x.caller != nil {
		return // the event cannot become a GET's: the service may have let a HEAD in that is no GET's caller
	}
	key := x.flightKey(f)
	c := x.c
	if x.noStore() || !c.cooling.begin(key, x.engine.Now().UnixNano()) {
		return
	}
	x.resources = c.rules.Resources(x.req)
	x.route = routeOf(x.req, x.caller)
	y := *x
	y.w = nil
	y.r = x.r.Clone(context.WithoutCancel(x.r.Context())) // the server uses the request again
	y.r.Body = http.NoBody
	req := *x.req
	req.Method, req.Header = http.MethodGet, y.r.Header
	y.req, y.r.Method = &req, http.MethodGet
	x.engine.AfterOr(x.r.Context(), func(ctx context.Context) {
		y.r = y.r.WithContext(later{ctx, y.r.Context()})
		ok := y.refreshNow(key, f, v)
		c.cooling.end(key, y.engine.Now().UnixNano(), ok)
	}, func() { c.cooling.end(key, y.engine.Now().UnixNano(), true) })
}

// later is the context of what is done for a request after its response. It ends when that has to end, and has the request's own
// values: the event, and what middleware in front of the cache found out about the caller.
type later struct {
	context.Context
	request context.Context
}

// Value implements [context.Context].
func (l later) Value(key any) any {
	if v := l.Context.Value(key); v != nil {
		return v
	}
	return l.request.Value(key)
}

// refreshNow runs the flight of a refresh, and reports whether it gave anything but an error.
func (x *exchange) refreshNow(key port.Key, f found, _ rule.Verdict) bool {
	v := rule.Verdict{Do: rule.Run, Fwd: rule.FwdStale}
	fl, leader := x.c.join(x, key, f, v)
	defer fl.leave(x, leader)
	if !leader {
		return true // somebody runs already
	}
	fl.rec.leave()
	fl.refreshing = true
	fl.work()
	if fl.outcome.panic != nil || fl.outcome.failed != nil {
		x.c.env.Log(x.r.Context(), slog.LevelWarn, "refresh failed; still serving the stale answer", "url", x.keys.URL)
		return false
	}
	return !rule.Failure(fl.outcome.status.FwdStatus) && fl.outcome.status.Detail != "stale-if-error"
}

// coolDown is how long a URL whose refresh failed is not refreshed again.
const coolDown = int64(60e9)

// cooling are the keys that are being refreshed, or whose refresh has failed a moment ago.
type cooling struct {
	mu   sync.Mutex
	keys map[port.Key]int64 // until when; 0: under way
}

func (c *cooling) begin(k port.Key, now int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until, there := c.keys[k]; there && (until == 0 || now < until && until-now <= coolDown) {
		return false
	}
	if c.keys == nil || len(c.keys) >= maxReasons {
		c.keys = map[port.Key]int64{}
	}
	c.keys[k] = 0
	return true
}

func (c *cooling) end(k port.Key, now int64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.keys, k)
	if !ok {
		c.keys[k] = now + coolDown
	}
}

// maxWarned bounds the routes that are warned of: paths that clients think up must not grow memory or the log.
const maxWarned = 64

// warned are the routes that a warning was given for.
type warned struct {
	mu     sync.Mutex
	routes map[string]struct{}
}

func (w *warned) first(route string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := w.routes[route]; there || len(w.routes) >= maxWarned {
		return false
	}
	if w.routes == nil {
		w.routes = map[string]struct{}{}
	}
	w.routes[route] = struct{}{}
	return true
}

// warnStale says once per route that s-maxage forbids what stale-while-revalidate asks for.
func (c *Cache) warnStale(ctx context.Context, route string) {
	if !c.warned.first(route) {
		return
	}
	c.env.LogOnce(ctx, "s-maxage "+c.rules.Name+" "+route, slog.LevelWarn,
		"s-maxage never serves stale (RFC 9111, 5.2.2.10), so stale-while-revalidate beside it has no effect; "+
			"write CDN-Cache-Control: max-age=N, stale-while-revalidate=M", "route", route)
}

func stack() string { return string(debug.Stack()) }

func contentLength(h http.Header) (int64, bool) {
	lines := h["Content-Length"]
	if len(lines) != 1 {
		return 0, false
	}
	n, err := strconv.ParseInt(lines[0], 10, 64)
	return n, err == nil && n >= 0
}
