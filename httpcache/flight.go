package httpcache

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
	flightroom "github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/lease"
	"github.com/stillwarm/stillwarm/internal/panics"
)

// flights are the runs under way that others may wait for, one per key. Who waits for which run is kept by the room
// flight, which all caches of a process share: so a handler that asks for its own answer, through whatever caches, is found
// out.
type flights struct {
	mu    sync.Mutex
	group flightroom.Group
	runs  map[port.Key]*flight
}

// flight is one look into the backend and, where that has no answer, one run of the handler, on behalf of everybody who
// asks meanwhile. It has a goroutine and a context of its own: a leader that leaves does not end it for the others.
type flight struct {
	x     *exchange // the leader's; its writer is not touched
	key   port.Key
	alias port.Key // one more that it is listed under; see alsoFor. The flights' lock guards it
	call  *flightroom.Call
	run   port.Run
	ctx   context.Context
	rec   *recorder

	decided chan struct{} // closed: the terms are known

	mu       sync.Mutex
	freed    bool // who waits goes on alone
	lease    port.Lease
	leaseKey port.Key      // what the fleet has one run for: the variant's key, once the fields are known
	former   port.Lease    // the one in whose place lease is
	handing  chan struct{} // closed: nothing is handed over any more; nil: nothing was
	ended    chan struct{} // closed: the run is over
	terms    *rule.Terms
	decider  decider

	// Of the run's goroutine until done is closed.
	verdict    rule.Verdict
	found      found
	validating *rule.Response // whose validators the run carries
	reread     bool           // memory's answer will not do
	moved      bool           // the fields that answers vary on have turned up: leaseKey is another one
	again      bool           // a 304 was about another answer
	refreshing bool           // it has no leader
	written    []<-chan struct{}
	outcome    outcome
}

// decider is who decides what a flight comes to, where the backend is asked beside the run: whichever has an answer first.
type decider uint8

const (
	nobody decider = iota
	byRun
	byLook
)

// claim makes d the one who decides, and reports whether it is.
func (fl *flight) claim(d decider) bool {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if fl.decider == nobody {
		fl.decider = d
	}
	return fl.decider == d
}

// outcome is what a flight came to.
type outcome struct {
	resp   *rule.Response // the whole answer; nil: it was streamed, or there is none
	hit    bool           // it was there
	from   found          // where
	renew  bool           // it is stale, and a refresh is due
	status rule.Status
	failed error // the handler returned an error
	panic  any
	goexit bool
}

// join returns the flight of a key, and whether the caller leads it. A run that was invalidated since it began is not
// joined. Whoever joined must leave.
func (c *Cache) join(x *exchange, key port.Key, f found, v rule.Verdict) (fl *flight, leader bool) {
	fs := &c.flights
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fl = fs.runs[key]; fl != nil && fl.key != key { // key is its alias
		if fs.runs[fl.key] == fl && fl.joinable(x) {
			key = fl.key
		} else {
			delete(fs.runs, key)
		}
	}
	name := string(key[:])
	if fl = fs.runs[key]; fl != nil && !fl.joinable(x) {
		fs.group.Detach(name)
	}
	call, leader := fs.group.Begin(x.r.Context(), name)
	if !leader {
		return fl, false
	}
	fl = &flight{
		x: x, key: key, leaseKey: key, call: call, run: x.engine.Begin(), ctx: call.Run().Context(), found: f, verdict: v, reread: f.resp != nil,
		rec: newRecorder(http.MethodGet, c.rules.MaxBody), decided: make(chan struct{}), ended: make(chan struct{}),
	}
	fl.rec.decide, fl.rec.overflow = fl.decide, fl.overflowed
	if fs.runs == nil {
		fs.runs = map[port.Key]*flight{}
	}
	fs.runs[key] = fl
	return fl, true
}

// joinable reports whether the flight may be of use to the caller.
func (fl *flight) joinable(x *exchange) bool {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if fl.freed {
		return false
	}
	var tags []string
	if fl.terms != nil {
		tags = fl.terms.Tags
	} else if x.engine.VoidByTag(fl.run) {
		return false // its answer may have the tag
	}
	return !x.engine.Void(fl.run, x.keys.Public, x.resources, tags)
}

// remove takes a flight out of the list, so that whoever comes starts another one.
func (fl *flight) remove() {
	fs := &fl.x.c.flights
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.runs[fl.alias] == fl {
		delete(fs.runs, fl.alias)
	}
	if fs.runs[fl.key] == fl {
		delete(fs.runs, fl.key)
		fs.group.Detach(fl.call.Key)
	}
}

