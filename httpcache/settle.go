package httpcache

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
	flightroom "github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// settle stores what the run came to. Memory has it before the leader's client has its last byte.
func (fl *flight) settle() {
	x := fl.x
	x.c.routes.took(x.route, x.engine.Now().Sub(fl.run.Began))
	failed := fl.outcome.panic != nil || fl.rec.failed != nil
	if failed {
		x.c.stats.errors.Add(1)
		fl.outcome.failed = fl.rec.failed
		if !fl.headed() && !aborts(fl.outcome.panic) && fl.standIn(x.engine.Now()) {
			fl.outcome.panic, fl.outcome.failed = nil, nil
		}
		return
	}
	if fl.outcome.resp != nil { // merged, or standing in
		if !fl.outcome.hit && fl.outcome.resp.Terms.Store && fl.ctx.Err() == nil {
			fl.store(fl.outcome.resp)
		}
		return
	}
	terms := fl.known()
	if terms == nil || !terms.Store || !fl.rec.complete() || fl.ctx.Err() != nil {
		return
	}
	resp := fl.whole(terms)
	if x.caller != nil && x.caller.Fits != nil && !x.caller.Fits(resp.Status, resp.Header, len(resp.Body), resp.Form) {
		fl.outcome.resp = resp
		return
	}
	fl.outcome.resp = resp
	fl.store(resp)
}

func (fl *flight) headed() bool {
	fl.rec.mu.Lock()
	defer fl.rec.mu.Unlock()
	return fl.rec.mode == stream
}

func (fl *flight) known() *rule.Terms {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	return fl.terms
}

// whole is the answer that the run gave.
func (fl *flight) whole(terms *rule.Terms) *rule.Response {
	rec := fl.rec
	h := fl.x.c.rules.Stored(rec.final, terms)
	if _, typed := h["Content-Type"]; !typed && len(rec.buf) > 0 && len(h["Content-Encoding"]) == 0 && fl.x.sniffs {
		plain, _ := rec.form.Decode(rec.buf[:min(len(rec.buf), 1024)])
		h["Content-Type"] = []string{http.DetectContentType(plain)}
	}
	resp := &rule.Response{
		Status: rec.status, Header: h, Body: slices.Clip(rec.buf), Form: rec.form, Terms: *terms,
		Vary: rule.Select(terms.VaryOn, fl.x.req),
	}
	return resp.Prepare()
}

// sniffs reports whether an answer gets a Content-Type that the handler did not give it: then all others get it, too.
func sniffs(w http.ResponseWriter) bool {
	s, says := w.(httpreq.Sniffer)
	return !says || s.Sniffs()
}

// over publishes the outcome. The leases are given back behind what is written, which is said before anybody leaves: a lease
// whose run everybody has left would be given back at once.
func (fl *flight) over() {
	fl.remove()
	fl.rec.end()
	fl.mu.Lock()
	held, former, freed, handing := fl.lease, fl.former, fl.freed, fl.handing
	close(fl.ended)
	fl.mu.Unlock()
	if held != nil && !freed {
		held.Release(fl.ctx, port.NoMark, fl.written...)
	}
	if former != nil {
		former.Release(fl.ctx, port.NoMark, fl.written...)
	}
	if handing != nil {
		fl.x.engine.After(fl.ctx, func(context.Context) { <-handing })
	}
	fl.call.Publish(flightroom.Outcome{})
	fl.call.Run().End()
}

// logPanic keeps the stack of a panic in a run: whoever raises it again has another one.
func (c *Cache) logPanic(ctx context.Context, p any) {
	if aborts(p) {
		return
	}
	c.env.Log(ctx, slog.LevelError, "an HTTP handler panicked", "panic", p, "stack", stack())
}

// aborts reports whether a panic only means that the answer is cut off.
func aborts(p any) bool {
	err, ok := p.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

func tooLong(h http.Header, most int64) bool {
	n, ok := contentLength(h)
	return ok && n > most
}
