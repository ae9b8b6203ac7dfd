// Package port says what the HTTP rules need of the cache engine, and nothing about how it is done. The rules decide what
// an answer may be used for; the engine finds, keeps, shares and forgets entries, in this container and in the fleet.
//
// One request looks like this:
//
//	Peek                      memory: no I/O, no waiting
//	Read                      one round trip for all slots that memory lacks
//	Begin, Lease              before a run; a Lease is optional
//	Put or Edit               at the end of a run: memory at once, the backend after the response
//	Drop, Invalidate, Clear   what must not be served any more
//
// Every method is safe for concurrent use. No method fails a request: where the backend is down, entries are absent and
// writes are lost, except those of Invalidate and Clear, which are remembered until the backend was told.
package port

import (
	"context"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/lease"
)

// Key names a slot. Keys are digests: equal keys are equal requests.
type Key [32]byte

// Value is what a slot holds: an answer, or the list of variants of a URL. A stored value never changes and is shared by
// all who read it.
type Value interface {
	// Size is the number of bytes that the value takes in memory.
	Size() int64
	// Append appends the value's encoding, which the engine's decoder reads.
	Append(dst []byte) []byte
}

// Entry is a stored value with what decides whether it may still be believed. It does not change once it is stored.
type Entry struct {
	Value   Value
	Began   time.Time     // when the run that made it began
	RunTime time.Duration // how long that took until its header was written
	Fresh   time.Time     // until when it is fresh: for the envelope, the rules do not read it back
	Keep    time.Time     // the entry is gone after this time, from memory and backend
	// URL and Variant say which answer it is, for lists; nothing is looked up by them.
	URL, Variant string
	Tags         []string // what [Engine.InvalidateTags] invalidates it by
	// Resources are the URLs that it answers, as [Engine.Invalidate] names them. An entry without any cannot be
	// invalidated but by Clear.
	Resources []string
}

// Slot is what a lookup found under one key.
type Slot struct {
	Key   Key
	Entry *Entry // nil: none, or none that may be believed
	// Version is what the backend held, for a conditional write; zero where it was not asked.
	Version Version
	// InMemory says that the entry came from this container's memory.
	InMemory bool
}

// Version identifies what a slot held in the backend. The zero value: the backend was not asked.
type Version struct {
	Known bool
	Token string
	// Foreign says that the slot holds an entry of another format, or sealed with a key that is not known here. It is left
	// alone: what would replace it stays in memory.
	Foreign bool
}

// Run is the moment at which a run began, for the engine: it orders the run against invalidations in this container, by a
// counter and not by a clock. It must be taken before the handler is called.
type Run struct {
	Began      time.Time
	Sequence   uint64
	Epoch      string
	Generation uint64
}

// Lease is the right to run for a key in the fleet.
type Lease interface {
	// Release gives the lease back once, after the response where that is possible, and after what is written, if anything,
	// has been written. A mark other than [NoMark] tells the other containers not to wait for this key: nobody takes a
	// lease for it as long as the mark lasts.
	Release(ctx context.Context, m Mark, written ...<-chan struct{})
	// Let gives it back now, beside the run that goes on: the answer cannot be shared.
	Let(ctx context.Context, m Mark)
}

// Mark says of a key why its runs are not worth waiting for.
type Mark uint8

// The marks.
const (
	NoMark  Mark = iota
	Refused      // the answer was not storable; lasts as long as the run took, doubling up to 10 s
	Private      // the answer was for its caller only; lasts 2 minutes, and runs are not joined
)

