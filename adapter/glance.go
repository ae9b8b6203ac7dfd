package adapter

import (
	"context"

	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// A glance is a look at the backend on the caller's own goroutine. A hit there needs no run that others could join, and
// making one, with its goroutine and its context, takes as long as Redis on the same host takes to answer.
//
// One caller at a time glances at a key; whoever comes meanwhile goes the way of runs, and joins or makes one. So a
// thousand callers who find nothing in memory cost the backend two reads, not a thousand.
type glance struct {
	dropped bool // the entry was cleared meanwhile; guarded by dataCore.storing
}

// glance looks once. It returns an answer, or what it found that is no answer any more, or nothing. Where it has looked, the
// run that follows does not look again.
func (c *dataCore) glance(ctx context.Context, q *question) (*answer, *memory.Entry) {
	if c.remote == nil || c.flights.Under(q.key) {
		return nil, nil
	}
	if !c.beginGlance(q) {
		return nil, nil
	}
	defer c.endGlance(q.key)
	if e := c.fresh([]byte(q.key)); e != nil { // another caller's look has just ended
		return c.serve(ctx, q, e, TierMemory), nil
	}
	q.mayPass = true
	found := c.remote.find(ctx, q, c.epoch.Load())
	q.mayPass, q.looked = false, ctx.Err() == nil
	if found == nil {
		return nil, nil
	}
	c.keepGlanced(q, found)
	a := c.serve(ctx, q, found, TierBackend)
	if a != nil && found == &q.found {
		a.own = true // memory did not take it
	}
	return a, found
}

// keepGlanced puts what was found into memory, unless it was cleared meanwhile, or a run put something newer there.
func (c *dataCore) keepGlanced(q *question, found *memory.Entry) {
	c.storing.Lock()
	defer c.storing.Unlock()
	if e := c.owner.Get([]byte(q.key)); q.look.dropped || e != nil && e.Epoch == found.Epoch && e.Created > found.Created {
		return
	}
	c.set(q, found)
}

// drop makes whatever is under way for the key keep its result to itself. Who holds storing calls it.
func (c *dataCore) drop(key string) {
	c.flights.Drop(key)
	if g := c.glances[key]; g != nil {
		g.dropped = true
	}
}

// beginGlance reports false where another caller glances at the key.
func (c *dataCore) beginGlance(q *question) bool {
	c.storing.Lock()
	defer c.storing.Unlock()
	if c.glances[q.key] != nil {
		return false
	}
	if c.glances == nil {
		c.glances = map[string]*glance{}
	}
	c.glances[q.key] = &q.look
	return true
}

func (c *dataCore) endGlance(key string) {
	c.storing.Lock()
	defer c.storing.Unlock()
	delete(c.glances, key)
}
