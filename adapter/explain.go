package adapter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/serialize"
)

// explain looks where Get would look, in the same order, and changes nothing.
func (c *dataCore) explain(ctx context.Context, q *question) Explanation {
	x := Explanation{Function: c.id.name}
	if c.rt.off() {
		x.Why = "the cache is switched off"
		return x
	}
	r := c.remote
	persistent := r != nil && r.open(ctx) != nil
	if persistent {
		x.Key = r.address(q)
	}
	if e := c.owner.Get([]byte(q.key)); e == nil {
		x.Why = "not in memory"
	} else if e.Epoch != c.epoch.Load() || r != nil && !r.confirms(ctx, e) {
		x.Why = "in memory, but cleared since"
	} else if c.judge(&x, e, TierMemory); x.Hit {
		return x
	}
	if !persistent {
		return x
	}
	e, why := r.look(ctx, q)
	if e == nil {
		x.Why += "; " + why
		return x
	}
	c.judge(&x, e, TierBackend)
	return x
}

// judge fills in what an entry says.
func (c *dataCore) judge(x *Explanation, e *memory.Entry, tier string) {
	now := c.rt.now()
	x.Tier, x.Age, x.Created = tier, time.Duration(now-e.Created), wallTime(e.Created)
	x.Fresh, x.Expires, x.RunTime = wallTime(e.Fresh), wallTime(e.End), time.Duration(e.RunTime)
	switch {
	case now < e.Fresh:
		x.Hit, x.Why = true, "a fresh entry in "+place(tier)
	case c.opts.staleFor > 0 && now-e.Fresh < int64(c.opts.staleFor):
		x.Hit, x.Stale, x.Why = true, true, "an entry in its stale window in "+place(tier)
	default:
		x.Why = fmt.Sprintf("the entry in %s expired %v ago", place(tier), time.Duration(now-e.Fresh).Round(time.Millisecond))
	}
}

func place(tier string) string {
	if tier == TierMemory {
		return "memory"
	}
	return "the backend"
}

// look reads the entry as find does, but says why there is none, and deletes nothing.
func (r *remote) look(ctx context.Context, q *question) (*memory.Entry, string) {
	if r.cleared.Load() {
		return nil, "the backend could not be told of a clear yet, so it is not asked"
	}
	found, err := r.get(ctx, q)
	if err != nil {
		return nil, "the backend failed: " + err.Error()
	}
	data, generation := found.Entry, found.Generation
	if data == nil {
		return nil, "no entry in the backend"
	}
	h, payload, err := r.core.rt.sealer.Open(string(r.appendSealAddress(nil, q)), data)
	if err == nil {
		err = r.fits(q, h)
	}
	if err != nil {
		return nil, "the entry in the backend cannot be used: " + err.Error()
	}
	if h.Generation != generation {
		return nil, "the entry in the backend was cleared"
	}
	if _, err = q.decode(payload, true); err != nil {
		return nil, "the entry in the backend cannot be used: " + err.Error()
	}
	e := new(memory.Entry)
	r.setTimes(e, h)
	return e, ""
}

var errOtherType = errors.New("the entry is of another type")

// fits reports whether an entry's result is of the function's type, in the encoding that is expected.
func (r *remote) fits(q *question, h serialize.Header) error {
	if h.Codec != q.codec || h.Type != [16]byte(r.out[:16]) {
		return errOtherType
	}
	return nil
}
