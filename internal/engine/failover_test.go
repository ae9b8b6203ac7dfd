package engine_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/internal/engine"
)

func TestFailovers(t *testing.T) {
	t.Run("C1 memory of a Coherent function does not serve what a failover brings back and this container knows as cleared", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			now := fl.m.(*memory.Manager)
			server := new(atomic.Pointer[memory.Manager])
			server.Store(now)
			behind := func(s *engine.Spec) { s.Manager, s.Coherent = failing{server}, true }
			a, b := fl.container(behind), fl.container(behind)
			b.get("x")
			snapshot := now.Copy()
			a.do(a.f.Clear)
			time.Sleep(6 * time.Second)
			b.get("y") // hears of the clear; memory still has x
			server.Store(snapshot)
			time.Sleep(6 * time.Second)
			if v := b.get("x"); v == 1 {
				t.Error("what was cleared is back")
			}
		})
	})
}
