package slots

import (
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/port"
)

const (
	privateFor    = 2 * time.Minute
	longestRefuse = 10 * time.Second
	// maxMarks bounds what this container remembers of marks: unique URLs must not grow memory.
	maxMarks = 4096
)

// marks are what this container knows of keys whose runs are not worth waiting for.
type marks struct {
	mu   sync.Mutex
	keys map[port.Key]knownMark
}

type knownMark struct {
	kind  port.Mark
	until int64
	took  time.Duration // how long a refused mark lasts, doubled each time
	asked int64         // when the backend was last asked for the key
}

func (m *marks) get(k port.Key, now int64) knownMark {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.keys[k]
	if now >= known.until || known.until-now > int64(privateFor) { // the clock was set back
		return knownMark{took: known.took}
	}
	return known
}

// resting reports whether the backend was asked for a marked key within near; it notes that it is asked now where not.
func (m *marks) resting(k port.Key, now int64, near time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, there := m.keys[k]
	if since := now - known.asked; !there || since >= 0 && since < int64(near) {
		return there
	}
	known.asked = now
	m.keys[k] = known
	return false
}

func (m *marks) set(k port.Key, mark knownMark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	mark.asked = max(mark.asked, m.keys[k].asked)
	if m.keys == nil {
		m.keys = map[port.Key]knownMark{}
	}
	if _, there := m.keys[k]; !there && len(m.keys) >= maxMarks {
		for other := range m.keys { // any one
			delete(m.keys, other)
			break
		}
	}
	m.keys[k] = mark
}

func (m *marks) remove(k port.Key) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, there := m.keys[k]
	delete(m.keys, k)
	return there
}

func (m *marks) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.keys)
}

// next returns the mark that a run which took that long leaves.
func (m *marks) next(k port.Key, kind port.Mark, took time.Duration, now int64) knownMark {
	last := privateFor
	if kind == port.Refused {
		last = min(max(took, time.Millisecond), longestRefuse)
		if old := m.get(k, now); old.took > 0 {
			last = min(2*old.took, longestRefuse)
		}
		return knownMark{kind: kind, until: now + int64(last), took: last}
	}
	return knownMark{kind: kind, until: now + int64(last)}
}
