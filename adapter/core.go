package adapter

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// refreshCoolDown is how long a failed refresh is not tried again.
const refreshCoolDown = time.Minute

// headLen is the length of a function's number in its keys.
const headLen = 4

// dataCore is what a cached function is apart from its types.
type dataCore struct {
	rt    *Runtime
	id    identity
	opts  *options
	head  [headLen]byte // the function's number: the beginning of its keys in memory
	owner *memory.Owner
	stats counters

	flights flight.Group
	// epoch counts the clears in this container. An entry of an earlier epoch is a miss.
	epoch atomic.Uint64
	// storing orders the end of a run against a clear: what ran before the clear must not be stored after it.
	storing sync.Mutex
	glances map[string]*glance // the keys that a caller looks up on its own; guarded by storing

	remote      *remote // nil: memory only
	unpersisted string  // why it is memory only where the function asked for more
}

func newDataCore(rt *Runtime, id identity, o *options, in, out [32]byte) *dataCore {
	c := &dataCore{rt: rt, id: id, opts: o}
	number := rt.nextNumber()
	c.head = [headLen]byte{byte(number >> 16), byte(number >> 8), byte(number), 0}
	c.owner = rt.tier.Owner(c.evicted, o.maxEntries, o.maxSize)
	c.remote, c.unpersisted = newRemote(c, in, out)
	rt.addData(c)
	return c
}

// announce says that results are not persisted although that was asked for.
func (c *dataCore) announce(ctx context.Context) {
	if c.unpersisted != "" {
		c.rt.unpersisted(ctx, c.id.name, c.unpersisted)
	}
}

// prefix begins a key in memory: the function's number, then the scope, framed.
func (c *dataCore) prefix(dst []byte, scope callScope) []byte {
	return scope.appendTo(append(dst, c.head[:]...))
}

// fresh returns the entry under key that may be handed out without asking anybody, or nil.
func (c *dataCore) fresh(key []byte) *memory.Entry {
	e := c.owner.Get(key)
	if e == nil || e.Epoch != c.epoch.Load() {
		return nil
	}
	if e.Fresh == memory.Never && c.remote == nil {
		return e // no clock has a say in it, and reading one takes as long as finding the entry
	}
	now := c.rt.now()
	if now < e.Created || now >= e.Fresh {
		return nil
	}
	if c.remote != nil && !c.remote.trusts(e, now) {
		return nil
	}
	return e
}

// known returns the entry that memory has for the question, fresh or not, unless it was cleared. It may ask the backend
// for the generation.
func (c *dataCore) known(ctx context.Context, q *question) *memory.Entry {
	e := c.owner.Get([]byte(q.key))
	if e == nil || e.Epoch != c.epoch.Load() {
		return nil
	}
	if c.remote != nil && !c.remote.confirms(ctx, e) {
		return nil
	}
	if now := c.rt.now(); e.Created > now {
		e = c.fromFuture(ctx, q, e, now)
		c.keep(q, nil, e)
	}
	return e
}

// clockSkew is how far the clocks of two containers may differ without anybody taking note.
const clockSkew = time.Second

// fromFuture returns the entry as if it had been made now: the clock was set back, and nothing is kept longer than its
// ttl from now. The backend gets it with its new times, or it would come from the future again and again.
func (c *dataCore) fromFuture(ctx context.Context, q *question, e *memory.Entry, now int64) *memory.Entry {
	moved := &memory.Entry{Value: e.Value, Generation: e.Generation, Epoch: e.Epoch, Cost: e.Cost, RunTime: e.RunTime}
	back := e.Created - now
	moved.Created, moved.Fresh, moved.End = now, earlier(e.Fresh, back), earlier(e.End, back)
	if back > int64(clockSkew) && e.Fresh != memory.Never {
		c.remote.store(ctx, nil, q, moved, nil)
	}
	return moved
}

func earlier(t, by int64) int64 {
	if t == memory.Never {
		return t
	}
	return t - by
}

// answer answers a question that memory could not answer at once.
func (c *dataCore) answer(ctx context.Context, q *question) (*answer, error) {
	q.asked = c.rt.now()
	e := c.known(ctx, q)
	if e != nil {
		if a := c.serve(ctx, q, e, TierMemory); a != nil {
			return a, nil
		}
	}
	a, found := c.glance(ctx, q)
	if a != nil {
		return a, nil
	}
	return c.runOrJoin(ctx, q, newer(e, found))
}

