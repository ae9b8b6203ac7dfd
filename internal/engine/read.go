package engine

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/serialize"
)

// inlineReads are the reads of the backend that callers do on their own, without a flight: most lookups in the backend
// are hits that nobody else waits for, and a flight, with its goroutine and its context, takes as long as Redis on the
// same host takes to answer. At most one caller a key reads inline; concurrent callers join or begin a flight.
type inlineReads struct {
	mu   sync.Mutex
	keys map[string]struct{}
}

func (r *inlineReads) begin(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, busy := r.keys[key]; busy {
		return false
	}
	if r.keys == nil {
		r.keys = map[string]struct{}{}
	}
	r.keys[key] = struct{}{}
	return true
}

func (r *inlineReads) end(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.keys, key)
}

// readInline reads the backend once, on the caller's goroutine. It returns a reply, or what it found that is no answer any
// more. Where it has read, the run that follows does not read again.
func (f *Function) readInline(ctx context.Context, l *Lookup) (*Reply, *memory.Entry) {
	if f.store == nil || l.looked || f.flights.Under(l.Key) || f.marks.resting(l.Key, f.env.Now(), f.spec.NearTTL) || !f.looks.begin(l.Key) {
		return nil, nil
	}
	defer f.looks.end(l.Key)
	if e := f.Fresh(bytesOf(l.Key)); e != nil { // another caller's read has just ended
		return f.serve(ctx, l, e, TierMemory), nil
	}
	point := f.log.Begin()
	defer f.log.End(point)
	found, err := f.store.find(ctx, l, backends.ReadOptions{}, point)
	l.looked = err == nil
	if found == nil {
		return nil, nil
	}
	f.keepRead(l, point, found)
	return f.serve(ctx, l, found, TierBackend), found
}

// keepRead puts what was read into memory, unless it was cleared meanwhile, or something else was put there since the read
// began: that is newer, whatever the clocks say. Where memory has no room for it, what it has replaced leaves.
func (f *Function) keepRead(l *Lookup, point invalidation.Point, found *memory.Entry) {
	roomless := found == &l.found
	if roomless && f.spec.Owner.Get(bytesOf(l.Key)) == nil {
		return
	}
	f.log.Store(l.Key, point, func() {
		e := f.spec.Owner.Get(bytesOf(l.Key))
		switch {
		case e != nil && e != l.before && e.Epoch == f.log.Epoch():
		case e != nil && f.standsInFor(e, found):
		case roomless:
			f.spec.Owner.Delete(l.Key)
		default:
			f.put(l.Key, found)
		}
	})
}

// standsInFor reports whether an entry of memory is to stay for fail-safe where the backend has an older one, which could not
// be replaced there, and which is of no other use either.
func (f *Function) standsInFor(e, found *memory.Entry) bool {
	now, p := f.env.Now(), &f.spec.Policy
	return p.State(times(found), now) >= freshness.FailSafe && p.MayStandIn(times(e), now) && newer(found, e) == e &&
		e.Generation == found.Generation && e.Epoch == f.log.Epoch() && !f.spec.Coherent
}

// find reads the slot within the invocation's budget. It returns nil where there is no entry that may be used.
func (s *store) find(ctx context.Context, l *Lookup, o backends.ReadOptions, point invalidation.Point) (*memory.Entry, error) {
	if s.open(ctx) == nil {
		return nil, nil
	}
	b := s.f.budget(ctx, l)
	left := b.Enter()
	defer b.Leave()
	if left <= 0 {
		l.why = "no time left to ask the backend"
		return nil, errBudget
	}
	e, err := s.findWithin(ctx, l, o, point, left)
	if err != nil && left < s.f.env.BackendTimeout && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = errBudget
	}
	return e, err
}

// findWithin is find bounded by a time.
func (s *store) findWithin(ctx context.Context, l *Lookup, o backends.ReadOptions, point invalidation.Point, within time.Duration) (*memory.Entry, error) {
	if s.open(ctx) == nil {
		return nil, nil
	}
	l.refPoint, l.refEpoch = s.f.records.begin() // before what is owed is asked for: see Records.Invalidate
	by := time.Now().Add(within)
	if !s.settleAll(ctx, s.slot(l), by) {
		l.why = "a clear has not reached the backend yet"
		return nil, errUnsettled
	}
	reading, err := s.read(ctx, l, o, by)
	if err != nil {
		s.note(err)
		l.why = "the backend failed: " + err.Error()
		return nil, err
	}
	return s.interpret(ctx, l, reading, point), nil
}

var errUnsettled = errors.New("a clear has not reached the backend yet")

