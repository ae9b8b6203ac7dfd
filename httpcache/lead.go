package httpcache

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache/internal/field"
	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
	"github.com/stillwarm/stillwarm/internal/httpreq"
	"github.com/stillwarm/stillwarm/internal/runtimeport"
)

// joinTries bounds how often a waiter looks for another flight: of its own variant, or in place of one that has stalled.
const joinTries = 4

// join answers by a flight: of its own, or of somebody who asked the same a moment ago. What no flight can answer for
// others goes to the handler alone.
func (x *exchange) join(f found, v rule.Verdict) {
	head := x.req.Method == http.MethodHead
	if head || x.noStore() || f.resp == nil && len(x.r.Header["Range"]) > 0 {
		if f = x.lookupAlone(head); f.resp != nil {
			if v = x.judge(f); (v.Do == rule.Serve || v.Do == rule.ServeStale) && x.hit(f, v) {
				return
			}
		}
		if head || x.noStore() || f.resp == nil {
			x.alone(f, v, "")
			return
		}
	}
	key := x.flightKey(f)
	for range joinTries {
		fl, leader := x.c.join(x, key, f, v)
		if leader {
			go fl.work()
			x.follow(fl)
			return
		}
		next, answered := x.wait(fl)
		if answered {
			return
		}
		if next == nil {
			break
		}
		key = *next
	}
	x.alone(f, v, "")
}

// lookupAlone looks a request up that no flight answers. What a HEAD may freshen must not have been invalidated anywhere
// until then, nor be until its answer is there: the run that it was found under is noted.
func (x *exchange) lookupAlone(head bool) (f found) {
	if !head {
		return x.lookup(readFrom(x.r.Context(), x.engine))
	}
	read := readFrom(x.r.Context(), x.engine)
	if x.remembersStale() {
		read = rereadFrom(x.r.Context(), x.engine)
	}
	for range 2 { // once more where the look itself heard of something
		x.looked = x.engine.Begin()
		f = x.lookup(read)
		if now := x.engine.Begin(); f.resp == nil || now.Epoch == x.looked.Epoch && now.Generation == x.looked.Generation {
			break
		}
	}
	return f
}

// flightKey is the key whose run may answer the request: of the variant, where the fields are known.
func (x *exchange) flightKey(f found) port.Key {
	base := x.keys.Public
	if x.req.Principal != "" {
		base = x.keys.Principal
	}
	if f.varied {
		return rule.Variant(base, f.fields, x.req)
	}
	return base
}

// constructs reports whether the request's answer is made from a whole one: a part of it, or a 304.
func (x *exchange) constructs() bool {
	h := x.r.Header
	return len(h["Range"]) > 0 || len(h["If-None-Match"]) > 0 || len(h["If-Modified-Since"]) > 0
}

// follow answers the leader of a flight: it copies what the run writes, as it comes.
func (x *exchange) follow(fl *flight) {
	defer fl.leave(x, true)
	defer fl.rec.leave()
	ctx := x.r.Context()
	defer context.AfterFunc(ctx, fl.rec.wake)()
	headed, offset := false, int64(0)
	for {
		s := fl.rec.next(ctx, headed, offset)
		switch s.kind {
		case stepInfo:
			x.inform(s.info)
		case stepHeader:
			headed = true
			x.writeHeader(fl)
		case stepData:
			if err := writeForm(x.w, s.chunk, s.form); err != nil {
				return
			}
			offset += int64(len(s.chunk))
		case stepFlush:
			_ = http.NewResponseController(x.w).Flush()
		case stepGone:
			return
		case stepEnd:
			<-fl.call.Done()
			x.conclude(fl, headed, offset)
			return
		}
	}
}

// inform passes on an informational answer, whose fields are no part of the final one.
func (x *exchange) inform(one info) {
	h := x.w.Header()
	before := h.Clone()
	for name, lines := range one.header {
		h[name] = lines
	}
	x.w.WriteHeader(one.status)
	clear(h)
	for name, lines := range before {
		h[name] = lines
	}
}

