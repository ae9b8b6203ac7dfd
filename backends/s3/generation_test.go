package s3

import (
	"fmt"
	"testing"
	"time"
)

func TestGenerations(t *testing.T) {
	t.Run("epoch and function both change the generation", func(t *testing.T) {
		if combine("a", "b") == combine("c", "b") || combine("a", "b") == combine("a", "c") || combine("a", "b") == 0 {
			t.Error("a clear would not be seen")
		}
	})
	t.Run("a generation is kept for half of NearTTL and at most two seconds", func(t *testing.T) {
		for near, want := range map[time.Duration]time.Duration{0: 0, time.Second: 500 * time.Millisecond, 5 * time.Second: 2 * time.Second} {
			if got := keepFor(near); got != want {
				t.Errorf("NearTTL %v: %v, want %v", near, got, want)
			}
		}
	})
}

func TestSightings(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	t.Run("an unchanged ETag is over after the ttl, a changed one is not", func(t *testing.T) {
		var s sightings
		if s.since("l", "a", at(0), time.Minute) || s.since("l", "a", at(59*time.Second), time.Minute) {
			t.Error("over too early")
		}
		if !s.since("l", "a", at(time.Minute), time.Minute) {
			t.Error("not over")
		}
		if s.since("l", "b", at(2*time.Minute), time.Minute) || s.since("l", "b", at(2*time.Minute+59*time.Second), time.Minute) {
			t.Error("a renewed lease is over")
		}
	})
	t.Run("a clock that stepped back begins anew", func(t *testing.T) {
		var s sightings
		s.since("l", "a", at(0), time.Minute)
		s.since("l", "a", at(-time.Hour), time.Minute)
		if s.since("l", "a", at(-59*time.Minute-time.Second), time.Minute) {
			t.Error("over too early")
		}
	})
	t.Run("memory is bounded, and the latest stay", func(t *testing.T) {
		var s sightings
		for i := range 10 * maxSightings {
			s.since(fmt.Sprint(i), "a", at(time.Duration(i)*time.Millisecond), time.Hour)
		}
		if _, latest := s.seen[fmt.Sprint(10*maxSightings-1)]; len(s.seen) > maxSightings || !latest {
			t.Errorf("%d kept", len(s.seen))
		}
		var same sightings
		for i := range 3 * maxSightings {
			same.since(fmt.Sprint(i), "a", start, time.Hour)
		}
		if len(same.seen) > maxSightings {
			t.Errorf("%d kept of one instant", len(same.seen))
		}
	})
}
