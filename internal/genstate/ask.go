package genstate

import (
	"context"
	"errors"
	"time"
)

// flight is one question to the backend for which several callers wait.
type flight struct {
	done       chan struct{}
	at         int64 // when it was asked
	began      int64 // once it is done: when the read began that brought the answer
	generation uint64
	err        error
}

var errAbandoned = errors.New("reading the generation was abandoned")

// Ask returns a generation that was read less than within ago, and its age: the known one, or what ask reads now. Callers
// that come meanwhile wait for the same answer; a waiter does not get the end of another caller's context. now is the
// clock. ask runs on the goroutine of one of the callers, with its context.
//
// What ask brings is observed. Where that is [Older] the known generation is returned; a generation that has [Returned] is
// returned as it is, and not kept.
func (s *State) Ask(ctx context.Context, now func() int64, within time.Duration,
	ask func(context.Context) (uint64, error)) (generation uint64, age time.Duration, err error) {
	for {
		if g, age, ok := s.Fresh(now(), within); ok {
			return g, age, nil
		}
		f, mine := s.join(now(), within)
		switch {
		case f == nil:
			continue
		case mine:
			return s.lead(ctx, f, now, ask)
		}
		select {
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		case <-f.done:
		}
		switch {
		case f.err == nil:
			return f.generation, time.Duration(max(0, now()-f.began)), nil
		case ctx.Err() != nil:
			return 0, 0, ctx.Err()
		case !errors.Is(f.err, context.Canceled) && !errors.Is(f.err, context.DeadlineExceeded):
			return 0, 0, f.err
		}
		// The one who asked was cancelled; that is not our answer.
	}
}

// join returns the question under way, where its answer will be young enough, or a new one that the caller has to ask. It
// returns none where a question ended since the caller looked, and its answer is young enough.
func (s *State) join(now int64, within time.Duration) (f *flight, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f = s.flight; f != nil && now-f.at >= 0 && time.Duration(now-f.at) < within {
		return f, false
	}
	if _, _, fresh := s.Fresh(now, within); fresh {
		return nil, false
	}
	f = &flight{done: make(chan struct{}), at: now, err: errAbandoned} // what waiters see if ask panics
	s.flight = f
	return f, true
}

func (s *State) lead(ctx context.Context, f *flight, now func() int64, ask func(context.Context) (uint64, error)) (uint64, time.Duration, error) {
	defer func() {
		s.mu.Lock()
		if s.flight == f {
			s.flight = nil
		}
		s.mu.Unlock()
		close(f.done)
	}()
	began := f.at
	r := s.Begin(began)
	g, err := ask(ctx)
	if err == nil {
		if _, o := s.Observe(r, g, 0); o == Older {
			if at, known := s.readAt.Load(), s.Known(); known != 0 {
				g, began = known, min(began, at)
			}
		}
	}
	f.generation, f.began, f.err = g, began, err
	return g, time.Duration(max(0, now()-began)), err
}
