package backends

import (
	"context"
	"time"
)

// TombstoneTTL is how long [Store.Invalidate] keeps a slot from late writers. Nothing is written later than 15 minutes
// after its run began, so an hour leaves room for clocks that disagree.
const TombstoneTTL = time.Hour

// A Version identifies what a slot or a record holds. It is opaque: compare it and hand it back, nothing else. Two
// writes must never have the same version, also where they write the same bytes.
type Version string

const (
	// Absent is the version of an empty slot and of a record that does not exist.
	Absent Version = ""
	// AnyVersion makes [Records.WriteRecord] replace whatever is there. No slot or record ever has it.
	AnyVersion Version = "*"
)

// ReadOptions says what a read needs beside the entry. The zero value needs nothing.
type ReadOptions struct {
	// Deadline is when the read must end, without a timer where the store can do that: setting one takes longer than a
	// server nearby takes to answer. Zero: only the context ends the read.
	Deadline time.Time
	// IfChanged saves the transfer of an entry that the caller has: where the slot still has this version, the reading
	// must be Unchanged and without an entry. What has expired meanwhile may be said to be unchanged or not: who has the
	// entry knows until when. Absent: the entry is always wanted.
	IfChanged Version
	// ForWrite says that a conditional write follows, for which every tier's version is needed. A store of one tier
	// ignores it.
	ForWrite bool
	// Fresh says that the generation must be read now, and not be one that the store has kept.
	Fresh bool
	// Records names records of the function's namespace to read in the same round trip, where the store has [Records].
	Records []string
	// Clock says that the time by the store's clock is wanted, where the store has one.
	Clock bool
}

// A Reading is what a read found.
type Reading struct {
	// Entry is nil where the slot is empty, expired, invalidated, or Unchanged. An empty entry is not nil. The caller
	// may keep and change it.
	Entry []byte
	// Version is the slot's, also where Entry is nil: an expired entry and a tombstone have one. Absent: the slot is empty.
	// It may lie in the same piece of memory as Entry, beyond its capacity: who keeps it longer makes a copy.
	Version Version
	// Expires is when the entry expires; zero: never, or there is none.
	Expires time.Time
	// Unchanged says that the slot still has the version of [ReadOptions.IfChanged].
	Unchanged bool
	// Generation is the function's, made new and unique where there was none; never 0.
	Generation uint64
	// GenerationAge is how long ago Generation was read, where the store has kept it to save a request: at most half of
	// [Function.NearTTL].
	GenerationAge time.Duration
	// Records are those that were asked for, in that order.
	Records []Record
	// Clock is the time by the store's clock, when it answered; zero: unknown.
	Clock time.Time
}

// A Store keeps one cached function's entries: opaque bytes under opaque keys. Keys are any non-empty strings, of any
// length and any bytes; a store must tell them apart exactly. It is safe for concurrent use.
//
// Every method must return the context's error, unwrapped or wrapped, soon after the context ends.
type Store interface {
	// Read returns what the key's slot holds and the function's current generation, in one round trip. Nothing there is
	// no error. After an entry's expiry Read must not return it.
	//
	// Where the store has no generation (a first use, or it was evicted or flushed) Read must make a new unique one.
	Read(ctx context.Context, key string, o ReadOptions) (Reading, error)
	// Put stores the entry, whole or not at all, where the slot still has the version that the caller saw: Absent only
	// creates. Otherwise the error must match [ErrConflict] and nothing may change. A slot that held seen until it expired
	// and is empty now has not changed: Put may store there.
	//
	// Put must take one request where nothing fails. A second try of a request whose answer was lost, and which finds
	// the first one's entry, must succeed. The store must not keep or change the slice. After expires the store may drop
	// the entry; the zero time means that it does not expire. An entry larger than the store accepts must be refused
	// with an error that matches [ErrTooLarge]. Put returns the slot's new version.
	Put(ctx context.Context, key string, entry []byte, expires time.Time, seen Version) (Version, error)
	// Invalidate replaces whatever the slot holds, also nothing, by a tombstone: the slot gets a new version, so that
	// writers who saw an older one are refused, and a read finds no entry. The tombstone must stay for [TombstoneTTL].
	// Invalidate never conflicts.
	Invalidate(ctx context.Context, key string) error
	// Delete empties the slot where it still has the version seen, for an entry that is of no use to anybody. Where it
	// has another one Delete must change nothing, and returns nil.
	Delete(ctx context.Context, key string, seen Version) error
	// Generation returns the function's current generation. It must read it, never return one that was kept, and make a
	// new unique one where there is none.
	Generation(ctx context.Context) (uint64, error)
	// Clear replaces the generation by a new unique one and returns it. Its cost must not depend on the number of
	// entries: who reads an entry compares the generation inside it with the current one, so the old entries may stay
	// until they expire, are overwritten or are pruned.
	//
	// The generation must be made anew for each try of a request that is repeated: a first try that arrives late, after
	// another Clear, would otherwise bring back what that one removed.
	Clear(ctx context.Context) (uint64, error)
}

// Unfenced is implemented by a [Store] that may find out that its server has no conditional writes. Once it has,
// Unfenced must report true and Put replaces whatever is there; the library then clears the whole function where it would
// invalidate one key.
type Unfenced interface {
	// Unfenced reports whether writes are known to be unconditional. It does not ask the server.
	Unfenced() bool
}

// BatchReader is implemented by a [Store] that reads many slots for less than one after the other takes.
type BatchReader interface {
	// ReadAll reads the slots of all keys. Readings must be in the order of the keys, also where a key comes twice. errs is
	// nil, or has an error for each key that could not be read and nil for the others: one bad slot must not take the
	// good ones with it. err is for the whole: then nothing was read.
	//
	// Every reading has the generation and the Clock. Records are in the first one, also where its slot could not be read;
	// the others need not have them: a thousand keys with a tag each would bring a million. IfChanged is ignored. More keys
	// than one command should take must be split inside.
	ReadAll(ctx context.Context, keys []string, o ReadOptions) (rs []Reading, errs []error, err error)
}
