package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// Explanation tells what Get would find.
type Explanation struct {
	Key        string // the slot in the backend; empty where there is none
	Hit, Stale bool
	Tier       string
	Times      freshness.Times
	End        int64
	Age        time.Duration
	RunTime    time.Duration
	Size       int64
	Tags       []string
	Why        string
}

// Explain looks where Get would look, in the same order, and changes nothing.
func (f *Function) Explain(ctx context.Context, l *Lookup) Explanation {
	x := Explanation{}
	persistent := f.store != nil && f.store.open(ctx) != nil
	if persistent {
		x.Key = f.store.slot(l)
	}
	l.asked = f.env.Now()
	l.refPoint, l.refEpoch = f.records.begin()
	if e := f.remembered(ctx, l); e != nil {
		if f.judge(&x, e, l.tierOf(e)); x.Hit {
			return x
		}
		l.why = x.Why
	}
	x.Why = l.why
	if !persistent {
		return x
	}
	l.bad = true // whatever is there is left alone
	point := f.log.Begin()
	defer f.log.End(point)
	e, err := f.store.findWithin(ctx, l, backends.ReadOptions{}, point, f.env.BackendTimeout)
	switch {
	case e != nil:
		f.judge(&x, e, TierBackend)
	case err != nil && l.why == "":
		x.Why += "; " + err.Error()
	default:
		x.Why += "; " + l.why
	}
	return x
}

// judge fills in what an entry says.
func (f *Function) judge(x *Explanation, e *memory.Entry, tier string) {
	now := f.env.Now()
	x.Tier, x.Times, x.End, x.RunTime, x.Size = tier, times(e), e.End, time.Duration(e.RunTime), e.Cost
	x.Age = freshness.Age(x.Times, now)
	where := "memory"
	if tier == TierBackend {
		where = "the backend"
	}
	switch f.spec.Policy.State(x.Times, now) {
	case freshness.Fresh, freshness.RefreshAhead:
		x.Hit, x.Why = true, "a fresh entry in "+where
	case freshness.Stale:
		x.Hit, x.Stale, x.Why = true, true, "an entry in its stale window in "+where
	default:
		x.Why = fmt.Sprintf("the entry in %s expired %v ago", where, time.Duration(now-e.Fresh).Round(time.Millisecond))
	}
}

// Entry is one entry in this container's memory, for tools.
type Entry struct {
	Digest  string
	Times   freshness.Times
	Cost    int64
	RunTime time.Duration
	Value   any
}

// Peek returns what memory holds for a lookup, whatever its age, unless it was cleared.
func (f *Function) Peek(l *Lookup) (Entry, bool) {
	e := f.spec.Owner.Get(bytesOf(l.Key))
	if e == nil || e.Epoch != f.log.Epoch() {
		return Entry{}, false
	}
	return Entry{Digest: l.Digest(), Times: times(e), Cost: e.Cost, RunTime: time.Duration(e.RunTime), Value: e.Value}, true
}

// Find returns what the backend holds for a lookup, whatever its age, unless it was cleared. It changes nothing.
func (f *Function) Find(ctx context.Context, l *Lookup) (Entry, error) {
	if f.store == nil || f.store.open(ctx) == nil {
		return Entry{}, errors.New("its results stay in memory")
	}
	l.bad = true // whatever is there is left alone
	point := f.log.Begin()
	defer f.log.End(point)
	e, err := f.store.findWithin(ctx, l, backends.ReadOptions{}, point, f.env.BackendTimeout)
	switch {
	case err != nil:
		return Entry{}, err
	case e == nil:
		return Entry{}, errors.New(l.why)
	}
	return Entry{Digest: l.Digest(), Times: times(e), Cost: e.Cost, RunTime: time.Duration(e.RunTime), Value: e.Value}, nil
}

// SetDigest makes a lookup that knows no argument one of the slot that a digest names.
func (l *Lookup) SetDigest(digest string) { l.address = digest }

// Held returns how many entries the function has in memory, and the bytes that they take.
func (f *Function) Held() (entries, bytes int64) { return f.spec.Owner.Len() }

// Evicted counts and tells of an entry that left memory for want of room.
func (f *Function) Evicted(ctx context.Context) {
	f.Stats.Evictions.Add(1)
	f.emit(ctx, nil, Event{Kind: EventEvict, Tier: TierMemory})
}

// Digest returns the digest of a lookup's key, by which events and tools name it.
func (f *Function) Digest(l *Lookup) string {
	if f.store != nil && f.store.open(context.Background()) != nil {
		return f.store.slot(l)
	}
	return l.Digest()
}
