package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stillwarm/stillwarm/backends"
)

// Scripts run as a whole, so nobody can take the lease between the comparison and what follows it. They are sent
// with each call: they are shorter than the answer that a server which has not seen their hash would give.
const (
	renewScript   = `if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('pexpire',KEYS[1],ARGV[2]) end return 0`
	releaseScript = `if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end return 0`
)

// lease is a lease that was taken: a key that holds this holder's token and expires by itself.
type lease struct {
	m     *Manager
	key   string
	token string
}

var _ backends.Lease = (*lease)(nil)

// Lease takes the lease of key for ttl, to the millisecond.
func (s *Store) Lease(ctx context.Context, key string, ttl time.Duration) (backends.Lease, error) {
	ms, err := leaseMillis(ttl)
	if err != nil {
		return nil, err
	}
	l := s.newLease(key)
	err = s.m.do(ctx, "lease", func(c client) error { return l.take(ctx, c, ms) })
	if err != nil {
		return nil, err
	}
	return l, nil
}

// LeaseGet takes the lease of key for ttl and reads the entry behind it, in one round trip.
func (s *Store) LeaseGet(ctx context.Context, key string, ttl time.Duration) (backends.Lease, []byte, uint64, error) {
	ms, err := leaseMillis(ttl)
	if err != nil {
		return nil, nil, 0, err
	}
	l := s.newLease(key)
	var found reading
	err = s.m.do(ctx, "lease", func(c client) error {
		q := s.ask(ctx, key) // behind the lease: the node runs commands in the order in which they come
		if err := l.take(ctx, c, ms, q.commands()...); err != nil {
			return err
		}
		found = q.answer()
		return nil
	})
	if err != nil {
		return nil, nil, 0, err
	}
	entry, generation, _, err := s.judge(ctx, key, found)
	return l, entry, generation, err
}

func (s *Store) newLease(key string) *lease {
	return &lease{m: s.m, key: s.names.leases + tag(key) + "}", token: rand.Text()}
}

// take takes the lease where nobody has it, and reads who has it now, in one round trip. Reading tells two things that
// the first answer alone does not: who the other holder is, and that the lease is this one after all, where an earlier
// try reached the server and its answer was lost. Other commands go with it, behind it.
func (l *lease) take(ctx context.Context, c client, ms string, more ...goredis.Cmder) error {
	set := goredis.NewStatusCmd(ctx, "set", l.key, l.token, "nx", "px", ms)
	get := goredis.NewStringCmd(ctx, "get", l.key)
	p := c.Pipeline()
	for _, cmd := range append([]goredis.Cmder{set, get}, more...) {
		_ = p.Process(ctx, cmd) // queued only
	}
	_, _ = p.Exec(ctx)
	// What went wrong with the others is theirs: the lease would be left behind by who does not know that it has it.
	for _, cmd := range []goredis.Cmder{set, get} {
		if err := cmd.Err(); err != nil && !errors.Is(err, goredis.Nil) {
			return err
		}
	}
	if holder := get.Val(); holder != l.token {
		return &backends.LeasedError{Holder: holder}
	}
	return nil
}

// Renew extends the lease to ttl from now.
func (l *lease) Renew(ctx context.Context, ttl time.Duration) error {
	ms, err := leaseMillis(ttl)
	if err != nil {
		return err
	}
	held, err := l.eval(ctx, "renew", renewScript, ms)
	if err == nil && !held {
		return backends.ErrLeaseLost
	}
	return err
}

// Release gives the lease back if it is still this one.
func (l *lease) Release(ctx context.Context) error {
	_, err := l.eval(ctx, "release", releaseScript)
	return err
}

// eval runs a script on the lease and reports whether it was held.
func (l *lease) eval(ctx context.Context, op, script string, more ...any) (held bool, err error) {
	args := append([]any{"eval", script, 1, l.key, l.token}, more...)
	err = l.m.do(ctx, op, func(c client) error {
		cmd := goredis.NewIntCmd(ctx, args...)
		err := c.Process(ctx, cmd)
		held = cmd.Val() == 1
		return err
	})
	return held, err
}

// leaseMillis returns ttl in whole milliseconds, rounded up.
func leaseMillis(ttl time.Duration) (string, error) {
	if ttl <= 0 {
		return "", fmt.Errorf("redis: lease for %v: the time must be positive", ttl)
	}
	ms := min(int64((ttl+time.Millisecond-1)/time.Millisecond), maxMillis)
	return strconv.FormatInt(max(1, ms), 10), nil
}
