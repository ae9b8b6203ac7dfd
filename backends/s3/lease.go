package s3

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// A lease is an object that is only ever written under a condition: with If-None-Match where there is none, with
// If-Match over the very object that was seen before. Two writers can not both succeed. It is released by writing a
// tombstone over it, not by deleting it: a DELETE's success proves nothing, and some servers ignore its condition.
//
// Whether a lease is over is not judged by the holder's clock against ours, which nothing keeps together. It is over
//   - when the server says so by its own clock: the response's Date is later than Last-Modified by more than the ttl
//     (both count whole seconds, so one second is added), or
//   - when we have watched the same ETag for the ttl: whoever holds it did not renew it in that time.
//
// The first lets a container that meets a dead holder's lease for the first time take it over at once; the second is
// exact to the millisecond for one that is already waiting.
const (
	metaState = "sw-state"
	metaTTL   = "sw-ttl" // milliseconds

	stateHeld = "held"
	stateFree = "free"

	leaseRounds = 4 // each ends the attempt unless the object changed between two of our requests
)

type lease struct {
	s     *store
	name  string
	token string

	mu    sync.Mutex
	etag  string
	ends  time.Time // counted from before the request: never later than others believe
	count int       // of renewals: each object differs, so that each has an ETag of its own
	done  bool
}

// Lease implements [backends.Leaser]. A lease that can be had costs a GET and a PUT, one that another holds a GET.
func (s *store) Lease(ctx context.Context, key string, ttl time.Duration) (backends.Lease, error) {
	if err := checkLease(s.m, ttl); err != nil {
		return nil, err
	}
	l := s.newLease(key)
	if err := l.take(ctx, ttl, nil); err != nil {
		return nil, s.m.wrap(ctx, "lease", err)
	}
	return l, nil
}

// LeaseGet implements [backends.LeaseGetter]. It takes the time of Lease alone: between the look at the lease and the
// write that takes it nobody had it, or the write would fail, so an entry that is read after the look is read as well as
// after the write, and the two go side by side.
//
// Where there was no object for the key a moment ago, a PUT is all it takes. It succeeds only if there is no lease either,
// nor a tombstone of one: then nobody has had it since we looked, and nothing was written.
func (s *store) LeaseGet(ctx context.Context, key string, ttl time.Duration) (backends.Lease, []byte, uint64, error) {
	if err := checkLease(s.m, ttl); err != nil {
		return nil, nil, 0, err
	}
	l := s.newLease(key)
	if s.absent.take(key, s.m.now()) && !s.m.seen.has(l.name) {
		var err error
		gen, genErr := s.generationBeside(ctx, func() { err = l.write(ctx, ttl, stateHeld, condition{ifNew: true}) })
		switch {
		case err == nil && genErr != nil:
			return l, nil, 0, s.m.wrap(ctx, "get generation", genErr)
		case err == nil:
			return l, nil, gen, fmt.Errorf("%s: %w", s.m.place, backends.ErrNotFound)
		case !isLostRace(err):
			return nil, nil, 0, s.m.wrap(ctx, "lease", err)
		}
	}
	var entry []byte
	var gen uint64
	var getErr error
	read := func() { entry, gen, getErr = s.Get(ctx, key) }
	if err := l.take(ctx, ttl, read); err != nil {
		return nil, nil, 0, s.m.wrap(ctx, "lease", err)
	}
	return l, entry, gen, getErr
}

func (s *store) newLease(key string) *lease {
	return &lease{s: s, name: s.m.layout.lease(entryID(s.function, key)), token: newToken()}
}

func checkLease(m *Manager, ttl time.Duration) error {
	if ttl < time.Millisecond {
		return fmt.Errorf("%s: lease: ttl %v is too short; at least 1ms", m.place, ttl)
	}
	return nil
}

// take looks first: most who ask meet another's lease or a tombstone, and a PUT that fails costs ten times a GET.
// beside, which may be nil, runs beside the write, after the look.
func (l *lease) take(ctx context.Context, ttl time.Duration, beside func()) error {
	for range leaseRounds {
		cond, err := l.look(ctx, ttl)
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		if beside != nil {
			wg.Go(beside)
		}
		if cond != (condition{}) {
			err = l.write(ctx, ttl, stateHeld, cond)
		}
		wg.Wait()
		if err == nil {
			l.s.m.seen.forget(l.name)
			return nil
		}
		if !isLostRace(err) && !isNotFound(err) {
			return err
		}
	}
	return fmt.Errorf("%s: %w", l.s.m.place, backends.ErrLeased)
}

