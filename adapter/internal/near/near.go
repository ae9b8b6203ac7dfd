// Package near is the memory tier: the entries of all cached functions of one container under one budget of bytes, and
// under the bounds that single functions ask for. Eviction, which entry is worth least, is otter's (S3-FIFO and
// W-TinyLFU family); this package adds the shared budget and the bounds by function.
package near

import (
	"math"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/maypok86/otter/v2"
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

	Refreshing atomic.Bool  // a refresh is on its way
	RetryAt    atomic.Int64 // no refresh before then

	owner *Owner
}

// Tier is the memory of one container. It is safe for concurrent use, and runs no goroutine.
type Tier struct {
	cache   *otter.Cache[string, *Entry]
	budget  int64
	onEvict func(owner any)

	mu      sync.Mutex
	evicted []eviction
}

// eviction is an entry that left one cache for want of room: the shared one, or a bound of its owner.
type eviction struct {
	owner  *Owner
	key    string
	entry  *Entry
	shared bool
}

// Owner is one function's part of the tier.
type Owner struct {
	tier   *Tier
	tag    any
	most   int64                          // bytes that one entry may take
	bounds []*otter.Cache[string, *Entry] // each knows the function's own entries and bounds them

	entries, bytes atomic.Int64
}

// entryOverhead is what an entry costs besides its value: the Entry, its key's header and otter's node.
const entryOverhead = 256

// New returns a tier with a budget of bytes. onEvict is told, outside of any lock, the tag of the owner of each entry
// that left for want of room.
func New(budget int64, onEvict func(tag any)) *Tier {
	t := &Tier{budget: budget, onEvict: onEvict}
	t.cache = otter.Must(&otter.Options[string, *Entry]{
		MaximumWeight: uint64(budget),
		Weigher:       weigh,
		Executor:      func(f func()) { f() },
		OnDeletion: func(e otter.DeletionEvent[string, *Entry]) {
			e.Value.owner.left(e)
		},
	})
	return t
}

func weigh(key string, e *Entry) uint32 {
	return uint32(min(e.Cost+int64(len(key))+entryOverhead, math.MaxUint32))
}

// Owner adds a function with its own bounds; zero means none. tag is what onEvict is told.
func (t *Tier) Owner(tag any, maxEntries int, maxBytes int64) *Owner {
	o := &Owner{tier: t, tag: tag, most: t.budget}
	if maxBytes > 0 {
		o.most = min(o.most, maxBytes)
	}
	bound := func(opts *otter.Options[string, *Entry]) {
		opts.Executor = func(f func()) { f() }
		opts.OnDeletion = func(e otter.DeletionEvent[string, *Entry]) {
			if e.WasEvicted() {
				t.note(eviction{o, e.Key, e.Value, false})
			}
		}
		o.bounds = append(o.bounds, otter.Must(opts))
	}
	if maxEntries > 0 {
		bound(&otter.Options[string, *Entry]{MaximumSize: maxEntries})
	}
	if maxBytes > 0 {
		bound(&otter.Options[string, *Entry]{MaximumWeight: uint64(maxBytes), Weigher: weigh})
	}
	return o
}

// Get returns the entry under key, or nil. It does not keep key, so the caller may reuse its bytes.
func (o *Owner) Get(key []byte) *Entry {
	k := unsafe.String(unsafe.SliceData(key), len(key))
	e, ok := o.tier.cache.GetIfPresent(k)
	if !ok {
		return nil
	}
	for _, b := range o.bounds {
		b.GetIfPresent(k) // so that the bound, too, knows that the entry is in use
	}
	return e
}

// Fits reports whether there would be room for an entry of a cost, if it were the only one.
func (o *Owner) Fits(cost int64) bool { return cost+entryOverhead <= o.most }

// Set keeps the entry under key, as far as there is room, in place of what was there.
func (o *Owner) Set(key string, e *Entry) {
	e.owner = o
	o.entries.Add(1)
	o.bytes.Add(int64(weigh(key, e)))
	o.tier.cache.Set(key, e)
	for _, b := range o.bounds {
		b.Set(key, e)
	}
	o.tier.settle()
}

// Delete removes the entry under key.
func (o *Owner) Delete(key string) {
	o.tier.cache.Invalidate(key)
	for _, b := range o.bounds {
		b.Invalidate(key)
	}
}

// Sweep removes the owner's entries for which drop reports true. It walks the whole tier.
func (o *Owner) Sweep(drop func(*Entry) bool) {
	for key, e := range o.tier.cache.All() {
		if e.owner == o && drop(e) {
			o.Delete(key)
		}
	}
}

// Len returns the number of the owner's entries, and the bytes they take.
func (o *Owner) Len() (entries, bytes int64) { return o.entries.Load(), o.bytes.Load() }

// left is told of every entry that left the shared cache, for whatever reason.
func (o *Owner) left(e otter.DeletionEvent[string, *Entry]) {
	o.entries.Add(-1)
	o.bytes.Add(-int64(weigh(e.Key, e.Value)))
	if e.WasEvicted() {
		o.tier.note(eviction{o, e.Key, e.Value, true})
	}
}

// note remembers an eviction for settle. otter calls back while it holds its eviction lock: neither another of these
// caches, which might call back in turn, nor code of somebody else may be called there.
func (t *Tier) note(e eviction) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.evicted = append(t.evicted, e)
}

// settle carries evictions over: what one cache pushed out leaves the others as well. It is called with no lock held.
func (t *Tier) settle() {
	for {
		t.mu.Lock()
		evicted := t.evicted
		t.evicted = nil
		t.mu.Unlock()
		if len(evicted) == 0 {
			return
		}
		for _, e := range evicted {
			e.carryOver()
			t.onEvict(e.owner.tag)
		}
	}
}

func (e eviction) carryOver() {
	if e.shared {
		for _, b := range e.owner.bounds {
			remove(b, e.key, e.entry)
		}
		return
	}
	remove(e.owner.tier.cache, e.key, e.entry)
}

// remove takes the entry out unless a newer one has taken its place.
func remove(c *otter.Cache[string, *Entry], key string, e *Entry) {
	c.ComputeIfPresent(key, func(old *Entry) (*Entry, otter.ComputeOp) {
		if old == e {
			return nil, otter.InvalidateOp
		}
		return old, otter.CancelOp
	})
}
