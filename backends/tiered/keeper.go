package tiered

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// shared is what all stores of one function in this manager share.
type shared struct {
	keeper  keeper
	changes [64]changes           // by hash of the key
	any     atomic.Pointer[store] // one of the open stores, for pruning
}

// keeper remembers the generation that the authority told last, and when. The zero value knows none.
type keeper struct {
	mu         sync.Mutex
	generation uint64
	heard      time.Time
	known      bool
	clears     uint64 // counts forget: what was asked for before a Clear must not be remembered after it
	flight     *flight
}

// flight is one question to the authority for which several callers wait.
type flight struct {
	done       chan struct{}
	generation uint64
	err        error
}

// mark returns what hear needs to tell whether a Clear came in between.
func (k *keeper) mark() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.clears
}

// forget drops what is known, and leaves those that wait for an older answer to themselves.
func (k *keeper) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.clears++
	k.known = false
	k.flight = nil
}

// hear remembers a generation that was true at a time, and returns the one that is newest: g, or one that another
// caller has heard since. What was heard in the future, by a clock that has stepped back, is no newer.
func (k *keeper) hear(g uint64, at, now time.Time, mark uint64) uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.clears != mark {
		return g // overtaken by a Clear: as old as the call that asked, and not remembered
	}
	if k.known && k.heard.After(at) && !k.heard.After(now) {
		return k.generation
	}
	k.generation, k.heard, k.known = g, at, true
	return g
}

// current returns the generation that was heard no longer than keep ago, and otherwise asks. Callers that come
// meanwhile wait for the same answer.
func (k *keeper) current(ctx context.Context, keep time.Duration, now func() time.Time,
	ask func(context.Context) (uint64, error)) (uint64, error) {
	for {
		k.mu.Lock()
		// A negative age: the clock stepped back, and the true age is not known.
		if age := now().Sub(k.heard); k.known && keep > 0 && age >= 0 && age < keep {
			g := k.generation
			k.mu.Unlock()
			return g, nil
		}
		// Without keeping, an answer that was under way before this call began may be too old for it.
		if f := k.flight; f != nil && keep > 0 {
			k.mu.Unlock()
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-f.done:
			}
			if f.err == nil {
				return f.generation, nil
			}
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			if !isContext(f.err) {
				return 0, f.err
			}
			continue // the one who asked was cancelled; that is not our answer
		}
		f := &flight{done: make(chan struct{})}
		k.flight = f
		mark := k.clears
		k.mu.Unlock()
		return k.ask(ctx, f, mark, now, ask)
	}
}

func (k *keeper) ask(ctx context.Context, f *flight, mark uint64, now func() time.Time,
	ask func(context.Context) (uint64, error)) (uint64, error) {
	defer func() {
		k.mu.Lock()
		if k.flight == f {
			k.flight = nil
		}
		k.mu.Unlock()
		close(f.done)
	}()
	at := now()
	f.err = errAbandoned // what waiters see if ask panics
	f.generation, f.err = ask(ctx)
	if f.err == nil {
		f.generation = k.hear(f.generation, at, now(), mark)
	}
	return f.generation, f.err
}

// changes counts Puts and Deletes of some keys, so that a copy on its way to a faster tier notices that it was
// overtaken.
type changes struct{ begun, ended atomic.Uint64 }

func (c *changes) begin() (end func()) {
	c.begun.Add(1)
	return func() { c.ended.Add(1) }
}

// quiet returns a mark, and whether no change is under way. Two quiet marks that are equal have no change between them.
func (c *changes) quiet() (mark uint64, ok bool) {
	// ended first: a change that ends in between makes the two differ, never agree by mistake.
	ended := c.ended.Load()
	begun := c.begun.Load()
	return begun, begun == ended
}