// options adds to what a read asks for what the function needs of every read.
func (s *store) options(l *Lookup, o backends.ReadOptions) backends.ReadOptions {
	o.Records = s.f.records.names(l.Tags)
	if s.record.wanted() {
		o.Records = append(o.Records, backends.FunctionRecord(s.f.spec.Name))
	}
	o.Clock = s.f.spec.TagsOf
	return o
}

// read reads the slot, and lets what it brings be compared with the backend's records, until by.
func (s *store) read(ctx context.Context, l *Lookup, o backends.ReadOptions, by time.Time) (reading backends.Reading, err error) {
	o = s.options(l, o)
	l.by, l.owed = by, false // it was told, if there was one
	l.readAt = s.f.env.Now()
	l.mark, l.before = s.gen.Begin(l.readAt), s.f.spec.Owner.Get(bytesOf(l.Key))
	err = s.f.env.Reads.Within(ctx, time.Until(by), func(ctx context.Context, deadline time.Time) (err error) {
		if s.deadlines {
			o.Deadline = deadline
		} else {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline)
			defer cancel()
		}
		reading, err = s.opened.Read(ctx, s.slot(l), o)
		return err
	})
	return reading, err
}

// interpret takes note of what a read brought and returns the entry, if it may be used.
func (s *store) interpret(ctx context.Context, l *Lookup, r backends.Reading, point invalidation.Point) *memory.Entry {
	current := s.observe(ctx, r.Generation, point, l.mark, r.GenerationAge)
	return s.believe(ctx, l, &r, current, s.f.env.Now())
}

// believe is interpret for a reading whose generation was observed already: current says what came of that. now is when
// the reading was there.
func (s *store) believe(ctx context.Context, l *Lookup, r *backends.Reading, current bool, now int64) *memory.Entry {
	f := s.f
	l.seen, l.generation, l.clock = r.Version, r.Generation, r.Clock
	l.answered, l.slotUntil = true, slotUntil(r)
	f.marks.asked(l.Key, l.readAt)
	s.readRecords(ctx, l, r.Records)
	if !current {
		l.why = "cleared"
		return nil
	}
	if l.owed || s.owes(s.slot(l)) {
		l.why = errUnsettled.Error()
		return nil
	}
	if r.Entry == nil {
		l.why = "no entry in the backend"
		return nil
	}
	e, err := s.decode(ctx, l, r, now)
	if err != nil {
		s.reject(ctx, l, err)
		return nil
	}
	if e != nil && e != &l.found {
		e = f.presentAt(ctx, l, e, now)
	}
	return e
}

// slotUntil returns until when what a slot holds keeps older writes out, as far as is known: what is no entry is a
// tombstone, or an entry that has expired.
func slotUntil(r *backends.Reading) int64 {
	switch {
	case r.Version == backends.Absent:
		return 0
	case r.Entry == nil:
		return freshness.Never
	}
	return freshness.Nanos(r.Expires)
}

// readRecords takes the records that were read with the slot: first those of tags, then the function's own.
func (s *store) readRecords(ctx context.Context, l *Lookup, rs []backends.Record) {
	if len(rs) == 0 {
		return
	}
	n := len(s.f.records.names(l.Tags))
	if n > 0 && len(rs) >= n {
		l.refs = s.f.records.note(l, rs[:n])
	}
	if len(rs) > n {
		s.record.heard(rs[n])
	}
}

