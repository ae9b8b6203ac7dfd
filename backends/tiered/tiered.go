// Package tiered puts several backends in a row, fastest first: Redis before S3, a local disk before EFS. Reads go
// through in order and fill the faster tiers on the way back; writes go to all.
//
//	backends.Open(ctx, "redis://cache:6379?tier-max-entry=64KiB s3://bucket/prefix")
//
// # Which tier decides
//
// The last tier, the slowest and most durable one, is the authority: its generation is the function's generation. The
// others keep copies of entries, and their own generations are never looked at. This is why a cleared entry cannot come
// back, whatever a faster tier has lost, kept or been restored to: every entry carries the authority's generation, and
// Clear replaces exactly that one. Two other ways were considered. The fastest tier as the authority answers sooner,
// but a flushed Redis would then make every entry in S3 a miss, and the durable tier would be useless when it is needed
// most. A generation mixed from all tiers is never wrong, but it changes when any tier is away, so that a dead fast
// tier takes the slow one with it.
//
// The price: an entry found in a fast tier is returned only with a generation that was read from the authority within
// half of the function's NearTTL. So each container asks the authority once per function and that time. While the
// authority is down, the faster tiers serve no longer than that: without a confirmed generation, an entry that might
// have been cleared is not returned. Reads then fail as they would without the faster tiers, and the caller runs its
// function.
//
// A read for a write asks all tiers, since it needs their versions. Then what the authority has is the entry, or that there
// is none, whatever a faster tier holds: it hears of replacements and invalidations first.
//
// # When a tier fails
//
// A faster tier that fails, or does not answer within its timeout, is passed over. After three failures in a row reads
// leave it alone, and one of them tries it again after two seconds (after half a minute where the failure does not pass by
// itself). Failures that no caller sees go to [Options.Observe].
//
// A Put goes to the last tier first, and its result is that tier's: what the authority refuses is in no faster tier
// either. A faster tier that cannot take the entry (it fails, it finds the entry too large, or its MaxEntry says so, or
// its slot was changed by somebody else) gets a tombstone in place of the older entry. If even that fails, this process
// remembers the key, and uses that tier for it again only when the write has succeeded; beyond 256 such keys the
// function is cleared. Other processes may see the older entry in that tier until it expires. Invalidate returns an
// error when any tier failed, for the same reason. Unfenced is true where it is for one tier.
//
// # Copies
//
// An entry that a slower tier returned is copied to the faster ones, for the rest of its life or as long as Hold. The
// copy is a write that depends on the version which the faster tier had before the slower one was read, so a
// replacement or tombstone that came meanwhile refuses it, whichever container made it. Tiers other than the last
// should be shared by the same containers as the last; a private one (memory, /tmp) does not see invalidations and
// replacements elsewhere, and needs a Hold.
//
// # Leases
//
// Leases are taken in one tier only: all containers must ask the same place. It is the slowest that can lease, because
// that one is surely shared, unless a tier is marked: with Redis before S3, tier-lease=true on the Redis URL makes a
// lease cost one fast round trip. There is no second choice when it fails; leases save cost, not correctness.
//
// # Pruning
//
// The last tier is pruned by its own means. The faster ones are pruned only by a manager that has opened functions, and
// keep those functions' current entries: nobody else's can be recognised there, so copies of other functions' entries
// go too, and come back from the last tier when they are read.
package tiered

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/breaker"
)

// DefaultTimeout bounds one read from a faster tier where [Tier] sets nothing.
const DefaultTimeout = 250 * time.Millisecond

const (
	// writeFactor is how many timeouts a write to a faster tier gets: entries travel whole, and writes happen after
	// the response.
	writeFactor = 4
)

// Tier is one backend and how it is used. The zero values of all but Manager are useful.
type Tier struct {
	Manager backends.PersistenceManager
	// Name stands for the tier in errors and for Observe; empty: "tier 1" and so on.
	Name string
	// MaxEntry is the size in bytes above which entries are left to the other tiers; zero: no limit but the tier's own.
	MaxEntry int64
	// Hold is the longest that an entry stays in this tier; zero: as long as it lives. The last tier has none.
	Hold time.Duration
	// Timeout bounds one read; writes get four times as long. Zero: DefaultTimeout. The last tier has none: only
	// the caller's context bounds it.
	Timeout time.Duration
	// Lease marks the tier where leases are taken.
	Lease bool
}

// Failure is something that went wrong in one tier without failing the call.
type Failure struct {
	Tier string
	Op   string // "get", "put", "copy", "delete", "clear", "list", "prune"
	Err  error
}

// Options configure NewTiers.
type Options struct {
	// Tiers are the backends, fastest first; the last is the authority. At least one.
	Tiers []Tier
	// Observe is called, by any goroutine, for failures that no caller sees; nil: they are dropped.
	Observe func(Failure)
	// Clock is the time that the age of generations follows; nil is time.Now.
	Clock func() time.Time
}

// New returns the managers as tiers, fastest first, with default settings. The result owns them: its Close closes
// them. It is also a [backends.Pruner] where the last one is. The error is about the arguments.
func New(managers ...backends.PersistenceManager) (backends.PersistenceManager, error) {
	o := Options{Tiers: make([]Tier, len(managers))}
	for i, m := range managers {
		o.Tiers[i].Manager = m
	}
	return NewTiers(o)
}

// NewTiers is New with settings.
func NewTiers(o Options) (backends.PersistenceManager, error) {
	if len(o.Tiers) == 0 {
		return nil, errors.New("tiered: no tiers; give at least one manager, fastest first")
	}
	m := &manager{observe: o.Observe, clock: o.Clock, leaseTier: -1}
	if m.clock == nil {
		m.clock = time.Now
	}
	if m.observe == nil {
		m.observe = func(Failure) {}
	}
	for i, t := range o.Tiers {
		if t.Name == "" {
			t.Name = fmt.Sprintf("tier %d", i+1)
		}
		if err := t.validate(); err != nil {
			return nil, err
		}
		if t.Timeout == 0 {
			t.Timeout = DefaultTimeout
		}
		if t.Lease {
			if m.leaseTier >= 0 {
				return nil, fmt.Errorf("tiered: %s and %s are both marked for leases; mark one",
					m.tiers[m.leaseTier].Name, t.Name)
			}
			m.leaseTier = i
		}
		m.tiers = append(m.tiers, &tier{
			Tier: t, m: m, last: i == len(o.Tiers)-1,
			reads: breaker.New(t.Timeout, func(context.Context, error) {}), // each failure is reported by itself
		})
	}
	if p, ok := m.authority().Manager.(backends.Pruner); ok {
		return &pruningManager{m, p}, nil
	}
	return m, nil
}

func (t Tier) validate() error {
	switch {
	case t.Manager == nil:
		return fmt.Errorf("tiered: %s has no manager", t.Name)
	case t.MaxEntry < 0:
		return fmt.Errorf("tiered: %s: max entry %d is negative; use zero for no limit", t.Name, t.MaxEntry)
	case t.Hold < 0:
		return fmt.Errorf("tiered: %s: hold %v is negative; use zero for no limit", t.Name, t.Hold)
	case t.Timeout < 0:
		return fmt.Errorf("tiered: %s: timeout %v is negative; use zero for the default of %v", t.Name, t.Timeout, DefaultTimeout)
	}
	return nil
}
