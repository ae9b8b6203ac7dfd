package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
	"github.com/stillwarm/stillwarm/internal/engine/lease"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/serialize"
)

// latestWrite is how long after its run began a result may still be written: a tombstone, which keeps the writes of
// older runs out, lasts longer.
const latestWrite = 15 * time.Minute

// codecTagged marks, in the codec of an envelope, a payload that begins with the invalidation records it depends on.
const codecTagged = 0x80

// lanes order the writes of a key in this container, and remember which of its own writes replaced what: a result whose
// lookup saw what an older run of this container has replaced since is newer all the same.
type lanes struct {
	mu   sync.Mutex
	keys map[string]*lane
}

type lane struct {
	turn     chan struct{} // holds one while somebody writes
	from, to backends.Version
	moved    bool
	users    int
}

func (ls *lanes) enter(key string) *lane {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.keys[key]
	if l == nil {
		if ls.keys == nil {
			ls.keys = map[string]*lane{}
		}
		l = &lane{turn: make(chan struct{}, 1)}
		ls.keys[key] = l
	}
	l.users++
	return l
}

func (ls *lanes) leave(key string, l *lane) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(ls.keys, key)
	}
}

// write writes the turn's entry once the response is out, and gives the lease back behind it.
func (t *turn) write(ctx context.Context, e *memory.Entry, late int) {
	f, l, h, point := t.f, t.l, t.held, t.point
	t.held = nil
	h.Rest(t.flightRun())
	unmark := f.marks.remove(l.Key)
	if f.store == nil || f.store.open(ctx) == nil {
		return
	}
	if l.foreign {
		f.env.Defer(ctx, func(ctx context.Context) { h.Drop(ctx, backends.Mark{}) })
		return
	}
	// The run's point ends with the run; the write needs one that is as old.
	held := f.log.Hold(point)
	lane := f.lanes.enter(l.Key)
	seen := l.sight(l.seen)
	f.env.Defer(ctx, func(ctx context.Context) {
		defer h.Drop(ctx, backends.Mark{})
		defer f.log.End(held)
		defer f.lanes.leave(l.Key, lane)
		lane.turn <- struct{}{}
		defer func() { <-lane.turn }()
		f.env.writing <- struct{}{}
		defer func() { <-f.env.writing }()
		if f.log.Void(l.Key, held) {
			return
		}
		e, err := f.store.put(ctx, l, e, late, lane, seen)
		if errors.Is(err, backends.ErrConflict) || errors.Is(err, errNotWritten) {
			f.forget(l.Key, e) // cleared, or replaced, elsewhere since the run began
		}
		if unmark && h == nil {
			f.store.mark(ctx, l, backends.Mark{}, f.env.BackendTimeout)
		}
		f.store.record.save(ctx, f.store, e)
	})
}

// rewrite writes an entry again, with other times, where the backend still holds what it was made of.
func (s *store) rewrite(ctx context.Context, l *Lookup, e *memory.Entry, version backends.Version) {
	l.retained = true
	s.slot(l)
	seen := l.sight(version) // what a Refresh looks at meanwhile changes the lookup
	s.f.env.Defer(ctx, func(ctx context.Context) {
		// Not in the key's lane: there a result that has replaced the entry meanwhile would count as the entry itself.
		_, _ = s.put(ctx, l, e, 0, new(lane), seen)
	})
}

// entryBuffers holds the buffers that results are encoded in.
var entryBuffers = sync.Pool{New: func() any { return new([]byte) }}

// largestKept bounds the buffers that go back to the pool.
const largestKept = 1 << 20

// What keeps a result from being written: one of its tags was invalidated since its run began; or it comes so late that a
// tombstone which should keep it out may be gone. The latter says nothing against what this container's memory has.
var (
	errNotWritten = errors.New("the result may not be written any more")
	errTooLate    = errors.New("the result comes too late to be written")
)

// sight is what was seen in a slot that is to be written.
type sight struct {
	version backends.Version
	until   int64     // see Lookup.slotUntil
	clock   time.Time // see Lookup.clock
}

func (l *Lookup) sight(version backends.Version) sight { return sight{version, l.slotUntil, l.clock} }

