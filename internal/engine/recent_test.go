package engine

import (
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

func TestKnownRun(t *testing.T) {
	run := func(took ...time.Duration) *Function {
		f := new(Function)
		for _, d := range took {
			f.recent.note(d)
		}
		return f
	}
	last := func(d time.Duration) *memory.Entry { return &memory.Entry{RunTime: int64(d)} }
	for _, c := range []struct {
		name string
		f    *Function
		old  *memory.Entry
		said time.Duration
		want time.Duration
	}{
		{"S5 nobody knows", run(), nil, 0, 0},
		{"S5 the lease alone", run(), nil, time.Second, time.Second},
		{"S5 the function alone: the longest of recent runs", run(time.Second, 3*time.Second), nil, 0, 3 * time.Second},
		{"S5 a long run is forgotten slowly", run(9*time.Second, time.Second), nil, 0, 8 * time.Second},
		{"S5 the key's last run comes before the lease", run(), last(2 * time.Second), time.Second, 2 * time.Second},
		{"S5 a function that takes a little longer is believed", run(3 * time.Second), last(2 * time.Second), 0, 3 * time.Second},
		{"S5 and one that takes much longer up to twice", run(time.Minute), last(2 * time.Second), 0, 4 * time.Second},
		{"S5 the key's run is not shortened", run(time.Second), last(2 * time.Second), 0, 2 * time.Second},
		{"S5 what an entry claims does not overflow", run(), last(1<<63 - 1), 0, 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.f.knownRun(c.old, c.said); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
