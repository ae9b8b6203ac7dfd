package adapter

import (
	"context"
	"encoding/hex"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/key"
	"github.com/stillwarm/stillwarm/serialize"
)

const defaultNearTTL = 5 * time.Second

// remote is one function's part of the backend: its store, the generation as far as this container knows it, and what
// waits to be written.
type remote struct {
	core    *dataCore
	manager backends.PersistenceManager
	nearTTL time.Duration
	in, out [32]byte // fingerprints of the types

	opening sync.Once
	opened  backends.Store // nil: cannot be opened
	leaser  backends.Leaser
	keys    key.Prefix

	// The generation that was heard last, when it was asked for, and until when this container trusts its memory to be of it.
	heard     atomic.Uint64
	heardAt   atomic.Int64
	trustTill atomic.Int64
	askOne    sync.Mutex // one asks, the others wait for its answer
	// cleared says that a clear could not be told to the backend yet: nothing that is there may be believed.
	cleared atomic.Bool

	writes writes

	mu      sync.Mutex
	clears  uint64       // in this container
	lastRun atomic.Int64 // nanoseconds, to judge whether waiting for another container pays
}

// newRemote returns the function's part of the backend, or nil where it lives in memory only.
func newRemote(c *dataCore, in, out [32]byte) (r *remote, why string) {
	m, why := c.rt.backendFor(c.opts.persist)
	if m == nil {
		return nil, why
	}
	r = &remote{core: c, manager: m, in: in, out: out, nearTTL: defaultNearTTL}
	if c.opts.nearTTL > 0 {
		r.nearTTL = c.opts.nearTTL
	}
	return r, ""
}

// open returns the function's store, opened at its first use; nil where it cannot be opened, which is said once.
func (r *remote) open(ctx context.Context) backends.Store {
	r.opening.Do(func() {
		c := r.core
		fn := backends.Function{
			Namespace: c.rt.config.Namespace, Name: c.id.name, TTL: c.opts.ttl,
			MaxEntries: c.opts.maxEntries, MaxSize: c.opts.maxSize, NearTTL: r.nearTTL,
		}
		code, err := r.codeIdentity()
		if err == nil {
			err = r.manager.Check(fn)
		}
		if err == nil {
			r.opened, err = r.manager.Store(context.WithoutCancel(ctx), fn)
		}
		if err != nil {
			r.opened = nil
			c.rt.log(ctx, slog.LevelError, "the function's results cannot be persisted; they are kept in memory only",
				"function", c.id.name, "error", err.Error())
			return
		}
		r.leaser, _ = r.opened.(backends.Leaser)
		r.keys = key.NewPrefix(c.rt.config.Namespace, c.id.name, code, string(r.in[:]), string(r.out[:]))
	})
	return r.opened
}

// codeIdentity is what an entry's code must have in common with this program's.
func (r *remote) codeIdentity() (string, error) {
	if r.core.opts.version != "" {
		return "version " + r.core.opts.version, nil
	}
	id, err := codeIdentity(r.core.id.name)
	return id + " environment " + r.core.rt.environment, err
}

// address returns the question's key in the store.
func (r *remote) address(q *question) string {
	if q.address == "" {
		sum := r.keys.Sum(q.scope.text(), q.encodedArgument())
		hex.Encode(q.digest[:], sum[:])
		q.address = textOf(q.digest[:])
	}
	return q.address
}

// appendSealAddress appends what an entry is bound to: its function and its key.
func (r *remote) appendSealAddress(dst []byte, q *question) []byte {
	dst = append(append(dst, r.core.rt.config.Namespace...), 0)
	dst = append(append(dst, r.core.id.name...), 0)
	return append(dst, r.address(q)...)
}

// find reads the entry from the store. It returns nil where there is none that may be used, and takes note of the
// generation in any case.
func (r *remote) find(ctx context.Context, q *question, epoch uint64) *memory.Entry {
	store := r.open(ctx)
	if store == nil || !r.settleClear(ctx) {
		return nil
	}
	asked := r.asks()
	reading, err := r.get(ctx, q)
	return r.take(ctx, q, epoch, asked, reading, err)
}

