package httpcache

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
	"github.com/stillwarm/stillwarm/internal/panics"
)

// flights are the runs under way that others may wait for, one per key.
type flights struct {
	mu   sync.Mutex
	runs map[port.Key]*flight
}

// flight is one look into the backend and, where that has no answer, one run of the handler, on behalf of everybody who
// asks meanwhile. It has a goroutine and a context of its own: a leader that leaves does not end it for the others.
type flight struct {
	x      *exchange // the leader's; its writer is not touched
	key    port.Key
	run    port.Run
	ctx    context.Context
	cancel context.CancelFunc
	rec    *recorder

	decided chan struct{} // closed: the terms are known
	free    chan struct{} // closed: who waits goes on alone
	done    chan struct{} // closed: outcome is set

	mu      sync.Mutex
	callers int
	freed   bool
	lease   port.Lease
	terms   *rule.Terms

	// Of the run's goroutine until done is closed.
	verdict    rule.Verdict
	found      found
	validating *rule.Response // whose validators the run carries
	again      bool           // a 304 was about another answer
	refreshing bool           // it has no leader
	written    []<-chan struct{}
	outcome    outcome
}

// outcome is what a flight came to.
type outcome struct {
	resp   *rule.Response // the whole answer; nil: it was streamed, or there is none
	hit    bool           // it was there
	status rule.Status
	failed error // the handler returned an error
	panic  any
	goexit bool
}

// join returns the flight of a key, and whether the caller leads it. A run that was invalidated since it began is not
// joined.
func (c *Cache) join(x *exchange, key port.Key, f found, v rule.Verdict) (fl *flight, leader bool) {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	if fl = c.flights.runs[key]; fl != nil && fl.joinable(x) {
		return fl, false
	}
	fl = c.start(x, key, f, v)
	return fl, true
}

// start begins a flight with one caller. The flights are locked.
func (c *Cache) start(x *exchange, key port.Key, f found, v rule.Verdict) *flight {
	fl := &flight{
		x: x, key: key, run: x.engine.Begin(), found: f, verdict: v, callers: 1,
		rec:     newRecorder(http.MethodGet, c.rules.MaxBody),
		decided: make(chan struct{}), free: make(chan struct{}), done: make(chan struct{}),
	}
	fl.rec.decide, fl.rec.overflow = fl.decide, fl.overflowed
	ctx := context.WithoutCancel(x.r.Context())
	if deadline, ok := x.r.Context().Deadline(); ok {
		fl.ctx, fl.cancel = context.WithDeadline(ctx, deadline)
	} else {
		fl.ctx, fl.cancel = context.WithCancel(ctx)
	}
	if c.flights.runs == nil {
		c.flights.runs = map[port.Key]*flight{}
	}
	c.flights.runs[key] = fl
	return fl
}

// joinable counts the caller in, unless the flight is of no use to it.
func (fl *flight) joinable(x *exchange) bool {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if fl.callers == 0 || fl.freed {
		return false
	}
	var tags []string
	if fl.terms != nil {
		tags = fl.terms.Tags
	}
	if x.engine.Void(fl.run, x.keys.Public, x.resources, tags) {
		return false
	}
	fl.callers++
	return true
}

// remove takes a flight out of the list, so that whoever comes starts another one.
func (fl *flight) remove() {
	fs := &fl.x.c.flights
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.runs[fl.key] == fl {
		delete(fs.runs, fl.key)
	}
}

// leave is called by each caller once. When the last one has left, the run is cancelled.
func (fl *flight) leave() {
	fl.mu.Lock()
	fl.callers--
	last := fl.callers == 0
	fl.mu.Unlock()
	if last {
		fl.remove()
		fl.cancel()
	}
}

// work answers the flight: from the backend, or by a run.
func (fl *flight) work() {
	defer fl.cancel()
	defer fl.over()
	x := fl.x
	if fl.look() {
		return
	}
	runTime := x.c.routes.runTime(x.route)
	lease, slot := x.engine.Lease(fl.ctx, fl.key, runTime)
	fl.mu.Lock()
	fl.lease = lease
	fl.mu.Unlock()
	if slot.Entry != nil && fl.look() { // another container's run has ended meanwhile
		return
	}
	fl.execute()
}

// look reads what memory and the backend have, and reports whether that is the answer.
func (fl *flight) look() bool {
	x := fl.x
	read := readFrom(fl.ctx, x.engine)
	if fl.found.resp != nil || x.remembersStale() {
		read = rereadFrom(fl.ctx, x.engine) // memory has one that will not do
	}
	fl.found = x.lookup(read)
	fl.verdict = x.judge(fl.found)
	if fl.refreshing && fl.verdict.Do == rule.ServeStale {
		fl.verdict = rule.Verdict{Do: rule.Run, Fwd: rule.FwdStale}
	}
	if fl.verdict.Do != rule.Serve && fl.verdict.Do != rule.ServeStale {
		return false
	}
	fl.outcome = outcome{resp: fl.found.resp, hit: true, status: fl.found.resp.StatusOf(fl.verdict, x.engine.Now())}
	return true
}

// execute runs the handler, a second time where a 304 was about an answer that is not the stored one.
func (fl *flight) execute() {
	if fl.found.resp != nil && fl.found.resp.Terms.Validator {
		fl.validating = fl.found.resp
	}
	fl.x.c.stats.misses.Add(1)
	for range 2 {
		fl.again = false
		fl.begin()
		fl.call()
		if !fl.again {
			break
		}
		fl.x.engine.Drop(fl.ctx, fl.found.at)
		fl.found.resp, fl.validating = nil, nil
		fl.rec.reset()
	}
	fl.settle()
}

