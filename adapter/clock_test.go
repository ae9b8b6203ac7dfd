package adapter

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestWallClock(t *testing.T) {
	t.Run("it tells the time, to the instant", func(t *testing.T) {
		var c wallClock
		for range 100_000 {
			before := time.Now().UnixNano()
			now := c.now()
			after := time.Now().UnixNano()
			// The monotonic clock may be slewed against the wall clock meanwhile.
			if slack := int64(instant); now < before-slack || now > after+slack {
				t.Fatalf("%d, not between %d and %d", now, before, after)
			}
		}
	})
	t.Run("after an instant both clocks are read again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var c wallClock
			c.now()
			c.offset.Add(-int64(time.Hour)) // a freeze in which the monotonic clock stood still
			if late := time.Now().UnixNano() - c.now(); late != int64(time.Hour) {
				t.Fatalf("within the instant: %d late", late)
			}
			time.Sleep(instant)
			if late := time.Now().UnixNano() - c.now(); late != 0 {
				t.Fatalf("after the instant: %v late", time.Duration(late))
			}
		})
	})
	t.Run("a monotonic clock that went back is read again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var c wallClock
			c.now()
			c.read.Add(int64(time.Hour))
			c.offset.Store(0)
			if late := time.Now().UnixNano() - c.now(); late != 0 {
				t.Fatalf("%v late", time.Duration(late))
			}
		})
	})
	t.Run("many callers at once", func(t *testing.T) {
		var c wallClock
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 10_000 {
					before := time.Now()
					if now := time.Unix(0, c.now()); now.Before(before.Add(-time.Second)) || now.After(time.Now().Add(time.Second)) {
						t.Errorf("%v at %v", now, before)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}
