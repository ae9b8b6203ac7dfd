// Package memory is the memory tier: the entries of all cached functions of one container under one budget of bytes, and
// under the bounds that single functions ask for. Where there is no room, what was not used for the longest time goes;
// the order of use is kept by hashicorp's simplelru, this package adds what entries weigh and whose they are.
//
// One mutex guards it all. A container of Lambda has one invocation at a time, and rarely more than one processor: what
// counts there is a short way for one caller, and little to link.
package memory

import (
	"math"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/hashicorp/golang-lru/v2/simplelru"
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
	onEvict func(tag any)

	mu      sync.Mutex
	all     bounded
	evicted []*Owner // of each entry that was evicted and not told yet
}

// bounded is a set of entries in the order of their use, and how much of it there may be.
type bounded struct {
	used       *simplelru.LRU[string, *Entry]
	bytes      int64
	maxBytes   int64
	maxEntries int
}

func newBounded(maxEntries int, maxBytes int64) bounded {
	// The bounds are enforced here, so that both sets of an entry are told. Only a size of zero is an error.
	used, _ := simplelru.NewLRU[string, *Entry](math.MaxInt, nil)
	b := bounded{used: used, maxBytes: math.MaxInt64, maxEntries: math.MaxInt}
	if maxBytes > 0 {
		b.maxBytes = maxBytes
	}
	if maxEntries > 0 {
		b.maxEntries = maxEntries
	}
	return b
}

func (b *bounded) add(key string, e *Entry) {
	b.used.Add(key, e)
	b.bytes += weigh(key, e)
}

func (b *bounded) remove(key string, e *Entry) {
	b.used.Remove(key)
	b.bytes -= weigh(key, e)
}

// over reports whether there is more than there may be.
func (b *bounded) over() bool { return b.bytes > b.maxBytes || b.used.Len() > b.maxEntries }

// Owner is one function's part of the tier.
type Owner struct {
	tier *Tier
	tag  any
	most int64    // bytes that one entry may take
	own  *bounded // nil where the function asked for no bound

	entries, bytes int64 // guarded by tier.mu
}

// entryOverhead is what an entry costs besides its value: the Entry, its key's header and its place in the order of use.
const entryOverhead = 256

// New returns a tier with a budget of bytes. onEvict is told, outside of any lock, the tag of the owner of each entry
// that left for want of room.
func New(budget int64, onEvict func(tag any)) *Tier {
	return &Tier{onEvict: onEvict, all: newBounded(0, max(1, budget))}
}

func weigh(key string, e *Entry) int64 { return e.Cost + int64(len(key)) + entryOverhead }

// Owner adds a function with its own bounds; zero means none. tag is what onEvict is told.
func (t *Tier) Owner(tag any, maxEntries int, maxBytes int64) *Owner {
	o := &Owner{tier: t, tag: tag, most: t.all.maxBytes}
	if maxEntries > 0 || maxBytes > 0 {
		own := newBounded(maxEntries, maxBytes)
		o.own, o.most = &own, min(o.most, own.maxBytes)
	}
	return o
}

// Get returns the entry under key, or nil. It does not keep key, so the caller may reuse its bytes.
func (o *Owner) Get(key []byte) *Entry {
	k := unsafe.String(unsafe.SliceData(key), len(key))
	o.tier.mu.Lock()
	e, _ := o.tier.all.used.Get(k)
	if e != nil && o.own != nil {
		o.own.used.Get(k)
	}
	o.tier.mu.Unlock()
	return e
}

// Fits reports whether there would be room for an entry of a cost, if it were the only one.
func (o *Owner) Fits(cost int64) bool { return cost+entryOverhead <= o.most }

// Set keeps the entry under key, as far as there is room, in place of what was there.
func (o *Owner) Set(key string, e *Entry) {
	t := o.tier
	t.mu.Lock()
	e.owner = o
	o.drop(key)
	if weigh(key, e) > o.most { // it would push out all others, and then itself
		t.mu.Unlock()
		return
	}
	t.all.add(key, e)
	o.entries, o.bytes = o.entries+1, o.bytes+weigh(key, e)
	if o.own != nil {
		o.own.add(key, e)
		t.evict(o.own)
	}
	t.evict(&t.all)
	evicted := t.evicted
	t.evicted = nil
	t.mu.Unlock()
	for _, o := range evicted {
		t.onEvict(o.tag)
	}
}

// evict makes room in a set: what leaves it leaves the tier.
func (t *Tier) evict(from *bounded) {
	for from.over() {
		key, e, ok := from.used.GetOldest()
		if !ok {
			return
		}
		e.owner.drop(key)
		t.evicted = append(t.evicted, e.owner)
	}
}

// Delete removes the entry under key.
func (o *Owner) Delete(key string) {
	o.tier.mu.Lock()
	defer o.tier.mu.Unlock()
	o.drop(key)
}

// drop removes the owner's entry under key from every set. Who calls it holds the lock.
func (o *Owner) drop(key string) {
	e, ok := o.tier.all.used.Peek(key)
	if !ok {
		return
	}
	o.tier.all.remove(key, e)
	if o.own != nil {
		o.own.remove(key, e)
	}
	o.entries, o.bytes = o.entries-1, o.bytes-weigh(key, e)
}

// Sweep removes the owner's entries for which drop reports true. It walks the whole tier, and must not be called back.
func (o *Owner) Sweep(drop func(*Entry) bool) {
	o.tier.mu.Lock()
	defer o.tier.mu.Unlock()
	for _, key := range o.tier.all.used.Keys() {
		if e, _ := o.tier.all.used.Peek(key); e.owner == o && drop(e) {
			o.drop(key)
		}
	}
}

// Len returns the number of the owner's entries, and the bytes they take.
func (o *Owner) Len() (entries, bytes int64) {
	o.tier.mu.Lock()
	defer o.tier.mu.Unlock()
	return o.entries, o.bytes
}