// runOrJoin answers by a run, or with what the run under way returns. old is what there is that is no answer any more.
func (c *dataCore) runOrJoin(ctx context.Context, q *question, old *memory.Entry) (*answer, error) {
	for {
		a, joined, err := c.fly(ctx, q, func(ctx context.Context, call *flight.Call) (*answer, error) {
			return c.lead(ctx, call, q, old)
		})
		if err == nil && (a == nil || joined && a.doubtful) {
			continue // it joined a refresh that found nothing to do, or a run whose argument may have changed
		}
		if joined && a != nil {
			a = &answer{value: a.value, joined: true}
		}
		return a, err
	}
}

// fly runs lead for the question, or waits for the run under way.
func (c *dataCore) fly(ctx context.Context, q *question, lead func(context.Context, *flight.Call) (*answer, error)) (*answer, bool, error) {
	start := time.Now()
	v, joined, err := c.flights.Do(ctx, q.key, func(ctx context.Context, call *flight.Call) (any, error) {
		return lead(ctx, call)
	})
	if joined {
		c.stats.waits.Add(1)
		c.rt.emit(ctx, Event{Kind: EventWait, Function: c.id.name, Duration: time.Since(start), Err: err})
	}
	if errors.Is(err, flight.ErrDeadlock) {
		err = ErrRecursive
	}
	a, _ := v.(*answer)
	return a, joined, err
}

// serve answers with an entry that is fresh, or in its stale window; then a refresh follows. It returns nil for an
// entry that is neither.
func (c *dataCore) serve(ctx context.Context, q *question, e *memory.Entry, tier string) *answer {
	now := c.rt.now()
	switch {
	case now < e.Fresh:
		if tier == TierMemory {
			c.stats.memoryHits.Add(1)
		} else {
			c.stats.backendHits.Add(1)
		}
		c.tell(ctx, EventHit, tier, e)
	case c.opts.staleFor > 0 && now-e.Fresh < int64(c.opts.staleFor) && c.refreshLater(ctx, q, e, now):
		c.stats.stale.Add(1)
		c.tell(ctx, EventStale, tier, e)
	default:
		return nil
	}
	q.reply = answer{value: e.Value}
	return &q.reply
}

// lead answers for everybody who asks meanwhile: from the backend, or by a run.
func (c *dataCore) lead(ctx context.Context, call *flight.Call, q *question, old *memory.Entry) (*answer, error) {
	epoch := c.epoch.Load()
	if e := c.fresh([]byte(q.key)); e != nil { // the run before this one has just ended
		return c.serve(ctx, q, e, TierMemory), nil
	}
	var h *hold
	if c.remote != nil {
		if !q.looked {
			found := c.remote.find(ctx, q, epoch)
			if found != nil {
				c.keep(q, call, found)
				if a := c.serve(ctx, q, found, TierBackend); a != nil {
					return a, nil
				}
				old = newer(old, found)
			}
		}
		q.looked = false
		var a *answer
		if a, h = c.remote.lease(ctx, call, q, epoch); a != nil {
			return a, nil
		}
	}
	c.stats.misses.Add(1)
	c.rt.emit(ctx, Event{Kind: EventMiss, Function: c.id.name})
	return c.compute(ctx, call, q, epoch, old, h)
}

func newer(a, b *memory.Entry) *memory.Entry {
	if a == nil || b != nil && b.Created > a.Created {
		return b
	}
	return a
}

// compute runs the function and stores its result. h is the lease, or nil.
func (c *dataCore) compute(ctx context.Context, call *flight.Call, q *question, epoch uint64, old *memory.Entry, h *hold) (*answer, error) {
	generation := c.remote.generation()
	started := c.rt.now()
	v, cache, took, err := c.run(ctx, q, EventRun, h)
	if err != nil {
		c.leaveNothing(ctx, q, h)
		if a := c.failSafe(ctx, old, err); a != nil {
			return a, nil
		}
		return valueOf(v), err
	}
	if doubtful := call.LeaderGone() && !q.detached; !cache || doubtful {
		c.leaveNothing(ctx, q, h)
		return &answer{value: v, doubtful: doubtful}, nil
	}
	e := c.entry(q, v, started, took)
	e.Epoch, e.Generation = epoch, generation
	c.keep(q, call, e)
	c.remote.store(ctx, call, q, e, h)
	return &answer{value: v}, nil
}

func valueOf(v any) *answer {
	if v == nil {
		return nil
	}
	return &answer{value: v}
}

