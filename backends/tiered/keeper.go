package tiered

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// shared is what all stores of one function in this manager share.
type shared struct {
	keeper keeper
	untold untold
	any    atomic.Pointer[store] // one of the open stores, for pruning
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
	at         time.Time // when it was asked
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

// current returns the generation that was heard no longer than keep ago, and its age, and otherwise asks. Callers that
// come meanwhile wait for the same answer.
func (k *keeper) current(ctx context.Context, keep time.Duration, now func() time.Time,
	ask func(context.Context) (uint64, error)) (uint64, time.Duration, error) {
	for {
		k.mu.Lock()
		// A negative age: the clock stepped back, and the true age is not known.
		if age := now().Sub(k.heard); k.known && keep > 0 && age >= 0 && age < keep {
			g := k.generation
			k.mu.Unlock()
			return g, age, nil
		}
		// Without keeping, an answer that was under way before this call began may be too old for it.
		if f := k.flight; f != nil && keep > 0 {
			k.mu.Unlock()
			select {
			case <-ctx.Done():
				return 0, 0, ctx.Err()
			case <-f.done:
			}
			if f.err == nil {
				return f.generation, max(0, now().Sub(f.at)), nil
			}
			if err := ctx.Err(); err != nil {
				return 0, 0, err
			}
			if !isContext(f.err) {
				return 0, 0, f.err
			}
			continue // the one who asked was cancelled; that is not our answer
		}
		f := &flight{done: make(chan struct{}), at: now()}
		k.flight = f
		mark := k.clears
		k.mu.Unlock()
		g, err := k.ask(ctx, f, mark, now, ask)
		return g, 0, err
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
	at := f.at
	f.err = errAbandoned // what waiters see if ask panics
	f.generation, f.err = ask(ctx)
	if f.err == nil {
		f.generation = k.hear(f.generation, at, now(), mark)
	}
	return f.generation, f.err
}