// take returns the entry that the store's answer amounts to, nil where it is none that may be used, and takes note of
// the generation.
func (r *remote) take(ctx context.Context, q *question, epoch uint64, asked asking, found backends.Reading, err error) *memory.Entry {
	if err != nil {
		r.noteRead(ctx, err)
		return nil
	}
	r.hears(found.Generation, asked, found.GenerationAge)
	q.seen, q.sawSlot = found.Version, true
	if found.Entry == nil {
		return nil
	}
	return r.accept(ctx, q, found.Entry, found.Generation, epoch)
}

// get reads the slot from the store, which is open.
func (r *remote) get(ctx context.Context, q *question) (found backends.Reading, err error) {
	address := r.address(q)
	err = r.core.rt.reads.Before(ctx, func(ctx context.Context, deadline time.Time) (err error) {
		found, err = r.opened.Read(ctx, address, backends.ReadOptions{Deadline: deadline, ForWrite: true})
		return err
	})
	return found, err
}

// noteRead counts a failed read. Outages are told by the guard.
func (r *remote) noteRead(_ context.Context, _ error) { r.core.stats.backendErrors.Add(1) }

// accept opens what the store returned, and believes it only if it is whole, of this function and type and generation.
// Anything else is a miss; what can never be of use is deleted.
func (r *remote) accept(ctx context.Context, q *question, data []byte, generation, epoch uint64) *memory.Entry {
	c := r.core
	var room [sealAddressRoom]byte
	h, payload, err := c.rt.sealer.Open(textOf(r.appendSealAddress(room[:0], q)), data)
	if err == nil {
		err = r.fits(q, h)
	}
	if err != nil {
		r.reject(ctx, q, err)
		return nil
	}
	if h.Generation != generation {
		return nil // cleared; the next result overwrites it
	}
	passing := q.mayPass && !c.owner.Fits(int64(len(payload)))
	v, err := q.decode(payload, passing)
	if err != nil {
		r.reject(ctx, q, err)
		return nil
	}
	e := &q.found
	if !passing {
		e = new(memory.Entry)
	}
	r.setTimes(e, h)
	e.Value, e.Generation, e.Epoch = v, generation, epoch
	e.Cost = max(q.cost(v), int64(len(payload))) // so that memory does not take what was judged too large for it
	r.lastRun.Store(e.RunTime)
	if now := c.rt.now(); e.Created > now {
		e = c.fromFuture(ctx, q, e, now)
	}
	return e
}

// sealAddressRoom is as long as most seal addresses.
const sealAddressRoom = 256

// setTimes gives an entry the times of its envelope, cut to the function's own ttl, which may have changed since.
func (r *remote) setTimes(e *memory.Entry, h serialize.Header) {
	c := r.core
	e.Created, e.Fresh, e.End, e.RunTime = h.Created.UnixNano(), memory.Never, memory.Never, int64(h.RunTime)
	if !h.FreshUntil.IsZero() {
		e.Fresh = h.FreshUntil.UnixNano()
	}
	if c.opts.ttl > 0 {
		e.Fresh = min(e.Fresh, after(e.Created, c.opts.ttl))
	}
	if e.Fresh != memory.Never {
		e.End = after(e.Fresh, c.grace())
	}
}

// reject notes an entry that is no entry of this key, and says so once per question. The result of the run that follows
// overwrites it; where there is none, dropBad deletes it.
func (r *remote) reject(ctx context.Context, q *question, why error) {
	if q.bad {
		return
	}
	q.bad = true
	c := r.core
	c.stats.badEntries.Add(1)
	c.rt.log(ctx, slog.LevelWarn, "an entry in the backend cannot be used; it is deleted and computed again",
		"function", c.id.name, "key", shortKey(r.address(q)), "error", why.Error())
}

// dropBad deletes a rejected entry that nothing has overwritten.
func (r *remote) dropBad(ctx context.Context, q *question) {
	if r == nil || !q.bad {
		return
	}
	_ = r.core.rt.writes.Do(ctx, func(ctx context.Context) error { return r.opened.Delete(ctx, r.address(q), q.seen) })
}

// shortKey is enough of a key to find an entry by, and tells nothing: keys are digests.
func shortKey(address string) string { return address[:min(16, len(address))] }