func (x *exchange) writeHeader(fl *flight) {
	h := x.w.Header()
	for name, lines := range x.c.rules.Forwarded(fl.rec.final) {
		h[name] = lines
	}
	st := fl.outcome.status
	st.Key = x.keys.URL
	x.c.rules.AddStatus(h, st)
	x.w.WriteHeader(fl.rec.status)
}

// conclude ends the leader's answer.
func (x *exchange) conclude(fl *flight, headed bool, offset int64) {
	o := &fl.outcome
	switch {
	case o.panic != nil:
		panic(o.panic)
	case o.goexit:
		panic(http.ErrAbortHandler)
	case headed:
		x.trailers(fl)
		if fl.rec.declared >= 0 && offset < fl.rec.declared && bodyAllowed(fl.rec.status) {
			panic(http.ErrAbortHandler) // the client must not take it for whole
		}
	case o.failed != nil:
		x.fail(o.failed)
	case o.resp != nil:
		if o.hit {
			x.c.stats.hitOf(o.from, o.status)
			x.emitHit(o.from, o.status.TTL < 0, o.status.Detail)
		}
		x.answerWhole(o.resp, o.status)
		if o.renew {
			x.refresh(o.from, rule.Verdict{})
		}
	default:
		panic(http.ErrAbortHandler) // the run was cut off before it said anything
	}
}

// answerWhole answers from a whole answer that need not have been stored.
func (x *exchange) answerWhole(p *rule.Response, st rule.Status) {
	if !x.answer(p, st, x.engine.Now()) {
		x.alone(found{}, rule.Verdict{Fwd: rule.FwdMiss}, "too-large-for-this-source")
	}
}

// fail tells the caller of the handler's error.
func (x *exchange) fail(err error) {
	if ew, ok := x.w.(httpreq.ErrorWriter); ok {
		ew.WriteError(err)
		return
	}
	x.w.WriteHeader(http.StatusInternalServerError)
}

// trailers passes on the fields that the handler set after the body.
func (x *exchange) trailers(fl *flight) {
	announced := map[string]bool{}
	for _, name := range field.Members(fl.rec.final["Trailer"]) {
		announced[http.CanonicalHeaderKey(name)] = true
	}
	for name, lines := range fl.rec.header {
		plain, prefixed := strings.CutPrefix(name, http.TrailerPrefix)
		if prefixed || announced[name] {
			x.w.Header()[http.TrailerPrefix+plain] = lines
		}
	}
}

// wait waits for somebody else's flight. It reports whether the request was answered, or its client has gone; otherwise next
// is the key to look for another flight under, nil: run alone.
func (x *exchange) wait(fl *flight) (next *port.Key, answered bool) {
	defer fl.leave(x, false)
	stop, ok := fl.call.Await(x.r.Context())
	if !ok {
		return nil, false // the handler asks for what it is computing
	}
	defer stop()
	x.c.stats.waits.Add(1)
	defer func(start time.Time) {
		x.emit(x.r.Context(), adapter.EventWait, fl.key, runtimeport.Event{Tier: adapter.TierMemory, Duration: time.Since(start)})
	}(time.Now())
	patience := x.patience()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	decided, seen := fl.decided, fl.rec.progress()
	for {
		select {
		case <-x.r.Context().Done():
			return nil, true
		case <-fl.call.Done():
			return nil, x.share(fl)
		case <-fl.call.LetGone():
			return nil, false
		case <-decided:
			decided = nil
			if t := fl.known(); t != nil && !sameSelection(t.VaryOn, fl.x.req, x.req) {
				key := x.flightKey(found{varied: true, fields: t.VaryOn})
				return &key, false
			}
		case <-timer.C:
			if now := fl.rec.progress(); now != seen {
				seen = now
				timer.Reset(patience)
				continue
			}
			fl.remove() // it has stalled: one of those who wait leads the next one
			return &fl.key, false
		}
	}
}

