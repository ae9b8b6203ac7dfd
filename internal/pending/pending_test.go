package pending_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stillwarm/stillwarm/internal/pending"
)

func TestCounter(t *testing.T) {
	t.Run("nothing pending", func(t *testing.T) {
		var c pending.Counter
		if !c.Wait(t.Context()) {
			t.Fatal("waited for nothing")
		}
	})
	t.Run("waits for the last", func(t *testing.T) {
		var c pending.Counter
		c.Add()
		c.Add()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if c.Wait(ended) {
			t.Fatal("did not wait")
		}
		c.Done()
		if c.Wait(ended) {
			t.Fatal("did not wait for the second")
		}
		go c.Done()
		if !c.Wait(t.Context()) {
			t.Fatal("never done")
		}
	})
	t.Run("L5 may grow from zero while others wait", func(t *testing.T) {
		var c pending.Counter
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 1000 {
					c.Add()
					c.Done()
				}
			})
			wg.Go(func() {
				for range 100 {
					c.Wait(t.Context())
				}
			})
		}
		wg.Wait()
		if !c.Wait(t.Context()) {
			t.Fatal("not at zero")
		}
	})
	t.Run("more done than added", func(t *testing.T) {
		defer func() {
			if recover() == nil {
				t.Fatal("not noticed")
			}
		}()
		var c pending.Counter
		c.Done()
	})
}