// decode opens what the store returned, and believes it only if it is whole, of this function, type and generation. It
// returns nil without an error for what is nobody's fault: an entry that was cleared, of another format version, or
// sealed with a key that is not known here.
func (s *store) decode(ctx context.Context, l *Lookup, r *backends.Reading, now int64) (*memory.Entry, error) {
	f := s.f
	var room [sealAddressRoom]byte
	h, payload, err := f.env.Sealer.Open(textOf(s.appendSealAddress(room[:0], l)), r.Entry)
	if err != nil {
		if foreign(err) {
			g, ok := serialize.PeekGeneration(r.Entry)
			l.foreign = !ok || g == r.Generation
			l.why = "an entry of another format or sealing key"
			return nil, nil
		}
		return nil, err
	}
	if h.Codec&^codecTagged != l.Codec || h.Type != [16]byte(f.spec.Out[:16]) {
		return nil, errOtherType
	}
	if h.Generation != r.Generation {
		l.why = "cleared"
		return nil, nil
	}
	var refs []invalidation.Ref
	if h.Codec&codecTagged != 0 {
		if refs, payload, err = cutRefs(payload); err != nil {
			return nil, err
		}
		if ok := f.records.valid(ctx, l, refs); !ok {
			return nil, nil
		}
	}
	// An entry from the future is kept, too: it is written again as one of now. So is what is read while an earlier entry
	// is in use: both would have the same room.
	keep := f.spec.Owner.Fits(int64(len(payload))) || len(refs) > 0 || h.Created.UnixNano() > now || l.lent
	v, err := l.Decode(payload, keep)
	if err != nil {
		return nil, err
	}
	e := &l.found
	if keep {
		e = new(memory.Entry)
	} else {
		l.lent = true
	}
	at := f.spec.Policy.Cut(freshness.Times{Created: h.Created.UnixNano(), Fresh: freshness.Nanos(h.FreshUntil)})
	e.Value, e.Created, e.Fresh, e.End, e.RunTime = v, at.Created, at.Fresh, f.spec.Policy.End(at), int64(h.RunTime)
	e.Generation, e.Epoch = r.Generation, f.log.Epoch()
	e.Cost = max(l.Size(v), int64(len(payload))) // so that memory does not take what was judged too large for it
	if keep {
		version := strings.Clone(string(r.Version)) // it may lie in the memory of all that was read
		e.Version.Store(&version)
	} else {
		l.version = string(r.Version)
		e.Version.Store(&l.version)
	}
	e.Checked.Store(l.readAt)
	e.Refs = refs
	e.RefPoint.Store(l.refPoint)
	e.RefEpoch.Store(l.refEpoch)
	return e, nil
}

// sealAddressRoom is as long as most seal addresses.
const sealAddressRoom = 256

var errOtherType = errors.New("the entry is of another type")

// foreign reports errors of entries that belong to somebody else, and are left alone.
func foreign(err error) bool {
	var e *serialize.EntryError
	return errors.As(err, &e) && (e.Reason == serialize.OtherVersion || e.Reason == serialize.UnknownKey)
}

// reject notes an entry that is no entry of this key, once per lookup. The result of the run that follows replaces it;
// where there is none, it is deleted.
func (s *store) reject(ctx context.Context, l *Lookup, why error) {
	l.why = "the entry in the backend cannot be used: " + why.Error()
	if l.bad {
		return
	}
	l.bad = true
	s.f.Stats.BadEntries.Add(1)
	s.f.env.Log(ctx, slog.LevelWarn, "unusable entry in the backend; deleting and recomputing it",
		"function", s.f.spec.Name, "key", s.slot(l)[:16], "error", why.Error())
}

// deleteBad deletes a rejected entry that nothing has replaced.
func (s *store) deleteBad(ctx context.Context, l *Lookup) {
	_ = s.write(ctx, func(ctx context.Context) error { return s.opened.Delete(ctx, s.slot(l), l.seen) })
}

// holds returns the version of the slot that says that an entry of memory may stay: its own, or, unwritten, that of before it;
// nil: not known.
func (s *store) holds(e *memory.Entry) (known *string, unwritten bool) {
	known = e.Version.Load()
	if known == nil && s.f.env.Now()-e.Created <= int64(latestWrite) { // later what has replaced it may be gone again
		known, unwritten = e.Seen, e.Seen != nil
	}
	return known, unwritten
}

// unchanged asks whether the backend still holds the very entry that memory has (Coherent), or what it held when the run
// of that looked, where the entry was not written yet.
func (s *store) unchanged(ctx context.Context, l *Lookup, e *memory.Entry) bool {
	if s.open(ctx) == nil {
		return s.mayStay(e)
	}
	point := s.f.log.Begin()
	defer s.f.log.End(point)
	o := backends.ReadOptions{}
	known, unwritten := s.holds(e)
	if known != nil {
		o.IfChanged = backends.Version(*known)
	}
	b := s.f.budget(ctx, l)
	left := b.Enter()
	defer b.Leave()
	l.refPoint, l.refEpoch = s.f.records.begin()
	by := time.Now().Add(left)
	if left <= 0 || !s.settleAll(ctx, s.slot(l), by) {
		return s.mayStay(e)
	}
	r, err := s.read(ctx, l, o, by)
	if err != nil {
		s.note(err)
		return s.mayStay(e)
	}
	if (r.Unchanged || unwritten && r.Version == backends.Version(*known)) && r.Generation == e.Generation {
		if !s.observe(ctx, r.Generation, point, l.mark, r.GenerationAge) { // a failover may have brought back what was cleared
			return s.mayStay(e)
		}
		e.Checked.Store(l.readAt)
		return true
	}
	l.instead = s.interpret(ctx, l, r, point)
	l.looked = true
	if l.instead != nil {
		s.f.keepRead(l, point, l.instead)
	} else {
		s.f.forget(l.Key, e)
	}
	return false
}
