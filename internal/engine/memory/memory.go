// Package memory is the memory tier: the entries of all cached functions of one container under one budget of bytes, and
// under the bounds that single functions ask for. Where there is no room, expired entries leave first, then the least
// recently used.
//
// A hit takes no lock. Lookups read a hash table whose links are atomic, and note their use in the entry with a number
// from a clock that is spread over cores. Whatever changes the tier (a set, a delete, an eviction) holds one mutex,
// keeps two heaps up to date, by use and by expiry, and brings the first up to what hits have noted only when it has to
// evict.
package memory

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/stripe"
)

// Never is the time of what does not expire.
const Never = math.MaxInt64

// Entry is one result in memory. Its value is frozen: whoever hands it out copies it first. The fields do not change
// once the entry is in the tier, except the atomic ones.
type Entry struct {
	Value any // *Out
	// Created, Fresh and End are wall-clock times in nanoseconds since 1970: when the run began, until when the entry
	// is fresh, until when it may serve at all.
	Created, Fresh, End int64
	Generation          uint64 // of the backend, under which the run began; zero: not known
	Epoch               uint64 // of the function in this container, under which the run began
	Cost                int64  // bytes
	RunTime             int64  // nanoseconds

	// Version is what the backend's slot holds where this is its content; nil: not known.
	Version atomic.Pointer[string]
	// Seen is what the slot held when the run looked, for as long as Version is not known; nil: not known either.
	Seen *string
	// Checked is when the backend was last found to hold this very entry.
	Checked atomic.Int64
	// Refs are the invalidation records that the entry depends on. RefPoint is up to where in the order of this
	// container's invalidations none is known to void the entry; RefEpoch is the epoch of all invalidations under which the records were last compared.
	Refs     []invalidation.Ref
	RefPoint atomic.Uint64
	RefEpoch atomic.Uint64

	Refreshing atomic.Bool  // a refresh is on its way
	RetryAt    atomic.Int64 // no refresh before then
}

// Tier is the memory of one container. It is safe for concurrent use, and runs no goroutine.
type Tier struct {
	onEvict func(tag any)
	now     func() int64
	clock   *stripe.Clock // orders uses

	mu      sync.Mutex
	all     bounded
	evicted []*Owner // of each entry that was evicted and not told yet
}

// An Option changes how a tier works.
type Option func(*Tier)

// WithClock sets what tells the wall-clock time, in nanoseconds since 1970. It decides which entries have expired.
// Without it that is time.Now.
func WithClock(now func() int64) Option { return func(t *Tier) { t.now = now } }

// New returns a tier with a budget of bytes. onEvict is told, outside of any lock, the tag of the owner of each entry
// that left for want of room.
func New(budget int64, onEvict func(tag any), opts ...Option) *Tier {
	t := &Tier{
		onEvict: onEvict, now: func() int64 { return time.Now().UnixNano() }, clock: new(stripe.Clock),
		all: newBounded(0, max(1, budget), byUse, byEnd),
	}
	for _, opt := range opts {
		opt(t)
	}
	return t
}

// Owner is one function's part of the tier.
type Owner struct {
	tier  *Tier
	tag   any
	most  int64    // bytes that one entry may take
	own   *bounded // nil where the function asked for no bound
	table table

	entries, bytes int64 // guarded by tier.mu
}

// Owner adds a function with its own bounds; zero means none. tag is what onEvict is told.
func (t *Tier) Owner(tag any, maxEntries int, maxBytes int64) *Owner {
	o := &Owner{tier: t, tag: tag, most: t.all.maxBytes}
	if maxEntries > 0 || maxBytes > 0 {
		own := newBounded(maxEntries, maxBytes, byOwnUse, byOwnEnd)
		o.own, o.most = &own, min(o.most, own.maxBytes)
	}
	return o
}

// entryOverhead is what an entry costs besides its value and its key's bytes: the Entry, the node, its link and its
// places in the heaps.
const entryOverhead = 352

func weigh(key string, e *Entry) int64 { return addSaturating(e.Cost, int64(len(key))+entryOverhead) }

func addSaturating(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// Get returns the entry under key, or nil. It does not keep key, so the caller may reuse its bytes.
func (o *Owner) Get(key []byte) *Entry {
	n := o.table.find(key)
	if n == nil {
		return nil
	}
	e := n.entry.Load()
	o.tier.clock.Touch(&n.used)
	return e
}

// Fits reports whether there would be room for an entry of a cost, if it were the only one.
func (o *Owner) Fits(cost int64) bool { return addSaturating(cost, entryOverhead) <= o.most }

// Set keeps the entry under key, as far as there is room, in place of what was there. An entry that would not fit
// even if it were the only one is not kept, and what was there leaves.
func (o *Owner) Set(key string, e *Entry) {
	t := o.tier
	t.mu.Lock()
	o.put(key, e)
	evicted := t.evicted
	t.evicted = nil
	t.mu.Unlock()
	for _, o := range evicted {
		t.onEvict(o.tag)
	}
}

// put is Set under the lock. A reader sees the old entry or the new one, never neither.
func (o *Owner) put(key string, e *Entry) {
	t := o.tier
	weight := weigh(key, e)
	n := o.table.findString(key)
	if weight > o.most { // it would push out all others, and then itself
		if n != nil {
			o.drop(n)
		}
		return
	}
	if n == nil {
		n = newNode(o, key)
		n.set(e, weight, t.clock.Tick())
		o.table.add(n)
	} else {
		o.leaveSets(n)
		n.set(e, weight, t.clock.Tick())
	}
	o.entries, o.bytes = o.entries+1, o.bytes+weight
	t.all.add(n)
	if o.own != nil {
		o.own.add(n)
		t.evict(o.own)
	}
	t.evict(&t.all)
}

// evict makes room in a set: what leaves it leaves the tier. The tier is locked.
func (t *Tier) evict(from *bounded) {
	if !from.over() {
		return
	}
	now := t.now()
	for from.over() {
		n := from.victim(now)
		n.owner.drop(n)
		t.evicted = append(t.evicted, n.owner)
	}
}

// Delete removes the entry under key.
func (o *Owner) Delete(key string) {
	o.tier.mu.Lock()
	defer o.tier.mu.Unlock()
	o.remove(key)
}

// remove removes the owner's entry under key, if there is one. The tier is locked.
func (o *Owner) remove(key string) {
	if n := o.table.findString(key); n != nil {
		o.drop(n)
	}
}

// drop removes the node from the tier, which is locked.
func (o *Owner) drop(n *node) {
	o.table.remove(n)
	o.leaveSets(n)
}

// leaveSets takes the node off the books. The tier is locked.
func (o *Owner) leaveSets(n *node) {
	o.tier.all.remove(n)
	if o.own != nil {
		o.own.remove(n)
	}
	o.entries, o.bytes = o.entries-1, o.bytes-n.weight
}

// Sweep removes the owner's entries for which drop reports true. The tier is locked meanwhile: drop must not call it.
func (o *Owner) Sweep(drop func(*Entry) bool) {
	o.tier.mu.Lock()
	defer o.tier.mu.Unlock()
	for _, n := range o.table.nodes() {
		if drop(n.entry.Load()) {
			o.drop(n)
		}
	}
}

// Len returns the number of the owner's entries, and the bytes they take.
func (o *Owner) Len() (entries, bytes int64) {
	o.tier.mu.Lock()
	defer o.tier.mu.Unlock()
	return o.entries, o.bytes
}