// patience is how long a run may take without any progress before others stop waiting for it.
func (x *exchange) patience() time.Duration {
	return max(x.c.env.LeaseTTL, 2*x.c.routes.runTime(x.route))
}

func sameSelection(names []string, a, b *rule.Request) bool {
	sa, sb := rule.Select(names, a), rule.Select(names, b)
	for i := range sa {
		if sa[i] != sb[i] {
			return false
		}
	}
	return true
}

// share answers with what somebody else's flight came to, where this request may have it.
func (x *exchange) share(fl *flight) bool {
	o := &fl.outcome
	if o.resp == nil || !o.resp.Matches(x.req) || o.resp.Terms.Private && fl.x.req.Principal != x.req.Principal {
		return false
	}
	now := x.engine.Now()
	st := o.status
	v := x.c.rules.Reuse(x.req, o.resp, false, now)
	switch {
	case o.hit && o.status.Detail == "stale-if-error":
		if !o.resp.OnError(x.req, now) {
			return false
		}
	case !o.hit && !o.resp.Terms.Shareable(), v.Do != rule.Serve && v.Do != rule.ServeStale:
		return false
	case o.hit:
		st = o.resp.StatusOf(v, now)
	default:
		st.Collapsed = true
	}
	return x.answer(o.resp, st, now)
}

// alone runs the handler for this request only, with the request and the answer as they are.
func (x *exchange) alone(f found, v rule.Verdict, detail string) {
	began := x.engine.Now()
	t := &tap{ResponseWriter: x.w}
	x.c.stats.misses.Add(1)
	x.c.stats.runs.Add(1)
	x.emitMiss(x.r.Context(), x.keys.Public, v)
	start, returned := time.Now(), false
	defer func() { x.emitRun(x.r.Context(), x.keys.Public, adapter.EventRun, start, nil, !returned) }()
	t.onHeader = func(status int, h http.Header) {
		now := x.engine.Now()
		canonical := rule.Canonical(h)
		terms := x.c.rules.Judge(x.req, status, canonical, began, now)
		st := rule.Status{Fwd: v.Fwd, FwdStatus: status, Detail: detail}
		if !terms.Store {
			st.Detail = terms.Why
		}
		if len(x.r.Header["Range"]) > 0 {
			st.Fwd = rule.FwdPartial
		}
		if x.req.Method == http.MethodHead {
			x.headSeen(f, status, canonical, began, now)
		} else if status != http.StatusNotModified && status != http.StatusPartialContent {
			x.note(&terms, status, began)
			x.mark(markOf(&terms, status), began)
		}
		x.dropOwn(h)
		x.c.rules.AddStatus(h, st)
	}
	x.h.ServeHTTP(t, x.r)
	t.finish()
	returned = true
}

// headSeen lets the answer to a HEAD freshen the stored answer to the GET, or invalidate it (RFC 9111, 4.3.5).
func (x *exchange) headSeen(f found, status int, h http.Header, began, now time.Time) {
	if f.resp == nil || rule.Failure(status) || status == http.StatusNotModified {
		return
	}
	ctx := x.r.Context()
	if !f.resp.Agrees(status, h) {
		x.engine.Drop(ctx, f.at)
		return
	}
	if len(h["Date"]) == 0 {
		h["Date"] = []string{now.UTC().Format(http.TimeFormat)}
	}
	merged := x.c.rules.Merge(f.resp, x.req, h, began, now)
	// A HEAD that names other fields in Vary selects among answers of which the stored one need not be its own.
	if !merged.Terms.Store || merged.Terms.Private != f.resp.Terms.Private || !slices.Equal(merged.Terms.VaryOn, f.resp.Terms.VaryOn) {
		x.engine.Drop(ctx, f.at)
		return
	}
	run := x.looked
	run.Began = began
	x.engine.Put(ctx, run, f.slot(f.at), x.entry(merged, began))
}