// begin notes that the run begins now, under what was heard until now. What was found before an invalidation is forgotten:
// its validators must not bring it back.
func (fl *flight) begin() {
	x := fl.x
	next := x.engine.Begin()
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if fl.found.resp != nil && x.engine.Void(fl.run, fl.found.at, x.resources, fl.found.resp.Terms.Tags) {
		fl.found.resp, fl.validating = nil, nil
	}
	fl.run = next
}

// call calls the handler once and waits for it.
func (fl *flight) call() {
	x := fl.x
	r := forRun(fl.ctx, x.r, fl.validating)
	x.c.stats.runs.Add(1)
	returned := false
	defer func() {
		if p := recover(); p != nil {
			if x.c.logPanic(fl.ctx, p); !aborts(p) { // net/http knows that one by its identity
				p = panics.Capture(p)
			}
			fl.outcome.panic = p
		} else if !returned { // the handler ended its goroutine: nothing but deferred calls runs any more
			fl.outcome.goexit = true
			fl.letGo(port.NoMark)
		}
	}()
	x.h.ServeHTTP(fl.rec, r)
	returned = true
	if fl.rec.failed == nil && fl.rec.mode == undecided {
		fl.rec.WriteHeader(http.StatusOK)
	}
}

// decide judges the final header: what becomes of the body, and whether others may wait for it.
func (fl *flight) decide(status int, raw http.Header) (mode, http.Header) {
	x, now := fl.x, fl.x.engine.Now()
	h := rule.Canonical(raw)
	if len(h["Date"]) == 0 {
		h["Date"] = []string{now.UTC().Format(http.TimeFormat)}
	}
	if fl.validating != nil && status == http.StatusNotModified {
		return fl.confirmed(h, now)
	}
	if rule.Failure(status) && fl.standIn(now) {
		return discard, h
	}
	terms := x.c.rules.Judge(x.req, status, h, fl.run.Began, now)
	if terms.Store && tooLong(h, x.c.rules.MaxBody) {
		terms.Store, terms.Why = false, "too-large"
	}
	if terms.Store && x.crowded(&terms) {
		terms.Store, terms.Why = false, tooManyVariants
	}
	fl.outcome.status = rule.Status{Fwd: fl.verdict.Fwd, FwdStatus: status, Stored: terms.Store, Detail: fl.verdict.Detail}
	fl.take(&terms, status)
	if !terms.Store && !rule.Failure(status) {
		fl.dropOld()
	}
	switch {
	case fl.refreshing && !terms.Store:
		return discard, h
	case fl.refreshing, terms.Store && x.constructs():
		return hold, h
	}
	return stream, h
}

// take publishes the terms: who waits goes on alone unless the answer will do for others.
func (fl *flight) take(terms *rule.Terms, status int) {
	x := fl.x
	if terms.Store {
		fl.outcome.status.HasTTL, fl.outcome.status.TTL = true, terms.Lifetime-terms.InitialAge
	} else {
		fl.outcome.status.Detail = terms.Why
	}
	fl.mu.Lock()
	fl.terms = terms
	fl.mu.Unlock()
	close(fl.decided)
	x.note(terms, status, fl.run.Began)
	if !terms.Shareable() {
		m := markOf(terms, status)
		x.mark(m, fl.run.Began)
		if fl.key != x.markKey() && m != port.NoMark { // the lease is the variant's
			x.engine.Mark(fl.ctx, fl.key, m, x.engine.Now().Sub(fl.run.Began))
		}
		fl.letGo(m)
	}
	if !terms.Store {
		fl.rec.alone()
	}
}

// confirmed merges a 304 into the stored answer.
func (fl *flight) confirmed(h http.Header, now time.Time) (mode, http.Header) {
	x, old := fl.x, fl.validating
	if !old.Confirms(h) {
		fl.again = true
		return discard, h
	}
	merged := x.c.rules.Merge(old, x.req, h, fl.run.Began, now)
	fl.outcome.resp = merged
	fl.outcome.status = rule.Status{
		Fwd: fl.verdict.Fwd, FwdStatus: http.StatusNotModified, Stored: merged.Terms.Store, Detail: fl.verdict.Detail,
	}
	fl.take(&merged.Terms, old.Status)
	if !merged.Terms.Store {
		fl.dropOld()
	}
	return discard, h
}

// standIn answers with the stale answer because the handler failed, where it may.
func (fl *flight) standIn(now time.Time) bool {
	x, old := fl.x, fl.found.resp
	if old == nil || !old.OnError(x.req, now) {
		return false
	}
	x.c.stats.staleErrors.Add(1)
	fl.outcome.resp, fl.outcome.hit = old, true
	fl.outcome.status = old.StatusOf(rule.Verdict{Detail: "stale-if-error"}, now)
	return true
}

// dropOld forgets the stored answer: another one that cannot be stored has taken its place.
func (fl *flight) dropOld() {
	if fl.found.resp != nil {
		fl.x.engine.Drop(fl.ctx, fl.found.at)
	}
}

// overflowed is called when the body is too long to be stored.
func (fl *flight) overflowed() {
	fl.mu.Lock()
	if fl.terms != nil {
		t := *fl.terms
		t.Store, t.Why = false, "too-large"
		fl.terms = &t
		fl.x.c.reasons.note(fl.x.keys.Public, &t)
	}
	fl.mu.Unlock()
	fl.x.mark(port.Refused, fl.run.Began)
	fl.letGo(port.Refused)
	fl.dropOld()
}

// letGo frees who waits, here and in the fleet.
func (fl *flight) letGo(m port.Mark) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if fl.freed {
		return
	}
	fl.freed = true
	close(fl.free)
	if fl.lease != nil {
		fl.lease.Let(fl.ctx, m)
	}
}
