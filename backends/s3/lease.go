package s3

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// A key's lease slot is an object that is only ever written under a condition: with If-None-Match where there is none, with
// If-Match over the very object that was seen before. Two writers can not both succeed. It holds a lease, a mark, or a
// tombstone: a lease is released by writing one over it, not by deleting it, since a DELETE's success proves nothing, and
// some servers ignore its condition. Its body is the holder's token and a nonce.
//
// Whether a lease or a mark is over is not judged by its writer's clock against ours, which nothing keeps together. It is
// over
//   - when the server says so by its own clock: the response's Date is later than Last-Modified by more than the ttl
//     (both count whole seconds, so one second is added), or
//   - when we have watched the same ETag for the ttl: whoever holds it did not renew it in that time.
//
// The first lets a container that meets a dead holder's lease for the first time take it over at once; the second is
// exact to the millisecond for one that is already waiting.
const (
	metaState      = "sw-state"
	metaTTL        = "sw-ttl"        // milliseconds
	metaRunTime    = "sw-run-time"   // microseconds
	metaBegan      = "sw-began"      // Unix milliseconds by the server's clock; absent in a lease's first object
	metaMark       = "sw-mark"       // its kind
	metaGeneration = "sw-generation" // the mark's, in hexadecimal

	stateHeld = "held"
	stateFree = "free"
	stateMark = "mark"

	leaseRounds = 4 // each ends the attempt unless the object changed between two of our requests
	leaseLimit  = 1 << 10
)

type lease struct {
	s       *store
	name    string
	token   string
	from    string // whose lease may be taken over; empty: nobody's
	runTime time.Duration

	mu    sync.Mutex
	etag  string
	nonce string    // of the latest write that was tried
	began time.Time // by the server's clock; zero: it did not say
	ends  time.Time // by ours, counted from before the request: never later than others believe
	done  bool
}

// Lease implements [backends.Leaser]. It takes the time of a GET and a PUT, and costs a GET more: between the look at the
// lease and the write that takes it nobody had it, or the write would fail, so an entry that is read after the look is
// read as well as after the write, and the two go side by side. A lease that another holds costs a GET.
//
// Where there was no object for the key a moment ago, a PUT is all it takes. It succeeds only if there is no lease either,
// nor a mark or tombstone: then nobody has had it since we looked, and nothing was written.
func (s *store) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	return s.lease(ctx, key, "", r, o)
}

// Takeover implements [backends.Leaser].
func (s *store) Takeover(ctx context.Context, key, from string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	return s.lease(ctx, key, from, r, o)
}

func (s *store) lease(ctx context.Context, key, from string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	if err := r.Check(); err != nil {
		return nil, backends.Reading{}, err
	}
	ctx, cancel := withDeadline(ctx, o.Deadline)
	defer cancel()
	l := &lease{
		s: s, name: s.m.layout.lease(entryID(s.function, key)), token: r.Token, from: from, runTime: r.RunTime,
	}
	if s.absent.take(key, s.m.now()) && !s.m.seen.has(l.name) {
		var err error
		common, commonErr := s.beside(ctx, o, func() { err = l.write(ctx, r.TTL, stateHeld, condition{ifNew: true}) })
		if err == nil {
			common.Clock = l.began
			s.m.seen.exists(l.name, s.m.now())
			return l, common, s.m.wrap(ctx, "read", commonErr)
		}
		if !isLostRace(err) {
			return nil, backends.Reading{}, s.m.wrap(ctx, "lease", err)
		}
	}
	var reading backends.Reading
	var readErr error
	if err := l.take(ctx, r.TTL, func() { reading, readErr = s.Read(ctx, key, o) }); err != nil {
		return nil, backends.Reading{}, s.m.wrap(ctx, "lease", err)
	}
	return l, reading, readErr
}

// take looks first: most who ask meet another's lease or a tombstone, and a PUT that fails costs ten times a GET.
// beside runs beside the write, after the look.
func (l *lease) take(ctx context.Context, ttl time.Duration, beside func()) error {
	for range leaseRounds {
		cond, err := l.look(ctx, ttl)
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		wg.Go(beside)
		if cond != (condition{}) {
			err = l.write(ctx, ttl, stateHeld, cond)
		}
		wg.Wait()
		if err == nil {
			l.s.m.seen.exists(l.name, l.s.m.now())
			return nil
		}
		if !isLostRace(err) && !isNotFound(err) {
			return err
		}
	}
	return fmt.Errorf("%s: %w", l.s.m.place, backends.ErrLeased)
}

