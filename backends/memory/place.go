package memory

import (
	"container/list"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/internal/version"
)

// overhead is counted for each entry beside its bytes and key: map slot, list element, header, version.
const overhead = 256

type fnID struct{ namespace, name string }

type address struct {
	fn  fnID
	key string
}

// function is one function's generation. Clear replaces the whole value: entries point to the one they were put under,
// so that one comparison tells whether they still count.
type function struct{ generation uint64 }

// entry is what a slot holds: an entry, or a tombstone, whose bytes are nil.
type entry struct {
	at      address
	under   *function
	bytes   []byte // never changed after Put, so it may be read without the lock
	version backends.Version
	expires time.Time
}

func (e *entry) size() int64 { return int64(len(e.bytes)+len(e.at.key)) + overhead }

func (e *entry) expired(now time.Time) bool { return !e.expires.IsZero() && !now.Before(e.expires) }

// place is what managers of one name share.
type place struct {
	max      int64
	maxEntry int64
	clock    func() time.Time

	mu        sync.Mutex
	functions map[fnID]*function
	entries   map[address]*list.Element
	recent    *list.List // of *entry, most recently used first
	size      int64
	leases    map[address]lease
	sweepAt   int // number of leases at which those that are over are looked for
	records   map[recordName]record
	touched   int64 // functions and slots looked at or changed so far: what an operation costs
}

func newPlace(o Options) *place {
	p := &place{
		max:       o.Max,
		maxEntry:  o.MaxEntry,
		clock:     o.Clock,
		functions: make(map[fnID]*function),
		entries:   make(map[address]*list.Element),
		recent:    list.New(),
		leases:    make(map[address]lease),
		sweepAt:   64,
		records:   make(map[recordName]record),
	}
	if p.max == 0 {
		p.max = DefaultMax
	}
	if p.clock == nil {
		p.clock = time.Now
	}
	return p
}

// copy takes the lock.
func (p *place) copy() *place {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := newPlace(Options{Max: p.max, MaxEntry: p.maxEntry, Clock: p.clock})
	c.functions, c.leases, c.records = maps.Clone(p.functions), maps.Clone(p.leases), maps.Clone(p.records)
	for el := p.recent.Front(); el != nil; el = el.Next() {
		e := el.Value.(*entry) // never changed
		c.entries[e.at] = c.recent.PushBack(e)
	}
	c.size, c.sweepAt, c.touched = p.size, p.sweepAt, p.touched
	return c
}

// now is the wall clock: the monotonic one may stand still while a container is frozen.
func (p *place) now() time.Time { return p.clock().Round(0) }

// function returns the function's current state, made at first use. Called with the lock held, as all that follow and say
// nothing else.
func (p *place) function(id fnID) *function {
	p.touched++
	f := p.functions[id]
	if f == nil {
		f = &function{generation: backends.NewGeneration()}
		p.functions[id] = f
	}
	return f
}

// generation takes the lock.
func (p *place) generation(id fnID) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.function(id).generation
}

// clear takes the lock.
func (p *place) clear(id fnID) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.touched++
	f := &function{generation: backends.NewGeneration()}
	p.functions[id] = f
	return f.generation
}

// clearAll takes the lock.
func (p *place) clearAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.touched++
	// Dropping the maps is cheap here; the collector pays for the entries.
	p.functions = make(map[fnID]*function)
	p.entries = make(map[address]*list.Element)
	p.recent.Init()
	p.size = 0
}

// read returns a reading whose bytes are the place's own.
func (p *place) read(at address, o backends.ReadOptions) backends.Reading {
	f := p.function(at.fn)
	now := p.now()
	r := backends.Reading{Generation: f.generation, Clock: now}
	if len(o.Records) > 0 {
		r.Records = p.readRecords(at.fn.namespace, o.Records)
	}
	e := p.slot(at)
	if e == nil {
		return r
	}
	r.Version = e.version
	if e.bytes == nil || e.expired(now) {
		return r
	}
	if o.IfChanged == e.version {
		r.Unchanged = true
		return r
	}
	p.recent.MoveToFront(p.entries[at])
	r.Entry, r.Expires = e.bytes, e.expires
	return r
}

