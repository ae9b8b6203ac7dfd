// Package stripe spreads what many goroutines write at once over several cache lines, so that cores do not take a line
// away from each other at every hit.
package stripe

import (
	"sync/atomic"
	"unsafe"
)

// Count is the number of stripes.
const Count = 32

// Index returns a stripe for the calling goroutine. A goroutine that keeps calling from the same place keeps its stripe,
// for as long as its stack does not move; two goroutines rarely share one.
func Index() int {
	var here byte
	page := uint64(uintptr(unsafe.Pointer(&here))) >> 11 // stacks are at least 2 KB apart
	return int(page * 0x9e3779b97f4a7c15 >> 59)          // the highest 5 bits: fewer than Count
}

// line is a counter alone on its cache line, and on the one that the processor fetches along with it.
type line struct {
	n atomic.Uint64
	_ [120]byte
}

// Counter counts without making cores wait for each other. Its zero value is ready; it must not be copied.
type Counter struct{ lines [Count]line }

// Add adds n.
func (c *Counter) Add(n uint64) { c.lines[Index()].n.Add(n) }

// Load returns the sum. It is exact once those who add have returned.
func (c *Counter) Load() (sum uint64) {
	for i := range c.lines {
		sum += c.lines[i].n.Load()
	}
	return sum
}

// Clock orders events by numbers. Events of one goroutine get rising numbers; events of two goroutines are ordered
// across a call of [Clock.Tick], and otherwise to within a few dozen events. Its zero value is ready; it must not be
// copied.
type Clock struct {
	lines  [Count]line
	shared line // a lower bound for the next number of every stripe
}

// syncEvery is after how many events of a stripe the others learn its number.
const syncEvery = 64

// Next returns a number for an event. In the common case it writes no memory that another core reads.
func (c *Clock) Next() uint64 {
	l := &c.lines[Index()].n
	v := l.Add(1)
	if low := c.shared.n.Load(); v <= low {
		v = low + 1
		l.Store(v)
	}
	if v%syncEvery == 0 {
		c.raise(v)
	}
	return v
}

// Touch notes in used, the number of something's last use, that it is used now. It writes nothing where the calling
// goroutine has used nothing else since, so that cores which use one thing again and again only read it.
func (c *Clock) Touch(used *atomic.Uint64) {
	at := used.Load()
	if at >= c.lines[Index()].n.Load() && at > c.shared.n.Load() {
		return
	}
	if v := c.Next(); v > at {
		used.Store(v)
	}
}

// Tick returns a number greater than every number returned so far; every later number is greater.
func (c *Clock) Tick() uint64 {
	v := c.shared.n.Load()
	for i := range c.lines {
		v = max(v, c.lines[i].n.Load())
	}
	return c.raise(v + 1)
}

// raise makes the shared bound at least v, and returns it.
func (c *Clock) raise(v uint64) uint64 {
	for {
		old := c.shared.n.Load()
		if old >= v {
			return old
		}
		if c.shared.n.CompareAndSwap(old, v) {
			return v
		}
	}
}
