package adapter

import (
	"sync/atomic"
	"time"
)

// wallClock tells the wall-clock time, which goes on while a container is frozen, at the price of the monotonic one,
// which may not: half of what reading both costs, and a hit from memory is mostly that.
//
// It adds what the monotonic clock says has passed since both were read together. That must not span a freeze, so it
// holds for an instant only: between two invocations lie at least the two requests to the Runtime API that end one and
// begin the other, and those take longer.
type wallClock struct {
	read   atomic.Int64 // when both were read, by the monotonic clock
	offset atomic.Int64 // from the monotonic clock to the wall clock
}

// instant is how long the two clocks are taken to go together: some hundred hits, and a tenth of the quickest
// invocation.
const instant = 20 * time.Microsecond

// began is what the monotonic clock counts from.
var began = time.Now()

func (c *wallClock) now() int64 {
	mono := int64(time.Since(began))
	if since := mono - c.read.Load(); since >= 0 && since < int64(instant) {
		return mono + c.offset.Load() // stored before read: as new as that, or newer
	}
	t := time.Now()
	mono = int64(t.Sub(began))
	c.offset.Store(t.UnixNano() - mono)
	c.read.Store(mono)
	return t.UnixNano()
}