// slot returns what the slot holds, expired or not; nil: it is empty. What was cleared away is gone.
func (p *place) slot(at address) *entry {
	p.touched++
	el := p.entries[at]
	if el == nil {
		return nil
	}
	e := el.Value.(*entry)
	if p.functions[at.fn] != e.under && e.bytes != nil {
		p.remove(el)
		return nil
	}
	return e
}

// put takes the lock.
func (p *place) put(at address, bytes []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	e := &entry{at: at, bytes: bytes, expires: expires.Round(0), version: version.New(expires)}
	if e.size() > p.max || p.maxEntry > 0 && int64(len(bytes)) > p.maxEntry {
		return backends.Absent, backends.ErrTooLarge
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if held := p.slot(at); held == nil && seen != backends.Absent && !version.Lapsed(seen, p.now()) ||
		held != nil && held.version != seen {
		return backends.Absent, backends.ErrConflict
	}
	p.replace(e)
	return e.version, nil
}

// invalidate takes the lock.
func (p *place) invalidate(at address) {
	p.mu.Lock()
	defer p.mu.Unlock()
	expires := p.now().Add(backends.TombstoneTTL)
	p.replace(&entry{at: at, expires: expires, version: version.New(expires)})
}

// replace puts the entry in its slot, and makes room.
func (p *place) replace(e *entry) {
	if old := p.entries[e.at]; old != nil {
		p.remove(old)
	}
	e.under = p.function(e.at.fn)
	p.entries[e.at] = p.recent.PushFront(e)
	p.size += e.size()
	p.sweep(p.now())
}

// sweep keeps the bound, and looks at a few of the oldest entries so that dead ones do not wait for the bound.
func (p *place) sweep(now time.Time) {
	for p.size > p.max {
		p.remove(p.recent.Back())
	}
	el := p.recent.Back()
	for range 4 {
		if el == nil {
			return
		}
		prev := el.Prev()
		if p.gone(el.Value.(*entry), now) {
			p.remove(el)
		}
		el = prev
	}
}

// delete takes the lock.
func (p *place) delete(at address, seen backends.Version) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.slot(at); e != nil && e.version == seen {
		p.remove(p.entries[at])
	}
}

func (p *place) remove(el *list.Element) {
	p.touched++
	e := p.recent.Remove(el).(*entry)
	delete(p.entries, e.at)
	p.size -= e.size()
}

// gone reports whether the entry has expired or was cleared away. A clear does not touch tombstones: they keep off the
// writers of before it.
func (p *place) gone(e *entry, now time.Time) bool {
	p.touched++
	return e.bytes != nil && p.functions[e.at.fn] != e.under || e.expired(now)
}

// living returns the entries that count now, of one function or of all. It takes the lock.
func (p *place) living(of func(fnID) bool) []*entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	var es []*entry
	for el := p.recent.Front(); el != nil; el = el.Next() {
		if e := el.Value.(*entry); e.bytes != nil && of(e.at.fn) && !p.gone(e, now) {
			es = append(es, e)
		}
	}
	return es
}

// prune takes the lock.
func (p *place) prune(ctx context.Context, generationOf func([]byte) (uint64, bool)) (removed int, err error) {
	p.mu.Lock()
	now := p.now()
	for el := p.recent.Front(); el != nil; {
		next := el.Next()
		if e := el.Value.(*entry); p.gone(e, now) {
			p.remove(el)
			if e.bytes != nil {
				removed++
			}
		}
		el = next
	}
	p.pruneRecords(now)
	p.mu.Unlock()
	// generationOf is the caller's code: it runs without the lock.
	for e := range slices.Values(p.living(func(fnID) bool { return true })) {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		g, ok := generationOf(e.bytes)
		if ok && g == e.under.generation {
			continue
		}
		p.mu.Lock()
		if el := p.entries[e.at]; el != nil && el.Value.(*entry) == e {
			p.remove(el)
			removed++
		}
		p.mu.Unlock()
	}
	return removed, nil
}