// look reads the slot and returns the condition under which the lease may be taken, or none where it is ours already: a
// request whose answer got lost on the way may have taken it.
func (l *lease) look(ctx context.Context, ttl time.Duration) (condition, error) {
	m := l.s.m
	asked := m.now()
	obj, err := m.read(ctx, l.name, readOptions{limit: leaseLimit})
	if isNotFound(err) {
		return condition{ifNew: true}, nil
	}
	if err != nil {
		return condition{}, err
	}
	token, _, _ := cutTail(obj)
	switch {
	case obj.meta[metaState] == stateHeld && string(token) == l.token:
		l.began = leaseBegan(obj)
		if l.nonce != "" && obj.meta[metaNonce] == l.nonce {
			l.etag, l.ends = obj.etag, asked.Add(ttl)
			return condition{}, nil
		}
	case obj.meta[metaState] == stateHeld && l.from != "" && string(token) == l.from:
	case !slotOver(obj) && !m.seen.since(l.name, obj.etag, asked, slotTTL(obj)):
		return condition{}, fmt.Errorf("%s: %w", m.place, refusal(obj, string(token)))
	}
	return condition{ifMatch: obj.etag}, nil
}

// refusal is the error for a key that has a lease or a mark.
func refusal(obj object, token string) error {
	var left time.Duration
	if !obj.served.IsZero() && !obj.modified.IsZero() {
		left = max(time.Millisecond, slotTTL(obj)-sinceModified(obj))
	}
	if obj.meta[metaState] == stateMark {
		kind, _ := strconv.ParseUint(obj.meta[metaMark], 10, 8)
		gen, _ := strconv.ParseUint(obj.meta[metaGeneration], 16, 64)
		return &backends.MarkedError{Mark: backends.Mark{Kind: byte(kind), Generation: gen}, Left: left}
	}
	e := &backends.LeasedError{Holder: token, Left: left}
	if us, err := strconv.ParseInt(obj.meta[metaRunTime], 10, 64); err == nil && us > 0 {
		e.RunTime = time.Duration(min(us, int64(maxRunTime/time.Microsecond))) * time.Microsecond
	}
	if began := leaseBegan(obj); !began.IsZero() && obj.served.After(began) {
		e.Age = obj.served.Sub(began)
	}
	return e
}

// maxRunTime is the longest run time that is believed.
const maxRunTime = 365 * 24 * time.Hour

// leaseBegan returns when the holder's run began, by the server's clock.
func leaseBegan(obj object) time.Time {
	if ms, err := strconv.ParseInt(obj.meta[metaBegan], 10, 64); err == nil {
		return time.UnixMilli(ms)
	}
	return obj.modified
}

// write puts the lease, or its tombstone, and notes what it knows about it then.
func (l *lease) write(ctx context.Context, ttl time.Duration, state string, cond condition) error {
	meta := map[string]string{metaState: state, metaTTL: strconv.FormatInt(ttl.Milliseconds(), 10)}
	if l.runTime > 0 {
		meta[metaRunTime] = strconv.FormatInt(l.runTime.Microseconds(), 10)
	}
	if !l.began.IsZero() {
		meta[metaBegan] = strconv.FormatInt(l.began.UnixMilli(), 10)
	}
	asked := l.s.m.now()
	out, nonce, err := l.s.m.writeLease(ctx, l.name, l.token, meta, cond)
	l.nonce = nonce
	if err != nil {
		return err
	}
	l.etag, l.ends = out.etag, asked.Add(ttl)
	if l.began.IsZero() {
		l.began = out.at
	}
	return nil
}

// writeLease puts a lease slot's object with a nonce of its own.
func (m *Manager) writeLease(ctx context.Context, name, token string, meta map[string]string, cond condition) (written, string, error) {
	body, o, nonce := m.slotObject(slotWrite{kind: kindLease, body: []byte(token), meta: meta})
	o.condition, o.class = cond, ""
	out, err := m.write(ctx, name, body, o)
	return out, nonce, err
}

