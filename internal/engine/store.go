package engine

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/breaker"
	"github.com/stillwarm/stillwarm/internal/genstate"
	"github.com/stillwarm/stillwarm/internal/key"
)

// errBudget says that the invocation has waited long enough for the backend before its runs.
var errBudget = errors.New("the invocation's budget for the backend is spent")

// store is one function's part of the backend, opened at its first use.
type store struct {
	f   *Function
	gen genstate.State

	reads generationReads

	opening sync.Once
	opened  backends.Store // nil: cannot be opened
	leaser  backends.Leaser
	batch   backends.BatchReader
	leases  backends.BatchLeaser
	// deadlines says that a read ends at its deadline without a context that does: for a server nearby, setting a timer
	// takes longer than the answer.
	deadlines bool
	keys      key.Prefix
	code      string
	record    functionRecord
}

// open returns the function's store; nil where it cannot be opened, which is said once.
func (s *store) open(ctx context.Context) backends.Store {
	s.opening.Do(func() {
		spec := &s.f.spec
		fn := backends.Function{
			Namespace: s.f.env.Namespace, Name: spec.Name, TTL: spec.Policy.TTL, MaxEntries: spec.MaxEntries, MaxSize: spec.MaxSize,
			NearTTL: spec.NearTTL,
		}
		code, err := spec.Code()
		if err == nil {
			err = spec.Manager.Check(fn)
		}
		var opened backends.Store
		if err == nil {
			opened, err = openStore(context.WithoutCancel(ctx), spec.Manager, fn)
		}
		if err != nil {
			s.f.env.Log(ctx, slog.LevelError, "cannot persist results of the function; keeping them in memory only",
				"function", spec.Name, "error", err.Error())
			return
		}
		s.leaser, _ = opened.(backends.Leaser)
		s.batch, _ = opened.(backends.BatchReader)
		s.leases, _ = opened.(backends.BatchLeaser)
		k, ok := opened.(backends.DeadlineKeeper)
		s.deadlines = ok && k.KeepsDeadlines()
		s.code = code
		s.keys = key.NewPrefix(s.f.env.Namespace, spec.Name, code, string(spec.In[:]), string(spec.Out[:]))
		s.opened = opened
		if recs, ok := opened.(backends.Records); ok {
			s.f.records.open.CompareAndSwap(nil, &recs)
		}
	})
	return s.opened
}

// openStore opens a store; a panic of the backend is an error like any other.
func openStore(ctx context.Context, m backends.PersistenceManager, fn backends.Function) (s backends.Store, err error) {
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, errors.New("the backend panicked while it was opened")
		}
	}()
	return m.Store(ctx, fn)
}

// fenced reports whether writes are conditional, as far as is known.
func (s *store) fenced() bool {
	u, ok := s.opened.(backends.Unfenced)
	return !ok || !u.Unfenced()
}

// slot returns the lookup's key in the backend.
func (s *store) slot(l *Lookup) string {
	if l.address == "" {
		sum := s.keys.Sum(l.Scope, l.Enc)
		hex.Encode(l.digest[:], sum[:])
		l.address = textOf(l.digest[:])
	}
	return l.address
}

// appendSealAddress appends what an entry is bound to: its function and its key.
func (s *store) appendSealAddress(dst []byte, l *Lookup) []byte {
	dst = append(append(dst, s.f.env.Namespace...), 0)
	dst = append(append(dst, s.f.spec.Name...), 0)
	return append(dst, s.slot(l)...)
}

// do runs an operation of the store through the breaker of reads.
func (s *store) do(ctx context.Context, within time.Duration, op func(context.Context) error) error {
	return s.f.env.Reads.Within(ctx, within, func(ctx context.Context, deadline time.Time) error {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		return op(ctx)
	})
}

// write runs an operation of the store through the breaker of writes.
func (s *store) write(ctx context.Context, op func(context.Context) error) error {
	return s.f.env.Writes.Within(ctx, s.f.env.Writes.Timeout(), func(ctx context.Context, deadline time.Time) error {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		return op(ctx)
	})
}

// note counts a failed read. Outages are told by the breaker.
func (s *store) note(error) { s.f.Stats.BackendErrors.Add(1) }

// lease tries once to take the slot's lease; from names the holder whose lease is taken over.
func (s *store) lease(ctx context.Context, l *Lookup, from string, r backends.LeaseRequest, within time.Duration) (lease backends.Lease, reading backends.Reading, err error) {
	o := s.options(l, backends.ReadOptions{ForWrite: true})
	l.readAt = s.f.env.Now()
	l.by, l.owed = time.Now().Add(within), s.owes(s.slot(l))
	l.mark, l.before = s.gen.Begin(l.readAt), s.f.spec.Owner.Get(bytesOf(l.Key))
	err = s.do(ctx, within, func(ctx context.Context) (err error) {
		if from == "" {
			lease, reading, err = s.leaser.Lease(ctx, s.slot(l), r, o)
		} else {
			lease, reading, err = s.leaser.Takeover(ctx, s.slot(l), from, r, o)
		}
		return err
	})
	if err != nil && lease == nil && !errors.Is(err, backends.ErrLeased) && !errors.Is(err, backends.ErrMarked) {
		s.note(err)
		s.unanswered(ctx, s.slot(l), r, err)
	}
	return lease, reading, err
}

// unanswered takes note of an attempt to take a lease that may have taken it: it is given back after the response.
func (s *store) unanswered(ctx context.Context, slot string, r backends.LeaseRequest, err error) {
	if errors.Is(err, breaker.ErrOpen) {
		return
	}
	s.f.env.leases.Unsure(slot, s.leaser, r)
	s.f.env.Defer(ctx, s.f.env.leases.Retry)
}

// mark marks the slot, or removes its mark.
func (s *store) mark(ctx context.Context, l *Lookup, m backends.Mark, within time.Duration) {
	if s.open(ctx) == nil || s.leaser == nil || within <= 0 {
		return
	}
	_ = s.do(ctx, within, func(ctx context.Context) error { return s.leaser.Mark(ctx, s.slot(l), m) })
}
