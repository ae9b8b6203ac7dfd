package engine

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// staleOnes are what a batch found that is due for a refresh, of a function that computes many results at once: they are
// refreshed by one run. A nil *staleOnes takes none.
type staleOnes struct {
	mu     sync.Mutex
	all    []*renewal
	closed bool // the batch has its answers
}

// add takes an entry, or reports false: then its refresh is left on its own.
func (s *staleOnes) add(n *renewal) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.all = append(s.all, n)
	return true
}

// close returns what was taken. Nothing is taken any more.
func (s *staleOnes) close() []*renewal {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.all
}

// refreshTogether leaves one refresh of all of them for after the response.
func (f *Function) refreshTogether(ctx context.Context, ns []*renewal) {
	if len(ns) > 0 {
		f.leaveRefresh(ctx, ns)
	}
}

// refreshAll renews entries of different keys by one run. What fails keeps its entry and rests; that is logged once.
func (f *Function) refreshAll(ctx context.Context, ns []*renewal) {
	b := batch{f: f}
	var keys []string
	for _, n := range ns {
		if !f.log.Void(n.l.Key, n.point) { // neither cleared nor replaced since the refresh was left
			keys, b.open = append(keys, n.l.Key), append(b.open, &item{l: n.l, old: n.e})
		}
	}
	if len(b.open) == 0 {
		return
	}
	calls, leads := f.flights.BeginAll(ctx, keys)
	var led []*item
	for i, it := range b.open {
		if it.call = calls[i]; leads[i] {
			led = append(led, it)
		}
	}
	if len(led) > 0 {
		go b.leadRefresh(led)
	}
	var why slog.Attr
	var failed []*Lookup
	for i, it := range b.open {
		o, ok := it.call.Wait(ctx, leads[i], nil)
		if cause := failure(o); leads[i] && ok && cause.Key != "" {
			why, failed = cause, append(failed, it.l)
		}
	}
	if len(failed) > 0 {
		f.refreshFailed(ctx, why, failed...)
	}
}

// leadRefresh renews what a refresh leads: what no other container has renewed, or renews, by one run.
func (b *batch) leadRefresh(led []*item) {
	f, point := b.f, b.f.log.Begin()
	refPoint, refEpoch := f.records.begin() // what was invalidated before counts against no run of now
	for _, it := range led {
		it.l.refPoint, it.l.refEpoch = refPoint, refEpoch
	}
	b.computing(led, point, func(ctx context.Context) {
		taken := led
		if f.store != nil && f.store.open(ctx) != nil {
			taken = b.takeForRefresh(ctx, led, point)
		}
		b.runMany(ctx, taken, EventRefresh)
		var unkept []*Lookup
		for _, it := range taken {
			if it.unkept {
				unkept = append(unkept, it.l)
			}
		}
		if len(unkept) > 0 {
			f.refreshFailed(ctx, refused, unkept...)
		}
	})
}

// takeForRefresh reads the slots, takes the leases of what needs a refresh, and returns that. The rest is published.
func (b *batch) takeForRefresh(ctx context.Context, led []*item, point invalidation.Point) (taken []*item) {
	f := b.f
	if f.store.batch == nil || f.store.leases == nil {
		for _, it := range led {
			found, busy := it.turn.takeForRefresh(ctx)
			if !b.renewed(ctx, it, found, busy) {
				taken = append(taken, it)
			}
		}
		return taken
	}
	// A look comes first: where another container has refreshed the entry, a lease would only keep others from looking.
	r := batchRead{batch: &batch{f: f, open: led}, point: point, forWrite: true, by: time.Now().Add(f.env.BackendTimeout)}
	if !r.read(ctx) {
		return led
	}
	mine := taker{batchRead: &r}
	found := f.findAll(ctx, led, r.by, func(i int) *memory.Entry { return mine.find(ctx, led[i].l, i) })
	for i, it := range led {
		if !b.renewed(ctx, it, found[i], false) {
			taken = append(taken, it)
		}
	}
	if len(taken) == 0 || !b.leases() {
		return taken
	}
	got := b.leaseAll(ctx, taken, f.env.BackendTimeout)
	if got == nil {
		return taken
	}
	rest := taken[:0:0]
	found = b.behind(ctx, taken, got)
	for i, it := range taken {
		if !b.renewed(ctx, it, found[i], it.busy != nil) {
			rest = append(rest, it)
		}
	}
	return rest
}

// renewed publishes an item that needs no run, and reports whether it is one.
func (b *batch) renewed(ctx context.Context, it *item, found *memory.Entry, busy bool) bool {
	o, done := it.turn.renewed(ctx, found, busy)
	if done {
		it.call.Publish(o)
	}
	return done
}