const kindLease = "lease"

// markMeta returns a mark's metadata; a tombstone's where there is none.
func markMeta(mark backends.Mark) map[string]string {
	if mark.Kind == 0 || mark.TTL <= 0 {
		return map[string]string{metaState: stateFree, metaTTL: "0"}
	}
	return map[string]string{
		metaState: stateMark, metaTTL: strconv.FormatInt(max(1, mark.TTL.Milliseconds()), 10),
		metaMark: strconv.Itoa(int(mark.Kind)), metaGeneration: strconv.FormatUint(mark.Generation, 16),
	}
}

// Mark implements [backends.Leaser] with a GET and a PUT.
func (s *store) Mark(ctx context.Context, key string, mark backends.Mark) error {
	m, name := s.m, s.m.layout.lease(entryID(s.function, key))
	for range leaseRounds {
		cond := condition{ifNew: true}
		obj, err := m.read(ctx, name, readOptions{limit: leaseLimit})
		switch {
		case isNotFound(err) || err == nil && obj.meta[metaState] == stateFree:
			if mark.Kind == 0 {
				return nil
			}
		case err != nil:
			return m.wrap(ctx, "mark", err)
		case obj.meta[metaState] == stateHeld && !slotOver(obj):
			return nil
		}
		if err == nil {
			cond = condition{ifMatch: obj.etag}
		}
		_, _, err = m.writeLease(ctx, name, "", markMeta(mark), cond)
		if err == nil || !isLostRace(err) && !isNotFound(err) {
			return m.wrap(ctx, "mark", err)
		}
	}
	return nil // others keep writing there: they know more recent things
}

// Token implements [backends.Lease].
func (l *lease) Token() string { return l.token }

// Renew implements [backends.Lease] with one PUT; where its time is over, with none.
func (l *lease) Renew(ctx context.Context, ttl time.Duration) error {
	if err := backends.CheckLeaseTTL(ttl); err != nil {
		return err
	}
	m := l.s.m
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done || !m.now().Before(l.ends) {
		return fmt.Errorf("%s: %w", m.place, backends.ErrLeaseLost)
	}
	err := l.write(ctx, ttl, stateHeld, condition{ifMatch: l.etag})
	if isLostRace(err) {
		// Perhaps to ourselves: the first try arrived and its answer did not. Only our own bytes say so.
		l.from = ""
		var cond condition
		if cond, err = l.look(ctx, ttl); err == nil && cond != (condition{}) {
			err = errLost
		}
	}
	if err == nil {
		return nil
	}
	if isLostRace(err) || isNotFound(err) || errors.Is(err, errLost) || errors.Is(err, backends.ErrLeased) || errors.Is(err, backends.ErrMarked) {
		l.done = true
		return fmt.Errorf("%s: %w", m.place, backends.ErrLeaseLost)
	}
	return m.wrap(ctx, "renew lease", err)
}

// Release implements [backends.Lease] with one PUT.
func (l *lease) Release(ctx context.Context, mark backends.Mark) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return nil
	}
	_, _, err := l.s.m.writeLease(ctx, l.name, "", markMeta(mark), condition{ifMatch: l.etag})
	if err == nil || isLostRace(err) || isNotFound(err) {
		l.done = true // where the race is lost another holder has it, or our own first try arrived
		return nil
	}
	return l.s.m.wrap(ctx, "release lease", err)
}

func slotTTL(obj object) time.Duration {
	ms, err := strconv.ParseInt(obj.meta[metaTTL], 10, 64)
	if err != nil || ms < 0 || ms > int64(24*time.Hour/time.Millisecond) {
		return 0 // no lease of ours
	}
	return time.Duration(ms) * time.Millisecond
}

// slotOver judges by the object alone: released, neither a lease nor a mark, or expired by the server's own clock.
func slotOver(obj object) bool {
	if state := obj.meta[metaState]; state != stateHeld && state != stateMark || slotTTL(obj) == 0 {
		return true
	}
	return sinceModified(obj) > slotTTL(obj)+time.Second
}
