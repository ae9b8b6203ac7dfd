// Package freshness decides how fresh an entry is. It is the only place that compares an entry's times with the clock.
//
// An entry is fresh for its ttl, counted from the beginning of its run on the wall clock: what it says may be that old.
// Then it is stale for the stale window, then of use for fail-safe only, then expired. Where the clock was set back, an
// entry comes from the future: it is used as if its run began now, so that nothing is kept longer than its ttl from now.
package freshness

import (
	"math"
	"math/rand/v2"
	"time"
)

// Never is the time of what does not expire.
const Never = math.MaxInt64

// State is how fresh an entry is.
type State int

// The states, from best to worst.
const (
	Fresh        State = iota
	RefreshAhead       // fresh, and due for a refresh
	Stale              // in the stale window
	FailSafe           // of use only where the function fails
	Expired
)

// Times are an entry's times in nanoseconds since 1970.
type Times struct {
	Created int64 // the run began
	Fresh   int64 // until when it is fresh; Never: for ever
}

// Policy is what a function's options say of freshness. The zero Policy keeps entries fresh for ever.
type Policy struct {
	TTL      time.Duration // zero: no bound
	Stale    time.Duration // the stale window
	FailSafe time.Duration // how long after its ttl a value may stand in for a failed run
	Jitter   float64       // each ttl is shortened by a random share up to this
	Ahead    float64       // share of the ttl after which a hit starts a refresh; zero: never
}

// Times returns the times of a result whose run began at created. own is the lifetime that the result itself names,
// which the ttl bounds; negative: none.
func (p Policy) Times(created int64, own time.Duration) Times {
	t := Times{Created: created, Fresh: Never}
	ttl := p.TTL
	if own >= 0 && (ttl <= 0 || own < ttl) {
		t.Fresh = Add(created, own)
		return t
	}
	if ttl <= 0 {
		return t
	}
	if p.Jitter > 0 {
		ttl -= time.Duration(float64(ttl) * p.Jitter * rand.Float64()) //nolint:gosec // spreading, not secrecy
	}
	t.Fresh = Add(created, ttl)
	return t
}

// Cut returns the times of an entry that another process wrote, cut to this function's ttl, which may have changed.
func (p Policy) Cut(t Times) Times {
	if p.TTL > 0 {
		t.Fresh = min(t.Fresh, Add(t.Created, p.TTL))
	}
	return t
}

// State returns how fresh the entry is now.
func (p Policy) State(t Times, now int64) State {
	if t.Fresh == Never {
		return Fresh
	}
	t, _ = Present(t, now)
	switch over := now - t.Fresh; {
	case over < 0 && p.ahead(t, now):
		return RefreshAhead
	case over < 0:
		return Fresh
	case over < int64(p.Stale):
		return Stale
	case over < int64(p.FailSafe):
		return FailSafe
	default:
		return Expired
	}
}

func (p Policy) ahead(t Times, now int64) bool {
	return p.Ahead > 0 && float64(now-t.Created) >= p.Ahead*float64(t.Fresh-t.Created)
}

// MayStandIn reports whether the value may stand in for a run that failed or is slow: as long as fail-safe allows, or in
// its stale window, or fresh.
func (p Policy) MayStandIn(t Times, now int64) bool { return p.State(t, now) < Expired }

// End returns until when an entry is of any use.
func (p Policy) End(t Times) int64 {
	if t.Fresh == Never {
		return Never
	}
	return Add(t.Fresh, max(p.Stale, p.FailSafe))
}

// skew is how far the clocks of two containers may differ without anybody taking note.
const skew = int64(time.Second)

// Present moves an entry from the future to now, and reports whether it did by more than clocks usually differ.
func Present(t Times, now int64) (moved Times, far bool) {
	ahead := t.Created - now
	if ahead <= 0 {
		return t, false
	}
	t.Created = now
	if t.Fresh != Never {
		t.Fresh -= ahead
	}
	return t, ahead > skew
}

// Age returns how old an entry is; never negative.
func Age(t Times, now int64) time.Duration { return time.Duration(max(0, now-t.Created)) }

// Add returns the time d after t, at most [Never].
func Add(t int64, d time.Duration) int64 {
	if d > 0 && t > math.MaxInt64-int64(d) {
		return Never
	}
	return t + int64(d)
}

// Time returns the instant of t, and the zero time for [Never].
func Time(t int64) time.Time {
	if t == Never {
		return time.Time{}
	}
	return time.Unix(0, t)
}

// Nanos is the inverse of [Time].
func Nanos(t time.Time) int64 {
	if t.IsZero() {
		return Never
	}
	return t.UnixNano()
}
