package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// The kinds of marks (semantics F3): a key whose last result was refused, or was for its caller only.
const (
	markRefused byte = 1
	markPrivate byte = 2
)

const (
	privateFor    = 2 * time.Minute
	longestRefuse = 10 * time.Second
	// maxMarks bounds what this container remembers of marks: the oldest is forgotten, which costs a read.
	maxMarks = 4096
)

// marks are what this container knows of marked keys.
type marks struct {
	some atomic.Bool // any key is marked: most functions have none, and every read asks
	mu   sync.Mutex
	keys map[string]knownMark
}

type knownMark struct {
	kind  byte
	until int64         // wall clock
	heard int64         // when the backend was last asked
	took  time.Duration // of a refused mark: how long it lasts, doubled each time
}

// private reports whether the key's last result was for its caller only.
func (m *marks) private(key string, now int64) bool {
	k, ok := m.get(key, now)
	return ok && k.kind == markPrivate
}

// resting reports whether the backend need not be asked for the key: it is marked, and was asked within every.
func (m *marks) resting(key string, now int64, every time.Duration) bool {
	k, ok := m.get(key, now)
	return ok && now-k.heard < int64(every) && now >= k.heard
}

func (m *marks) get(key string, now int64) (knownMark, bool) {
	if !m.some.Load() {
		return knownMark{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.keys[key]
	if ok && (now >= k.until || now < k.heard) {
		return k, false
	}
	return k, ok
}

func (m *marks) set(key string, k knownMark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys == nil {
		m.keys = map[string]knownMark{}
	}
	if _, there := m.keys[key]; !there && len(m.keys) >= maxMarks {
		for other := range m.keys { // any one
			delete(m.keys, other)
			break
		}
	}
	m.keys[cloneString(key)] = k
	m.some.Store(true)
}

// remove forgets a key's mark and reports whether there was one.
func (m *marks) remove(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, there := m.keys[key]
	delete(m.keys, key)
	m.some.Store(len(m.keys) > 0)
	return there
}

func (m *marks) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.keys)
	m.some.Store(false)
}

// hear notes a mark that the backend has.
func (m *marks) hear(key string, e *backends.MarkedError, now int64) {
	m.set(key, knownMark{kind: e.Mark.Kind, until: now + int64(e.Left), heard: now, took: e.Mark.TTL})
}

// overtaken reports whether everything was cleared since the mark was set: it says nothing of results of after that.
func (f *Function) overtaken(l *Lookup, e *backends.MarkedError) bool {
	return l.generation != 0 && e.Mark.Generation != l.generation
}

// asked notes that the backend was asked for a marked key.
func (m *marks) asked(key string, now int64) {
	if !m.some.Load() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.keys[key]; ok {
		k.heard = now
		m.keys[cloneString(key)] = k // the map would keep this key in the place of its own
	}
}

// refusedMark marks a key whose result is not stored, for as long as its run took, doubling each time. Nothing is marked
// where the run failed.
func (f *Function) refusedMark(l *Lookup, took time.Duration, ok bool) backends.Mark {
	if !ok {
		return backends.Mark{}
	}
	now := f.env.Now()
	last := min(max(took, time.Millisecond), longestRefuse)
	f.marks.mu.Lock()
	if k := f.marks.keys[l.Key]; k.kind == markRefused && k.took > 0 {
		last = min(2*k.took, longestRefuse)
	}
	f.marks.mu.Unlock()
	return f.marked(l, knownMark{kind: markRefused, until: now + int64(last), heard: now, took: last}, last)
}

// privateMark marks a key whose result was for its caller only.
func (f *Function) privateMark(l *Lookup) backends.Mark {
	now := f.env.Now()
	return f.marked(l, knownMark{kind: markPrivate, until: now + int64(privateFor), heard: now}, privateFor)
}

func (f *Function) marked(l *Lookup, k knownMark, ttl time.Duration) backends.Mark {
	if f.store == nil && k.kind == markRefused {
		return backends.Mark{} // there is nobody to spare
	}
	if old, there := f.marks.get(l.Key, k.heard); there && f.marks.resting(l.Key, k.heard, f.spec.NearTTL) {
		k.heard = old.heard // the backend was not asked this time
	}
	f.marks.set(l.Key, k)
	return backends.Mark{Kind: k.kind, Generation: l.generation, TTL: ttl}
}

// rests are the keys whose function is left alone for a while, because it failed and an older value stands in.
type rests struct {
	mu   sync.Mutex
	keys map[string]int64 // until when
}

func (r *rests) resting(key string, now int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, ok := r.keys[key]
	return ok && now < until && until-now <= int64(coolDown)
}

func (r *rests) begin(key string, until int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys == nil || len(r.keys) >= maxMarks {
		r.keys = map[string]int64{}
	}
	r.keys[cloneString(key)] = until
}

func (r *rests) end(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.keys, key)
}
