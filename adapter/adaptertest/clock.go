package adaptertest

import (
	"sync/atomic"
	"time"
)

// clock is a clock that stands still. It is safe for concurrent use.
type clock struct{ nanoseconds atomic.Int64 }

// newClock returns a clock at noon of a day that no test should depend on.
func newClock() *clock {
	c := &clock{}
	c.nanoseconds.Store(time.Date(2030, time.January, 2, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

// Now is a Config.Clock.
func (c *clock) Now() time.Time { return time.Unix(0, c.nanoseconds.Load()).UTC() }

func (c *clock) advance(d time.Duration) { c.nanoseconds.Add(int64(d)) }
