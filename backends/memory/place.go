package memory

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// overhead is counted for each entry beside its bytes and key: map slot, list element, header.
const overhead = 256

type fnID struct{ namespace, name string }

type address struct {
	fn  fnID
	key string
}

// function is one function's generation. Clear replaces the whole value: entries point to the one they were put under,
// so that one comparison tells whether they still count.
type function struct{ generation uint64 }

type entry struct {
	at      address
	under   *function
	bytes   []byte // never changed after Put, so it may be read without the lock
	expires time.Time
}

func (e *entry) size() int64 { return int64(len(e.bytes)+len(e.at.key)) + overhead }

type lease struct {
	token   uint64
	expires time.Time
}

// place is what managers of one name share.
type place struct {
	max   int64
	clock func() time.Time

	mu        sync.Mutex
	functions map[fnID]*function
	entries   map[address]*list.Element
	recent    *list.List // of *entry, most recently used first
	size      int64
	leases    map[address]lease
	sweepAt   int // number of leases at which those that are over are looked for
}

func newPlace(o Options) *place {
	p := &place{
		max:       o.Max,
		clock:     o.Clock,
		functions: make(map[fnID]*function),
		entries:   make(map[address]*list.Element),
		recent:    list.New(),
		leases:    make(map[address]lease),
		sweepAt:   64,
	}
	if p.max == 0 {
		p.max = DefaultMax
	}
	if p.clock == nil {
		p.clock = time.Now
	}
	return p
}

// now is the wall clock: the monotonic one may stand still while a container is frozen.
func (p *place) now() time.Time { return p.clock().Round(0) }

// function returns the function's current state, made at first use. Called with the lock held.
func (p *place) function(id fnID) *function {
	f := p.functions[id]
	if f == nil {
		f = &function{generation: backends.NewGeneration()}
		p.functions[id] = f
	}
	return f
}

func (p *place) generation(id fnID) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.function(id).generation
}

func (p *place) clear(id fnID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.functions[id] = &function{generation: backends.NewGeneration()}
}

func (p *place) clearAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Dropping the maps is cheap here; the collector pays for the entries.
	p.functions = make(map[fnID]*function)
	p.entries = make(map[address]*list.Element)
	p.recent.Init()
	p.size = 0
}

func (p *place) get(at address) (bytes []byte, generation uint64, expires time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.function(at.fn)
	el := p.entries[at]
	if el == nil {
		return nil, f.generation, time.Time{}, backends.ErrNotFound
	}
	e := el.Value.(*entry)
	if p.gone(e, p.now()) {
		p.remove(el)
		return nil, f.generation, time.Time{}, backends.ErrNotFound
	}
	p.recent.MoveToFront(el)
	return e.bytes, f.generation, e.expires, nil
}

func (p *place) put(at address, bytes []byte, expires time.Time) error {
	e := &entry{at: at, bytes: bytes, expires: expires.Round(0)}
	if e.size() > p.max {
		return backends.ErrTooLarge
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.entries[at]; old != nil {
		p.remove(old)
	}
	now := p.now()
	e.under = p.function(at.fn)
	if p.gone(e, now) {
		return nil
	}
	p.entries[at] = p.recent.PushFront(e)
	p.size += e.size()
	p.sweep(now)
	return nil
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

func (p *place) delete(at address) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if el := p.entries[at]; el != nil {
		p.remove(el)
	}
}

func (p *place) remove(el *list.Element) {
	e := p.recent.Remove(el).(*entry)
	delete(p.entries, e.at)
	p.size -= e.size()
}

// gone reports whether the entry has expired or was cleared away.
func (p *place) gone(e *entry, now time.Time) bool {
	return p.functions[e.at.fn] != e.under || !e.expires.IsZero() && !now.Before(e.expires)
}

// living returns the entries that count now, of one function or of all.
func (p *place) living(of func(fnID) bool) []*entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	var es []*entry
	for el := p.recent.Front(); el != nil; el = el.Next() {
		if e := el.Value.(*entry); of(e.at.fn) && !p.gone(e, now) {
			es = append(es, e)
		}
	}
	return es
}

func (p *place) prune(ctx context.Context, generationOf func([]byte) (uint64, bool)) (removed int, err error) {
	p.mu.Lock()
	now := p.now()
	for el := p.recent.Front(); el != nil; {
		next := el.Next()
		if p.gone(el.Value.(*entry), now) {
			p.remove(el)
			removed++
		}
		el = next
	}
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
