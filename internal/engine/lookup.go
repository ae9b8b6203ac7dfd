package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/lease"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/genstate"
)

// ErrRecursive is what a run gets that asks for its own result.
var ErrRecursive = errors.New("a cached function waits for its own result")

// Ops is what the types of a call do for the engine.
type Ops interface {
	// Run calls the function.
	Run(ctx context.Context) Result
	// Decode returns the value of a payload, which belongs to it then. keep says that it will be shared; otherwise it may
	// use room of the lookup's own.
	Decode(payload []byte, keep bool) (any, error)
	// Encode appends the encoding of a value.
	Encode(dst []byte, v any) ([]byte, error)
	// Size is the number of bytes that a value holds in memory.
	Size(v any) int64
}

// Argument says what may become of a call's argument while a run outlives the call.
type Argument uint8

// The kinds of arguments.
const (
	// Shared: its owner may change it. A run ends before the call returns, and nothing runs later.
	Shared Argument = iota
	// Own: it is immutable, or was copied exactly.
	Own
)

// Lookup is one call on its way to a reply.
type Lookup struct {
	Ops
	Key   string // in memory
	Scope string
	Enc   []byte // the encoded argument, for the key in the backend
	Codec byte   // the encoding that the function's type has
	Arg   Argument
	Tags  []string // known before the run

	address string // the slot in the backend
	digest  [2 * sha256.Size]byte
	asked   int64              // wall clock
	point   invalidation.Point // held while the call goes on: what it knew is from after that

	// What the last read of the backend said.
	looked     bool
	answered   bool      // there was one
	readAt     int64     // wall clock when it began
	owed       bool      // a clear of the slot had not reached the backend then
	by         time.Time // until when what it brought may be compared with the backend
	mark       genstate.Read
	before     *memory.Entry // what memory had then
	seen       backends.Version
	slotUntil  int64 // until when what the slot held keeps older writes out; zero: it was empty
	generation uint64
	refs       []invalidation.Ref // of Tags, read before the run
	refPoint   uint64
	refEpoch   uint64
	clock      time.Time // the store's
	bad        bool      // the slot holds no entry of this key
	foreign    bool      // the slot holds an entry that is left alone
	why        string    // why there was no hit

	waits      ownBudget
	batchWaits *ownBudget // of the batch that it belongs to; nil: none
	stale      *staleOnes // of that batch, where its results are refreshed together; nil: each on its own
	aside      *aside     // of that batch, while its entries are looked at; nil: records are read for each
	postponed  bool       // the entry is looked at again when those records were read
	version    string     // room for that of found
	retained   bool       // what was left for later uses the lookup: its memory is not free when the call has its answer

	instead *memory.Entry // of the backend, in place of what memory had

	found memory.Entry // room for an entry that memory does not take
	lent  bool         // found is in use, by callers that wait with it at hand
	reply Reply
}

// Result is what a run came to.
type Result struct {
	Value any // shared with everybody who waits, and with memory; nil: none
	Err   error
	Terms Terms
}

// Terms is what a result says of itself.
type Terms struct {
	Refused bool          // not to be stored; those who wait get it
	Private bool          // for its caller only
	Failed  bool          // a failure, in place of which an older value may be returned
	Lossy   bool          // it cannot be copied or stored exactly: for its caller only
	TTL     time.Duration // its own lifetime; negative: none
	Tags    []string      // known only from the result
}

// Reply is what a lookup got. Several callers may share its value.
type Reply struct {
	Value any
	Own   bool // nobody else has the value, so it need not be copied

	failed bool // it counts as a failure

	refs  []invalidation.Ref
	point uint64 // up to where in the order of invalidations the value is known to be none of refs' victims
	epoch uint64 // up to which it was compared with the backend's records
}

// replyOf returns an entry as a reply.
func replyOf(e *memory.Entry) *Reply {
	return &Reply{Value: e.Value, refs: e.Refs, point: e.RefPoint.Load(), epoch: e.RefEpoch.Load()}
}