// look reads the lease and returns the condition under which it may be taken, or none where it is ours already: a
// request whose answer got lost on the way may have taken it.
func (l *lease) look(ctx context.Context, ttl time.Duration) (condition, error) {
	m := l.s.m
	asked := m.now()
	obj, err := m.read(ctx, l.name, readOptions{limit: 1 << 10})
	if isNotFound(err) {
		return condition{ifNew: true}, nil
	}
	if err != nil {
		return condition{}, err
	}
	if string(obj.body) == l.content() {
		l.etag, l.ends = obj.etag, asked.Add(ttl)
		m.seen.forget(l.name)
		return condition{}, nil
	}
	if !leaseOver(obj) && !m.seen.since(l.name, obj.etag, asked, leaseTTL(obj)) {
		token, _, _ := strings.Cut(string(obj.body), " ") // what follows changes with each renewal
		return condition{}, fmt.Errorf("%s: %w", m.place, &backends.LeasedError{Holder: token})
	}
	return condition{ifMatch: obj.etag}, nil
}

func (l *lease) content() string { return l.token + " " + strconv.Itoa(l.count) }

// write puts the lease, or its tombstone, and notes what it knows about it then.
func (l *lease) write(ctx context.Context, ttl time.Duration, state string, cond condition) error {
	asked := l.s.m.now()
	etag, err := l.s.m.write(ctx, l.name, []byte(l.content()), writeOptions{condition: cond, meta: map[string]string{
		metaState: state, metaTTL: strconv.FormatInt(ttl.Milliseconds(), 10),
	}})
	if err != nil {
		return err
	}
	l.etag, l.ends = etag, asked.Add(ttl)
	return nil
}

// Renew implements [backends.Lease] with one PUT; where its time is over, with none.
func (l *lease) Renew(ctx context.Context, ttl time.Duration) error {
	m := l.s.m
	if ttl < time.Millisecond {
		return fmt.Errorf("%s: renew lease: ttl %v is too short; at least 1ms", m.place, ttl)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done || !m.now().Before(l.ends) {
		return fmt.Errorf("%s: %w", m.place, backends.ErrLeaseLost)
	}
	l.count++
	err := l.write(ctx, ttl, stateHeld, condition{ifMatch: l.etag})
	if isLostRace(err) {
		// Perhaps to ourselves: the first try arrived and its answer did not. Only our own bytes say so.
		var cond condition
		if cond, err = l.look(ctx, ttl); err == nil && cond != (condition{}) {
			err = errLost
		}
	}
	if err == nil {
		return nil
	}
	if isLostRace(err) || isNotFound(err) || errors.Is(err, errLost) || errors.Is(err, backends.ErrLeased) {
		l.done = true
		return fmt.Errorf("%s: %w", m.place, backends.ErrLeaseLost)
	}
	return m.wrap(ctx, "renew lease", err)
}

// Release implements [backends.Lease] with one PUT.
func (l *lease) Release(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return nil
	}
	l.count++
	err := l.write(ctx, 0, stateFree, condition{ifMatch: l.etag})
	if err == nil || isLostRace(err) || isNotFound(err) {
		l.done = true // where the race is lost another holder has it, or our own first try arrived
		return nil
	}
	return l.s.m.wrap(ctx, "release lease", err)
}

func leaseTTL(obj object) time.Duration {
	ms, err := strconv.ParseInt(obj.meta[metaTTL], 10, 64)
	if err != nil || ms < 0 || ms > int64(24*time.Hour/time.Millisecond) {
		return 0 // no lease of ours
	}
	return time.Duration(ms) * time.Millisecond
}

// leaseOver judges by the object alone: released, not a lease, or expired by the server's own clock.
func leaseOver(obj object) bool {
	if obj.meta[metaState] != stateHeld || leaseTTL(obj) == 0 {
		return true
	}
	return sinceModified(obj) > leaseTTL(obj)+time.Second
}
