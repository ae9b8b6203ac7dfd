package httpcache

import (
	"slices"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
)

// handOver gives the lease of a URL back at the moment the header says that the answer is one of several: whoever asks for
// another one must not wait for this run. The run takes the lease of its own variant first, and says in the backend which
// fields tell the variants apart; so those whom its answer will do for go on waiting, by that lease. All of it goes on beside the
// run.
func (fl *flight) handOver(terms *rule.Terms) {
	x := fl.x
	fl.mu.Lock()
	held := fl.lease
	fl.mu.Unlock()
	if held == nil || len(terms.VaryOn) == 0 || fl.found.resp != nil {
		return // a stored answer stays in its slot until there is another one
	}
	fields := union(fl.found.fields, terms.VaryOn)
	key := x.flightKey(found{varied: true, fields: fields})
	if key == fl.leaseKey {
		return
	}
	fl.alsoFor(key)
	done := make(chan struct{})
	fl.mu.Lock()
	fl.handing = done
	fl.mu.Unlock()
	run, keep := fl.run, terms.Keep()
	go func() {
		defer close(done)
		if !fl.goesOn() || !fl.exchangeLease(held, key) {
			return
		}
		known := false
		written := x.engine.Announce(fl.ctx, run, x.keys.Public, func(old *port.Entry) (list *port.Entry) {
			list, known = x.listOf(old, fields, run.Began, keep)
			return list
		})
		if written || known { // else who has the URL's lease next would know no more than this run did
			held.Let(fl.ctx, port.NoMark)
		}
	}()
}

// soon is how long a run goes on after its header before anything is said of it: most are over by then, and what they write
// says it all.
const soon = 20 * time.Millisecond

// goesOn waits a moment, and reports whether the run goes on.
func (fl *flight) goesOn() bool {
	t := time.NewTimer(soon)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-fl.ended:
		return false
	}
}

// exchangeLease takes the lease of a key in place of the one that is held, and reports whether the run goes on under it. What
// is held is not given back yet.
func (fl *flight) exchangeLease(held port.Lease, key port.Key) bool {
	x := fl.x
	own := x.engine.Claim(fl.ctx, key, fl.call.Run(), x.c.routes.runTime(x.route))
	fl.mu.Lock()
	defer fl.mu.Unlock()
	select {
	case <-fl.ended:
	default:
		if !fl.freed {
			fl.lease, fl.former = own, held
			return true
		}
	}
	if own != nil {
		own.Let(fl.ctx, port.NoMark)
	}
	return false
}

// listOf is an entry that says on which fields the URL's answers vary, in place of old; nil where old says as much, which is known
// then, or is an answer, which stays until there is another one.
func (x *exchange) listOf(old *port.Entry, fields []string, began, keep time.Time) (entry *port.Entry, known bool) {
	list := &rule.Variants{}
	if old != nil {
		var ok bool
		if list, ok = old.Value.(*rule.Variants); !ok {
			return nil, false
		}
	}
	all := union(list.Fields, fields)
	if len(all) == len(list.Fields) {
		return nil, true
	}
	// The variants that are there are found by fewer fields: not any more.
	newest := &port.Entry{Began: began, Keep: keep, Resources: x.resources, URL: x.keys.URL}
	return x.listEntry(&rule.Variants{Fields: all}, newest), false
}

func union(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}

// alsoFor lets those who know by now that the answers vary, and on what, join the flight, too.
func (fl *flight) alsoFor(key port.Key) {
	fs := &fl.x.c.flights
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.runs[fl.key] == fl && fs.runs[key] == nil {
		fs.runs[key], fl.alias = fl, key
	}
}
