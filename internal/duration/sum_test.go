package duration

import (
	"math"
	"testing"
	"time"
)

func TestSumsNeverOverflow(t *testing.T) {
	const most, least = time.Duration(math.MaxInt64), time.Duration(math.MinInt64)
	for _, tt := range []struct{ a, b, want time.Duration }{
		{1, 2, 3}, {most, 1, most}, {most, most, most}, {most, 0, most}, {most - 1, 1, most}, {least, -1, least}, {least, least, least},
		{least + 1, -1, least}, {most, least, -1}, {most, -1, most - 1}, {0, 0, 0},
	} {
		t.Run("T4 "+tt.a.String()+" and "+tt.b.String(), func(t *testing.T) {
			if got, back := Add(tt.a, tt.b), Add(tt.b, tt.a); got != tt.want || back != tt.want {
				t.Errorf("got %d and %d, want %d", got, back, tt.want)
			}
		})
	}
	t.Run("T4 of several", func(t *testing.T) {
		if got := Sum(most, time.Hour, 24*time.Hour); got != most {
			t.Errorf("got %d", got)
		}
	})
}