// Get answers a lookup that memory did not answer at once: from memory, from the backend, or by a run.
func (f *Function) Get(ctx context.Context, l *Lookup) (*Reply, error) {
	l.asked, l.point = f.env.Now(), f.log.Begin()
	defer f.log.End(l.point)
	f.connectTagged(ctx, l.Tags)
	l.refPoint, l.refEpoch = f.records.begin()
	old := f.remembered(ctx, l)
	if r := f.serve(ctx, l, old, l.tierOf(old)); r != nil {
		return r, nil
	}
	r, found := f.readInline(ctx, l)
	if r != nil {
		return r, nil
	}
	return f.runOrJoin(ctx, l, newer(old, found))
}

// Fresh returns the entry under key that may be handed out without asking anybody, or nil. It is the short way of a hit.
func (f *Function) Fresh(key []byte) *memory.Entry {
	e := f.spec.Owner.Get(key)
	if e == nil || e.Epoch != f.log.Epoch() {
		return nil
	}
	if e.Fresh == freshness.Never && f.store == nil && len(e.Refs) == 0 {
		return e // no clock has a say in it
	}
	now := f.env.Now()
	if now < e.Created || now >= e.Fresh || f.spec.Policy.Ahead > 0 && f.spec.Policy.State(times(e), now) != freshness.Fresh {
		return nil
	}
	if f.store != nil && !f.store.trusts(e, now) || len(e.Refs) > 0 && !f.records.trusts(e, now, f.spec.NearTTL) {
		return nil
	}
	return e
}

// remembered returns the entry that memory has for the lookup, fresh or not, unless it was cleared. It may ask the
// backend what was cleared; where that shows what has replaced the entry, it returns that.
func (f *Function) remembered(ctx context.Context, l *Lookup) *memory.Entry {
	e := f.spec.Owner.Get(bytesOf(l.Key))
	if e == nil {
		l.why = "not in memory"
		return nil
	}
	if e.Epoch != f.log.Epoch() {
		l.why = "cleared"
		return nil
	}
	if f.store != nil && !f.store.confirms(ctx, l, e) {
		return l.instead
	}
	if len(e.Refs) > 0 && !f.records.confirms(ctx, f, l, e) {
		return nil
	}
	return f.present(ctx, l, e)
}

// tierOf returns the tier that remembered has an entry from.
func (l *Lookup) tierOf(e *memory.Entry) string {
	if e != nil && e == l.instead {
		return TierBackend
	}
	return TierMemory
}

// present moves an entry from the future to now: the clock was set back.
func (f *Function) present(ctx context.Context, l *Lookup, e *memory.Entry) *memory.Entry {
	return f.presentAt(ctx, l, e, f.env.Now())
}

func (f *Function) presentAt(ctx context.Context, l *Lookup, e *memory.Entry, now int64) *memory.Entry {
	moved, far := freshness.Present(times(e), now)
	if moved == times(e) {
		return e
	}
	n := copyEntry(e)
	n.Created, n.Fresh = moved.Created, moved.Fresh
	n.End = f.spec.Policy.End(moved)
	if e != &l.found {
		f.replace(l.Key, e, n)
	}
	if v := e.Version.Load(); far && v != nil && f.store != nil {
		f.store.rewrite(ctx, l, n, backends.Version(*v)) // or it would come from the future again and again
	}
	return n
}

// serve answers with an entry where its freshness allows; e may be nil.
func (f *Function) serve(ctx context.Context, l *Lookup, e *memory.Entry, tier string) *Reply {
	if e == nil {
		return nil
	}
	return f.serveAt(ctx, l, e, tier, f.env.Now())
}

func (f *Function) serveAt(ctx context.Context, l *Lookup, e *memory.Entry, tier string, now int64) *Reply {
	kind := EventHit
	switch state := f.spec.Policy.State(times(e), now); {
	case state == freshness.Fresh:
	case state == freshness.RefreshAhead:
		f.refreshLater(ctx, l, e)
	case state == freshness.Stale:
		kind = EventStale
		f.refreshLater(ctx, l, e)
	case state == freshness.FailSafe && f.rests.resting(l.Key, now):
		kind = EventStale
	default:
		l.why = "expired"
		return nil
	}
	f.count(kind, tier)
	f.inheritRefs(ctx, e.Refs, e.RefEpoch.Load())
	if f.env.Observed(ctx) {
		f.emit(ctx, l, f.about(e, Event{Kind: kind, Tier: tier}))
	}
	l.reply = Reply{Value: e.Value, Own: e == &l.found, refs: e.Refs, point: e.RefPoint.Load(), epoch: e.RefEpoch.Load()}
	return &l.reply
}

