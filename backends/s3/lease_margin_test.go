package s3

import (
	"testing"
	"time"
)

func TestLeaseMargin(t *testing.T) {
	t.Run("S4 S7 a lease is over a second after its ttl by the server's clock, which counts whole seconds", func(t *testing.T) {
		modified := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		for age, over := range map[time.Duration]bool{59 * time.Second: false, time.Minute: false, 61 * time.Second: false, 62 * time.Second: true} {
			for _, state := range []string{stateHeld, stateMark} {
				obj := object{
					meta: map[string]string{metaState: state, metaTTL: "60000"}, modified: modified, served: modified.Add(age),
				}
				if got := slotOver(obj); got != over {
					t.Errorf("%s, %v after its last write: over is %v", state, age, got)
				}
			}
		}
	})
}
