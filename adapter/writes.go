package adapter

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/serialize"
)

// writes are the entries of one function that wait to be written. A key has one lane: whoever gets its turn there writes
// the newest result there is, so that a slow write of an older one never lands behind it.
type writes struct {
	mu    sync.Mutex
	lanes map[string]*lane
}

type lane struct {
	turn  chan struct{} // holds one while somebody changes the key in the backend
	next  *write        // the newest result that waits; guarded by writes.mu
	users int           // guarded by writes.mu
}

// write is a result on its way to the backend.
type write struct {
	call *flight.Call // the run that made it; nil: none
	q    *question
	e    *memory.Entry
}

// enter puts the result in its key's lane in place of an older one. The caller leaves the lane when it is done.
func (ws *writes) enter(key string, w *write) *lane {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	l := ws.lanes[key]
	if l == nil {
		if ws.lanes == nil {
			ws.lanes = map[string]*lane{}
		}
		l = &lane{turn: make(chan struct{}, 1)}
		ws.lanes[key] = l
	}
	l.users++
	// What is written again without a run must not push out what a run has made.
	if w != nil && (l.next == nil || w.call != nil) {
		l.next = w
	}
	return l
}

func (ws *writes) leave(key string, l *lane) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(ws.lanes, key)
	}
}

// take returns what is to be written, or nil: another one has written it with its own, or it was cleared.
func (ws *writes) take(l *lane) *write {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w := l.next
	l.next = nil
	return w
}

// store writes the entry once the response is out, and gives the lease back behind it. It may be called on nil.
func (r *remote) store(ctx context.Context, call *flight.Call, q *question, e *memory.Entry, h *hold) {
	if r == nil || r.open(ctx) == nil {
		return
	}
	r.lastRun.Store(e.RunTime)
	w := &write{call: call, q: q, e: e}
	if r.obsolete(w) {
		r.core.leaveNothing(ctx, q, h)
		return
	}
	l := r.writes.enter(q.key, w)
	r.core.rt.after(ctx, func(ctx context.Context) {
		defer r.core.giveBack(ctx, h)
		defer r.writes.leave(q.key, l)
		l.turn <- struct{}{}
		defer func() { <-l.turn }()
		w := r.writes.take(l)
		if w == nil {
			return
		}
		r.core.rt.writing <- struct{}{}
		defer func() { <-r.core.rt.writing }()
		if r.obsolete(w) {
			r.dropBad(ctx, w.q)
			return
		}
		r.put(ctx, w.q, w.e)
	})
}

// obsolete reports whether the result was cleared since its run began, or a newer run was asked for.
func (r *remote) obsolete(w *write) bool {
	return w.call != nil && w.call.Dropped() || w.e.Epoch != r.core.epoch.Load()
}

// remove deletes the key's entry. What waits to be written is dropped, and a write under way is waited for: it must not
// land behind the delete.
func (r *remote) remove(ctx context.Context, q *question) error {
	l := r.writes.enter(q.key, nil)
	defer r.writes.leave(q.key, l)
	r.writes.take(l)
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return r.core.rt.writes.Do(ctx, func(ctx context.Context) error { return r.opened.Invalidate(ctx, r.address(q)) })
}

// replace writes the entry where the slot is as the lookup found it: what another container has written since is newer.
// Without a lookup it replaces whatever is there.
func (r *remote) replace(ctx context.Context, q *question, data []byte, expires time.Time) error {
	for {
		v, err := r.opened.Put(ctx, r.address(q), data, expires, q.seen)
		switch {
		case err == nil:
			q.seen = v
			return nil
		case !errors.Is(err, backends.ErrConflict):
			return err
		case q.sawSlot:
			return nil
		}
		found, err := r.opened.Read(ctx, r.address(q), backends.ReadOptions{ForWrite: true})
		if err != nil {
			return err
		}
		q.seen = found.Version
	}
}

// entryBuffers holds the buffers that results are encoded in.
var entryBuffers = sync.Pool{New: func() any { return new([]byte) }}

// largestKept bounds the buffers that go back to the pool.
const largestKept = 1 << 20

// put encodes, seals and writes the entry. An error is counted; the guard tells of outages, and what a single entry
// is refused for is said once.
func (r *remote) put(ctx context.Context, q *question, e *memory.Entry) {
	c := r.core
	start := time.Now()
	buf := entryBuffers.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= largestKept {
			entryBuffers.Put(buf)
		}
	}()
	payload, err := q.encode((*buf)[:0], e.Value)
	if err == nil {
		*buf = payload
		var data []byte
		if data, err = c.rt.sealer.Seal(nil, string(r.appendSealAddress(nil, q)), r.header(q, e), payload); err == nil {
			err = c.rt.writes.Do(ctx, func(ctx context.Context) error {
				return r.replace(ctx, q, data, wallTime(r.keptUntil(e)))
			})
		}
	}
	if err != nil {
		c.stats.storeErrors.Add(1)
		if !c.rt.writes.Down() {
			c.rt.logOnce(ctx, "store "+c.id.name, slog.LevelWarn, "a result could not be persisted; this container keeps it in memory",
				"function", c.id.name, "error", err.Error())
		}
	} else {
		c.stats.stores.Add(1)
	}
	c.rt.emit(ctx, Event{Kind: EventStore, Function: c.id.name, Tier: TierBackend, Duration: time.Since(start), Err: err})
}

func (r *remote) header(q *question, e *memory.Entry) serialize.Header {
	return serialize.Header{
		Generation: e.Generation, Created: wallTime(e.Created), FreshUntil: wallTime(e.Fresh), Expires: wallTime(e.End),
		RunTime: time.Duration(e.RunTime), Type: [16]byte(r.out[:16]), Codec: q.codec,
	}
}

// keptUntil is until when the store has to keep the entry: as long as it may serve, and as long as another container
// may wait for it. A result whose ttl is over when it can be written answers those who asked before its run ended.
func (r *remote) keptUntil(e *memory.Entry) int64 {
	return max(e.End, after(r.core.rt.now(), r.core.rt.config.LeaseTTL))
}

func wallTime(t int64) time.Time {
	if t == memory.Never {
		return time.Time{}
	}
	return time.Unix(0, t)
}
