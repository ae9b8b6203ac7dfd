package httpcache

import (
	"net/http"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
)

// decide judges the final header: what becomes of the body, and whether others may wait for it.
func (fl *flight) decide(status int, raw http.Header) (mode, http.Header) {
	x, now := fl.x, fl.x.engine.Now()
	h := rule.Canonical(raw)
	if !fl.claim(byRun) {
		return discard, h
	}
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
	if !rule.Failure(status) {
		fl.replaced(&terms)
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
		if fl.leaseKey != x.markKey() && m != port.NoMark { // the lease is the variant's
			x.engine.Mark(fl.ctx, fl.leaseKey, m, x.engine.Now().Sub(fl.run.Began))
		}
		fl.letGo(m)
	} else {
		fl.handOver(terms)
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
	fl.replaced(&merged.Terms)
	return discard, h
}

// standIn answers with the stale answer because the handler failed, where it may.
func (fl *flight) standIn(now time.Time) bool {
	x, old := fl.x, fl.found.resp
	if old == nil || !old.OnError(x.req, now) {
		return false
	}
	x.c.stats.staleErrors.Add(1)
	fl.outcome.resp, fl.outcome.hit, fl.outcome.from = old, true, fl.found
	fl.outcome.status = old.StatusOf(rule.Verdict{Detail: "stale-if-error"}, now)
	return true
}

// replaced forgets the stored answer where the one that has taken its place will not be stored there: not at all, or for its
// caller alone.
func (fl *flight) replaced(terms *rule.Terms) {
	if old := fl.found.resp; old != nil && (!terms.Store || terms.Private != old.Terms.Private) {
		fl.dropOld()
	}
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
	fl.call.LetGo()
	if fl.lease != nil {
		fl.lease.Let(fl.ctx, m)
	}
}
