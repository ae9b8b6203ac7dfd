package redis_test

import (
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends/redis"
)

// clock is a wall clock that tests move.
type clock struct{ offset atomic.Int64 }

func newClock() *clock { return &clock{} }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }
func (c *clock) use(o *redis.Options)    { o.Clock = c.now }