// leave is called by each caller once. When the last one has left, the run is cancelled.
func (fl *flight) leave(x *exchange, leader bool) {
	if leader {
		fl.call.LeaveLed(x.r.Context())
	} else {
		fl.call.Leave(x.r.Context())
	}
	select {
	case <-fl.call.Run().Abandoned():
		fl.remove()
	default:
	}
}

// leaseTries bounds how often a flight asks for another lease because the fields that the answers vary on have changed.
const leaseTries = 3

// work answers the flight: from the backend, or by a run.
func (fl *flight) work() {
	defer fl.over()
	if fl.look(fl.ctx) && !fl.moved {
		return
	}
	x, o := fl.x, lease.Answered
	for try := 0; try < leaseTries && o == lease.Answered; try++ {
		fl.moved = false
		var held port.Lease
		held, o = x.engine.Lease(fl.ctx, fl.leaseKey, fl.call.Run(), x.c.routes.runTime(x.route), fl.look)
		fl.mu.Lock()
		fl.lease = held
		fl.mu.Unlock()
		if o == lease.Answered && !fl.moved {
			return // another container's run has ended meanwhile
		}
	}
	if o == lease.Beside {
		fl.executeBeside()
		return
	}
	fl.execute()
}

// executeBeside runs the handler while the backend is asked for what another container may write: whichever has an answer
// first decides. A run that lost is cancelled, and what it writes from then on reaches nobody.
func (fl *flight) executeBeside() {
	ctx, stop := context.WithCancel(fl.ctx)
	defer stop()
	ran, answered := make(chan struct{}), make(chan bool, 1)
	go func() {
		defer close(ran)
		fl.execute()
	}()
	go func() {
		answered <- fl.x.engine.Watch(ctx, func(ctx context.Context) bool {
			f, v := fl.find(ctx)
			if !fl.answers(v) || !fl.claim(byLook) {
				return false
			}
			fl.adopt(f, v)
			return true
		})
	}()
	select {
	case <-ran:
		stop()
		<-answered
	case ok := <-answered:
		if !ok {
			<-ran
		}
	}
}

// look reads what memory and the backend have, and reports whether that is the answer, or says that another run than the one
// waited for will have it.
func (fl *flight) look(ctx context.Context) bool {
	fl.found, fl.verdict = fl.find(ctx)
	if fl.answers(fl.verdict) {
		fl.moved = false
		fl.adopt(fl.found, fl.verdict)
		return true
	}
	if key := fl.x.flightKey(fl.found); fl.found.varied && key != fl.leaseKey {
		fl.leaseKey, fl.moved = key, true
	}
	return fl.moved
}

// find reads what memory and the backend have.
func (fl *flight) find(ctx context.Context) (found, rule.Verdict) {
	x := fl.x
	read := readFrom(ctx, x.engine)
	if fl.reread || x.remembersStale() {
		read = rereadFrom(ctx, x.engine) // memory has one that will not do
	}
	f := x.lookup(read)
	v := x.judge(f)
	if fl.refreshing && v.Do == rule.ServeStale {
		v = rule.Verdict{Do: rule.Run, Fwd: rule.FwdStale}
	}
	return f, v
}

func (fl *flight) answers(v rule.Verdict) bool { return v.Do == rule.Serve || v.Do == rule.ServeStale }

// adopt makes what was found the answer.
func (fl *flight) adopt(f found, v rule.Verdict) {
	fl.outcome = outcome{resp: f.resp, hit: true, from: f, renew: v.Refresh, status: f.resp.StatusOf(v, fl.x.engine.Now())}
}

// execute runs the handler, a second time where a 304 was about an answer that is not the stored one.
func (fl *flight) execute() {
	if fl.found.resp != nil && fl.found.resp.Terms.Validator {
		fl.validating = fl.found.resp
	}
	fl.x.c.stats.misses.Add(1)
	fl.x.emitMiss(fl.ctx, fl.key, fl.verdict)
	for range 2 {
		fl.begin()
		if fl.again = false; !fl.callHandler() {
			return // it was answered meanwhile
		}
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

// callHandler calls the handler once and waits for it. It reports whether the run decides the flight.
func (fl *flight) callHandler() (ours bool) {
	x := fl.x
	r := forRun(fl.ctx, x.r, fl.validating)
	x.c.stats.runs.Add(1)
	returned, kind, start := false, adapter.EventRun, time.Now()
	if fl.refreshing {
		kind = adapter.EventRefresh
	}
	defer func() {
		p := recover()
		x.emitRun(fl.ctx, fl.key, kind, start, fl.rec.failed, !returned)
		if ours = fl.claim(byRun); !ours {
			return
		}
		if p != nil {
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
	return true
}
