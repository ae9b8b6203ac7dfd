package httpcache

import (
	"context"
	"net/http"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/field"
	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// exchange is one request on its way to an answer.
type exchange struct {
	c      *Cache
	engine port.Engine
	h      http.Handler
	w      http.ResponseWriter
	r      *http.Request
	caller *httpreq.Caller
	sniffs bool // answers get a Content-Type that the handler did not give them

	req       *rule.Request
	keys      rule.Keys
	resources []string
	route     string
	looked    port.Run // what a HEAD may freshen was found under it
}

// serve answers a request.
func (c *Cache) serve(h http.Handler, w http.ResponseWriter, r *http.Request) {
	engine := c.bound()
	if c.env.Off() || r.Method == http.MethodConnect {
		h.ServeHTTP(w, r)
		return
	}
	x := &exchange{c: c, engine: engine, h: h, w: w, r: r, caller: httpreq.From(r.Context()), sniffs: sniffs(w)}
	var known bool
	if x.req, known = c.request(r, x.caller); !known {
		h.ServeHTTP(w, r)
		return
	}
	class, fwd := rule.Classify(x.req)
	if class != rule.Unsafe && len(r.Header["Upgrade"]) > 0 { // which a server may ignore, so that an unsafe method does what it does
		h.ServeHTTP(w, r)
		return
	}
	switch class {
	case rule.Unsafe:
		x.unsafe(fwd)
	case rule.Bypass:
		x.bypass(fwd)
	default:
		x.keys = c.rules.Keys(x.req)
		x.cacheable()
	}
}

// cacheable answers a GET or HEAD: from memory at once, or by a flight, or by a run of its own.
func (x *exchange) cacheable() {
	f := x.remembered()
	v := x.judge(f)
	if v.Do == rule.Serve || v.Do == rule.ServeStale {
		if x.hit(f, v) {
			return
		}
	}
	x.resources = x.c.rules.Resources(x.req)
	x.route = routeOf(x.req, x.caller)
	if v.Do == rule.Refuse {
		x.onlyIfCached()
		return
	}
	switch {
	case x.engine.Marked(x.markKey()) != port.NoMark:
		x.marked(f, v)
		return
	case f.resp == nil && x.c.routes.unworthy(x.route, x.engine.Now()):
		x.alone(f, v, "marked")
		return
	}
	x.join(f, v)
}

func (x *exchange) judge(f found) rule.Verdict {
	return x.c.rules.Reuse(x.req, f.resp, f.varied, x.engine.Now())
}

// marked answers a request whose key or route gave nothing that could be shared: nobody waits, and the backend is asked
// once per NearTTL.
func (x *exchange) marked(f found, v rule.Verdict) {
	if f.resp != nil || len(x.r.Header["Range"]) > 0 || x.req.Method == http.MethodHead {
		x.join(f, v) // there is something to validate
		return
	}
	if !x.engine.Resting(x.markKey()) { // another container may have had a better answer
		f = x.lookup(readFrom(x.r.Context(), x.engine))
		if v = x.judge(f); (v.Do == rule.Serve || v.Do == rule.ServeStale) && x.hit(f, v) {
			return
		}
		if f.resp != nil {
			x.join(f, v)
			return
		}
	}
	x.alone(f, v, "marked")
}

// hit answers from the store. It reports false where the answer does not fit this caller.
func (x *exchange) hit(f found, v rule.Verdict) bool {
	now := x.engine.Now()
	if !x.answer(f.resp, f.resp.StatusOf(v, now), now) {
		return false
	}
	x.c.stats.hit(f, v)
	x.emitHit(f, v.Do == rule.ServeStale, v.Detail)
	if v.Refresh {
		x.refresh(f, v)
	}
	return true
}

// answer writes the answer that is made of a stored one. It reports false, having written nothing, where it does not fit.
func (x *exchange) answer(p *rule.Response, st rule.Status, now time.Time) bool {
	if x.c.rules.Development {
		st.Key = x.keys.URL
	}
	a := x.c.rules.Answer(x.req, p, now, st, x.caller != nil && x.caller.NoRange)
	if x.caller != nil && x.caller.Fits != nil && !x.caller.Fits(a.Status, a.Header, len(a.Body), a.Form) {
		return false
	}
	if aw, ok := x.w.(httpreq.AnswerWriter); ok && aw.WriteAnswer(a.Status, a.Header, a.Body, a.Form) {
		return true
	}
	h := x.w.Header()
	for name, lines := range a.Header {
		h[name] = lines
	}
	x.w.WriteHeader(a.Status)
	if len(a.Body) > 0 {
		_ = writeWhole(x.w, a.Body, a.Form)
	}
	return true
}

// onlyIfCached answers from memory or backend, or with a 504 (RFC 9111, 5.2.1.7).
func (x *exchange) onlyIfCached() {
	f := x.lookup(readFrom(x.r.Context(), x.engine))
	v := x.judge(f)
	if (v.Do == rule.Serve || v.Do == rule.ServeStale) && x.hit(f, v) {
		return
	}
	h := x.w.Header()
	x.c.rules.AddStatus(h, rule.Status{Detail: "only-if-cached"})
	h["Content-Length"] = []string{"0"}
	x.w.WriteHeader(http.StatusGatewayTimeout)
}

// unsafe passes an unsafe request on, and invalidates what its answer changed before that goes out.
func (x *exchange) unsafe(fwd string) {
	x.pass(rule.Status{Fwd: fwd}, func(status int, h http.Header) {
		resources, groups := x.c.rules.Invalidated(x.req, status, rule.Canonical(h))
		x.invalidate(resources, groups)
	})
}

// invalidate tells the fleet, within one backend timeout. What cannot be told is remembered by the engine.
func (x *exchange) invalidate(resources, groups []string) {
	if len(resources) == 0 && len(groups) == 0 {
		return
	}
	// The client may have gone; what it did has been done.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), x.c.env.BackendTimeout)
	defer cancel()
	_ = x.engine.Invalidate(ctx, resources...)
	if len(groups) > 0 {
		_ = x.engine.InvalidateTags(ctx, groups...)
	}
}

// bypass passes a request on that can never be cached.
func (x *exchange) bypass(fwd string) { x.pass(rule.Status{Fwd: fwd}, nil) }

// pass calls the handler with the request as it is.
func (x *exchange) pass(st rule.Status, onHeader func(status int, h http.Header)) {
	t := &tap{ResponseWriter: x.w}
	t.onHeader = func(status int, h http.Header) {
		if onHeader != nil {
			onHeader(status, h)
		}
		st.FwdStatus = status
		x.dropOwn(h)
		x.c.rules.AddStatus(h, st)
	}
	x.h.ServeHTTP(t, x.r)
	t.finish()
}

// dropOwn removes the fields that are for this cache alone.
func (x *exchange) dropOwn(h http.Header) {
	for _, target := range x.c.rules.Targeted {
		if target.Remove {
			h.Del(target.Name)
		}
	}
}

// noStore reports whether the request forbids storing its answer.
func (x *exchange) noStore() bool {
	lines := x.r.Header["Cache-Control"]
	return len(lines) > 0 && field.ParseDirectives(lines).Has("no-store")
}