// Engine is the cache engine as the HTTP rules see it.
type Engine interface {
	// Now is the wall-clock time.
	Now() time.Time

	// Peek returns what memory holds under a key and may be believed without asking anybody: it was read or written under
	// invalidations that were heard of within NearTTL, and nothing has invalidated it here since. Nil: Read it.
	Peek(k Key) *Entry
	// Hint returns what memory holds under a key, whether or not it may be believed: to ask for more at once.
	Hint(k Key) *Entry
	// Read returns a slot for each key, in their order: from memory where it may be believed, and else from the backend,
	// all in one round trip together with the invalidation records that must be heard. Entries of an earlier generation or
	// epoch, or of another build, are absent. Where the backend does not answer, memory serves what nothing here has
	// invalidated.
	Read(ctx context.Context, ks ...Key) []Slot
	// Reread is Read where what memory holds is not good enough: it asks the backend for all keys and returns the newer of
	// the two.
	Reread(ctx context.Context, ks ...Key) []Slot

	// Begin is called before a run.
	Begin() Run
	// Void reports whether a run's result may not be shared with whoever asks now: one of the resources or tags was
	// invalidated, the slot dropped or everything cleared since it began.
	Void(r Run, k Key, resources, tags []string) bool
	// VoidByTag is Void for a run whose tags are not known yet: it reports whether any tag was invalidated since it began.
	VoidByTag(r Run) bool
	// Put keeps an entry in memory at once, and writes it to the backend after the response; ctx is a caller's whose
	// invocation the write belongs to. The write is conditional on the slot's version: where another container wrote
	// meanwhile, it is dropped. Neither happens where one of the entry's resources or tags was invalidated since the run
	// began, or everything was cleared. kept says that it was not invalidated, so that it is in memory if there was room.
	// written is closed when the backend was written to or will not be; nil: there is none.
	Put(ctx context.Context, r Run, s Slot, e *Entry) (kept bool, written <-chan struct{})
	// Edit replaces what a slot holds by what edit makes of it (nil: nothing there), by compare-and-set in memory at once
	// and in the backend after the response. edit may be called several times and must have no side effects. A nil result
	// changes nothing. written is as for Put.
	Edit(ctx context.Context, r Run, k Key, edit func(old *Entry) *Entry) (written <-chan struct{})
	// Announce replaces what the backend's slot holds by what edit makes of it, as Edit does, and reports whether it has done
	// so when it returns: for what is true of a run that goes on. Memory does not change.
	Announce(ctx context.Context, r Run, k Key, edit func(old *Entry) *Entry) bool
	// Drop forgets what the slots hold, here at once and in the backend after the response, also against writes of older
	// runs that are under way.
	Drop(ctx context.Context, ks ...Key)

	// Lease asks for the right to run for a key. Where another container has it, Lease waits by the rule of package lease,
	// which also takes a lease over from a holder that is late; took is how long such runs take, zero where that is not
	// known. look is called to see whether what the backend has answers the request. The Lease is nil where there is none,
	// which costs but is not wrong.
	Lease(ctx context.Context, k Key, run *flight.Run, took time.Duration, look func(context.Context) bool) (Lease, lease.Outcome)
	// Claim asks once for the right to run for a key, and waits for nobody: nil where another container has it.
	Claim(ctx context.Context, k Key, run *flight.Run, took time.Duration) Lease
	// Watch calls look again and again, beside a run, until it reports true or ctx ends.
	Watch(ctx context.Context, look func(context.Context) bool) bool
	// Marked returns the mark of a key that this container knows of.
	Marked(k Key) Mark
	// Resting reports whether a marked key need not be asked for in the backend: that was done within NearTTL. Where it
	// returns false, the caller asks.
	Resting(k Key) bool
	// Mark marks a key in this container; NoMark removes the mark, here and in the backend.
	Mark(ctx context.Context, k Key, m Mark, runTime time.Duration)

	// Invalidate makes every entry that has one of the resources a miss: here when it is called, in the fleet within
	// NearTTL of its return. Runs that are under way are not stored. It costs the same for one entry as for a million.
	// When it returns an error, the backend could not be told in time; this container remembers and tells it before it
	// believes anything there.
	Invalidate(ctx context.Context, resources ...string) error
	// InvalidateTags is Invalidate for entries that have one of the tags.
	InvalidateTags(ctx context.Context, tags ...string) error
	// Clear makes every entry of this cache a miss.
	Clear(ctx context.Context) error

	// After does a job once the response is out: at the end of the invocation where there is one, beside everything else
	// where nothing freezes.
	After(ctx context.Context, job func(context.Context))
	// AfterOr is After for a job that no response should wait for: drop is called in its place where one would.
	AfterOr(ctx context.Context, job func(context.Context), drop func())
	// Usage is what the cache holds in memory now, and what happened to its entries.
	Usage() Usage
}

// Usage counts what an engine did for one cache.
type Usage struct {
	Entries, Bytes                                                        int64
	Evictions, Stores, StoreErrors, BackendErrors, BadEntries, FleetWaits uint64
}