// run runs the function under its spinner. A panic releases the lease on its way.
func (c *dataCore) run(ctx context.Context, q *question, kind EventKind, h *hold) (v any, cache bool, took time.Duration, err error) {
	start := time.Now()
	defer c.opts.spinner.start(ctx, c.rt, c.id.name)()
	normal := false
	defer func() {
		took = time.Since(start)
		if !normal {
			err = errors.New("panic")
			c.leaveNothing(ctx, q, h)
		}
		c.stats.runs.Add(1)
		if err != nil {
			c.stats.errors.Add(1)
		}
		c.rt.emit(ctx, Event{Kind: kind, Function: c.id.name, Duration: took, Err: err})
	}()
	v, cache, err = q.run(ctx)
	normal = true
	return v, cache, took, err
}

// entry makes the entry of a result. Its age counts from the beginning of the run: what it says may be that old.
func (c *dataCore) entry(q *question, v any, started int64, took time.Duration) *memory.Entry {
	e := &memory.Entry{Value: v, Created: started, Fresh: memory.Never, End: memory.Never, RunTime: int64(took), Cost: q.cost(v)}
	if ttl := c.opts.ttl; ttl > 0 {
		if c.opts.jitter > 0 {
			ttl -= time.Duration(float64(ttl) * c.opts.jitter * rand.Float64()) //nolint:gosec // spreading, not secrecy
		}
		e.Fresh = after(started, ttl)
		e.End = after(e.Fresh, c.grace())
	}
	return e
}

// grace is how long an entry is of use after its ttl.
func (c *dataCore) grace() time.Duration { return max(c.opts.staleFor, c.opts.failSafe) }

func after(t int64, d time.Duration) int64 {
	if t > math.MaxInt64-int64(d) {
		return memory.Never
	}
	return t + int64(d)
}

// keep puts the entry into memory, unless its run was cleared meanwhile. call may be nil: no run.
func (c *dataCore) keep(q *question, call *flight.Call, e *memory.Entry) {
	c.storing.Lock()
	defer c.storing.Unlock()
	if call == nil || !call.Dropped() {
		c.set(q, e)
	}
}

// set is keep for who holds storing, and knows that the entry was not cleared by itself. An older entry goes where there
// is no room for the new one.
func (c *dataCore) set(q *question, e *memory.Entry) {
	switch {
	case e.Epoch != c.epoch.Load(), e.End != memory.Never && e.End <= c.rt.now():
	case !c.owner.Fits(e.Cost):
		if c.owner.Get([]byte(q.key)) != nil {
			c.owner.Delete(q.key)
		}
	default:
		c.owner.Set(strings.Clone(q.key), e) // q.key would keep the whole question in memory
	}
}

// failSafe returns an answer made of the old entry, when the function failed and the option allows it.
func (c *dataCore) failSafe(ctx context.Context, old *memory.Entry, err error) *answer {
	if c.opts.failSafe <= 0 || old == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	if now := c.rt.now(); old.Fresh != memory.Never && now-old.Fresh >= int64(c.opts.failSafe) {
		return nil
	}
	c.rt.log(ctx, slog.LevelError, "the function failed; its last result is returned instead",
		"function", c.id.name, "error", err.Error(), "age", time.Duration(c.rt.now()-old.Created).String())
	c.stats.stale.Add(1)
	c.tell(ctx, EventStale, TierMemory, old)
	return &answer{value: old.Value}
}

// tell emits an event about an entry.
func (c *dataCore) tell(ctx context.Context, kind EventKind, tier string, e *memory.Entry) {
	rt := c.rt
	if !rt.observed(ctx) {
		return
	}
	now := rt.now()
	ev := Event{Kind: kind, Function: c.id.name, Tier: tier, Age: time.Duration(max(0, now-e.Created)), Duration: time.Duration(e.RunTime)}
	if e.Fresh != memory.Never {
		ev.Expires, ev.TTL = true, time.Duration(e.Fresh-now)
	}
	rt.emit(ctx, ev)
}

// uncacheable says once that a result could not be copied, and so was returned but not cached.
func (c *dataCore) uncacheable(ctx context.Context, err error) {
	c.rt.logOnce(ctx, "uncacheable "+c.id.name, slog.LevelWarn, "a result cannot be cached; it was returned and will be computed again",
		"function", c.id.name, "error", err.Error())
}

// evicted is told of each entry that left memory for want of room.
func (c *dataCore) evicted() {
	c.stats.evictions.Add(1)
	c.rt.emit(context.Background(), Event{Kind: EventEvict, Function: c.id.name, Tier: TierMemory})
}