// put encodes, seals and writes an entry where the slot still has the version that was seen there. late is how many
// of its last invalidation records only the result named. It returns the entry that memory has for it then. An error is
// counted; the breaker tells of outages, and what a single entry is refused for is said once.
func (s *store) put(ctx context.Context, l *Lookup, e *memory.Entry, late int, lane *lane, seen sight) (*memory.Entry, error) {
	f, start := s.f, time.Now()
	if f.env.Now()-e.Created > int64(latestWrite) {
		return e, errTooLate
	}
	e, err := f.complete(ctx, l, e, late, seen.clock)
	if errors.Is(err, errNotWritten) {
		return e, err
	}
	if lane.moved && lane.from == seen.version {
		seen.version = lane.to
	}
	var version backends.Version
	var data []byte
	if err == nil {
		data, err = s.seal(l, e)
	}
	if err == nil {
		err = s.write(ctx, func(ctx context.Context) (err error) {
			version, err = s.opened.Put(ctx, s.slot(l), data, freshness.Time(s.keptUntil(e, seen)), seen.version)
			return err
		})
	}
	switch {
	case err == nil:
		f.Stats.Stores.Add(1)
		lane.from, lane.to, lane.moved = seen.version, version, true
		v := string(version)
		e.Version.Store(&v)
	case errors.Is(err, backends.ErrConflict):
	default:
		f.Stats.StoreErrors.Add(1)
		if !f.env.Writes.Down() && !f.env.Closed() {
			f.env.LogOnce(ctx, "store "+f.spec.Name, slog.LevelWarn, "cannot persist a result; keeping it in memory",
				"function", f.spec.Name, "error", err.Error())
		}
	}
	f.emit(ctx, l, Event{Kind: EventStore, Tier: TierBackend, Duration: time.Since(start), Size: int64(len(data)), Err: err})
	return e, err
}

// seal returns the entry's bytes.
func (s *store) seal(l *Lookup, e *memory.Entry) ([]byte, error) {
	buf := entryBuffers.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= largestKept {
			entryBuffers.Put(buf)
		}
	}()
	payload, codec := (*buf)[:0], l.Codec
	if len(e.Refs) > 0 {
		payload, codec = appendRefs(payload, e.Refs), codec|codecTagged
	}
	payload, err := l.Encode(payload, e.Value)
	if err != nil {
		return nil, err
	}
	*buf = payload
	h := serialize.Header{
		Generation: e.Generation, Created: freshness.Time(e.Created), FreshUntil: freshness.Time(e.Fresh),
		Expires: freshness.Time(e.End), RunTime: time.Duration(e.RunTime), Type: [16]byte(s.f.spec.Out[:16]), Codec: codec,
	}
	return s.f.env.Sealer.Seal(nil, string(s.appendSealAddress(nil, l)), h, payload)
}

// complete returns the entry with the ids of all its records.
func (f *Function) complete(ctx context.Context, l *Lookup, e *memory.Entry, late int, clock time.Time) (*memory.Entry, error) {
	switch {
	case len(e.Refs) == 0:
		return e, nil
	case len(e.Refs) > maxRefs:
		return e, errTooManyRefs
	}
	refs, ok := f.records.complete(ctx, e.Refs, late, clock)
	if !ok {
		return e, errNotWritten // one of its tags was invalidated
	}
	return f.withRefs(l, e, refs), nil
}

// withRefs returns the entry with other records, also in memory.
func (f *Function) withRefs(l *Lookup, e *memory.Entry, refs []invalidation.Ref) *memory.Entry {
	n := copyEntry(e)
	n.Refs = refs
	f.replace(l.Key, e, n)
	return n
}

// keptUntil is until when the store has to keep the entry: as long as it may serve, and as long as another container
// may wait for it: a result whose ttl is over when it can be written answers those who asked before its run ended. And
// it keeps out the writes that what it replaces would have kept out, a tombstone or the entry of a Set: an empty slot
// takes whatever a run of before that comes to.
func (s *store) keptUntil(e *memory.Entry, seen sight) int64 {
	if e.End == freshness.Never {
		return e.End
	}
	now := s.f.env.Now()
	return max(e.End, freshness.Add(now, 2*lease.LongPause), min(seen.until, freshness.Add(now, latestWrite)))
}

// maxRefs is how many records the number before them can count. A result that depends on more stays in memory.
const maxRefs = 1<<16 - 1

var errTooManyRefs = errors.New("the result depends on more than 65,535 tags")

// appendRefs writes refs, at most maxRefs, before a payload: their number, then the length of each name, the name, the id.
func appendRefs(dst []byte, refs []invalidation.Ref) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(refs)))
	for _, r := range refs {
		dst = append(dst, byte(len(r.Name)))
		dst = append(dst, r.Name...)
		dst = binary.BigEndian.AppendUint64(dst, r.ID)
	}
	return dst
}

var errBadRefs = errors.New("the invalidation records before the payload are damaged")

// cutRefs is the inverse of appendRefs.
func cutRefs(b []byte) ([]invalidation.Ref, []byte, error) {
	if len(b) < 2 {
		return nil, nil, errBadRefs
	}
	n := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	if n > len(b)/9 {
		return nil, nil, errBadRefs
	}
	refs := make([]invalidation.Ref, 0, n)
	for range n {
		if len(b) < 1 || len(b) < 1+int(b[0])+8 {
			return nil, nil, errBadRefs
		}
		name := b[1 : 1+int(b[0])]
		b = b[1+len(name):]
		refs = append(refs, invalidation.Ref{Name: string(name), ID: binary.BigEndian.Uint64(b)})
		b = b[8:]
	}
	return refs, b, nil
}