func (f *Function) count(kind Kind, tier string) {
	switch {
	case kind == EventStale:
		f.Stats.Stale.Add(1)
	case tier == TierMemory:
		f.Stats.MemoryHits.Add(1)
	default:
		f.Stats.BackendHits.Add(1)
	}
}

// compute is one miss: look into the backend, take the lease or wait for who has it, run.
func (f *Function) compute(ctx context.Context, call *flight.Call, l *Lookup, old *memory.Entry, point invalidation.Point) flight.Outcome {
	if e := f.Fresh(bytesOf(l.Key)); e != nil { // the run before this one has just ended
		if r := f.serve(ctx, l, e, TierMemory); r != nil { // unless the entry has expired between the two
			return outcome(r)
		}
	}
	f.inherit(l)
	t := turn{f: f, call: call, l: l, point: point, old: old}
	if f.store != nil && !f.marks.resting(l.Key, f.env.Now(), f.spec.NearTTL) {
		if r := t.look(ctx); r != nil {
			return outcome(r)
		}
		if r := t.acquire(ctx); r != nil {
			return outcome(r)
		}
	}
	f.Stats.Misses.Add(1)
	f.emit(ctx, l, Event{Kind: EventMiss, Reason: l.why})
	return t.run(ctx, EventRun)
}

// inherit gives a lookup that does not read the backend the generation that was heard last: its run begins under it.
func (f *Function) inherit(l *Lookup) {
	if f.store != nil && l.generation == 0 {
		l.generation = f.store.gen.Known()
	}
}

func outcome(r *Reply) flight.Outcome { return flight.Outcome{Value: r} }

// turn is the leader's way through one miss.
type turn struct {
	f     *Function
	call  *flight.Call
	l     *Lookup
	point invalidation.Point
	old   *memory.Entry // what there is that is no answer any more

	held     *lease.Held // the lease
	unmarked bool        // a mark of before a clear was taken away
	// beside says that the backend is asked beside the run, since its answer may come first.
	beside bool
	// replacing says that the result has to replace whatever the slot holds; unread is why its version is not known.
	replacing bool
	unread    error
	stored    bool // the result was kept
}

// flightRun is the run that the turn computes; nil for Set, which has none.
func (t *turn) flightRun() *flight.Run {
	if t.call == nil {
		return nil
	}
	return t.call.Run()
}

// look reads the slot, unless the caller has just done that.
func (t *turn) look(ctx context.Context) *Reply {
	l, f := t.l, t.f
	if l.looked {
		return nil
	}
	found, err := f.store.find(ctx, l, backends.ReadOptions{}, t.point)
	if err != nil {
		t.beside = errors.Is(err, errBudget)
		return nil
	}
	if found == nil {
		return nil
	}
	f.keepRead(l, t.point, found)
	if r := f.serve(ctx, l, found, TierBackend); r != nil {
		r.Own = false // those who joined get it too
		return r
	}
	t.old = newer(t.old, found)
	return nil
}

// Digest returns the digest that events and tools name the key by: its address in the backend where it has one.
func (l *Lookup) Digest() string {
	if l.address != "" {
		return l.address
	}
	sum := sha256.Sum256(bytesOf(l.Key))
	return hex.EncodeToString(sum[:16])
}

// forWatching returns a lookup of the same slot whose fields another goroutine may use.
func (l *Lookup) forWatching() *Lookup {
	l.retained = true // by way of its Ops
	return &Lookup{Ops: l.Ops, Key: l.Key, Scope: l.Scope, Enc: l.Enc, Codec: l.Codec, Arg: l.Arg, Tags: l.Tags, address: l.address, asked: l.asked}
}

// inheritRefs notes in the run that ctx belongs to, if any, what its result depends on, and up to which epoch that was
// compared.
func (f *Function) inheritRefs(ctx context.Context, refs []invalidation.Ref, epoch uint64) {
	if len(refs) == 0 {
		return
	}
	if run := flight.Of(ctx); run != nil {
		run.Inherit(refs, invalidation.Seen{By: f.records, Epoch: epoch})
	}
}
