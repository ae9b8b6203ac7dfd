package redis

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stillwarm/stillwarm/backends"
)

// A key's lease slot is a string that expires by itself: a lease, "l", when its run began by the server's clock in
// milliseconds (15 digits), the run time in microseconds (15 digits) and the holder's token; or a mark, "m", its kind and
// its generation (16 hexadecimal digits).
//
// Scripts run as a whole, so nobody can take the lease between the comparison and what follows it. They are sent with each
// call: they are shorter than the answer that a server which has not seen their hash would give.
const (
	// isMine tells whether v is the lease of the token ARGV[1].
	isMine = `string.sub(v,1,1)=='l' and string.sub(v,32)==ARGV[1]`

	// takeScript takes the lease for ARGV[2] milliseconds where the slot is free, or of the holder ARGV[1] itself, or of the
	// holder ARGV[4]. It returns 1, or what the slot holds, for how long, and the time.
	takeScript = `local v=redis.call('get',KEYS[1])
local t=redis.call('time')
local now=t[1]*1000+math.floor(t[2]/1000)
local began=string.format('%015.0f',now)
if v then
local k=string.sub(v,1,1)
local h=string.sub(v,32)
if k=='l' and h==ARGV[1] then began=string.sub(v,2,16)
elseif k=='m' or k=='l' and (ARGV[4]=='' or h~=ARGV[4]) then return {v,redis.call('pttl',KEYS[1]),now} end
end
redis.call('set',KEYS[1],'l'..began..ARGV[3]..ARGV[1],'px',ARGV[2])
return 1`

	renewScript = `local v=redis.call('get',KEYS[1])
if v and ` + isMine + ` then return redis.call('pexpire',KEYS[1],ARGV[2]) end return 0`

	// releaseScript puts the mark ARGV[2] in place of the lease, or of nothing; without one it empties the slot.
	releaseScript = `local v=redis.call('get',KEYS[1])
if v and not (` + isMine + `) then return 0 end
if ARGV[2]=='' then return redis.call('del',KEYS[1]) end
redis.call('set',KEYS[1],ARGV[2],'px',ARGV[3]) return 1`

	// markScript is releaseScript for a slot that holds no lease.
	markScript = `local v=redis.call('get',KEYS[1])
if v and string.sub(v,1,1)=='l' then return 0 end
if ARGV[1]=='' then return redis.call('del',KEYS[1]) end
redis.call('set',KEYS[1],ARGV[1],'px',ARGV[2]) return 1`
)

// tokenAt is where a lease's token begins.
const tokenAt = 31

// lease is a lease that was taken.
type lease struct {
	m     *Manager
	key   string
	token string
}

var _ backends.Lease = (*lease)(nil)

// Lease takes the lease and reads the slot behind it, in one round trip.
func (s *Store) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	return s.take(ctx, key, "", r, o)
}

// Takeover is Lease that also takes the lease of the holder from.
func (s *Store) Takeover(ctx context.Context, key, from string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	return s.take(ctx, key, from, r, o)
}

func (s *Store) take(ctx context.Context, key, from string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	out, err := s.takeAll(ctx, []string{key}, from, []backends.LeaseRequest{r}, o)
	if err != nil {
		return nil, backends.Reading{}, err
	}
	return out[0].Lease, out[0].Reading, out[0].Err
}

// LeaseAll takes leases and reads the slots behind them in one round trip; in a Cluster in one to each node, side by side.
func (s *Store) LeaseAll(ctx context.Context, keys []string, rs []backends.LeaseRequest, o backends.ReadOptions) ([]backends.LeaseResult, error) {
	if len(keys) != len(rs) {
		return nil, errors.New("redis: lease all: keys and requests differ in number")
	}
	return s.takeAll(ctx, keys, "", rs, o)
}

// takeAll sends the leases, and behind them what reads the slots: a node runs commands in the order in which they come.
func (s *Store) takeAll(ctx context.Context, keys []string, from string, rs []backends.LeaseRequest, o backends.ReadOptions) ([]backends.LeaseResult, error) {
	for _, r := range rs {
		if err := r.Check(); err != nil {
			return nil, err
		}
	}
	if !o.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, o.Deadline)
		defer cancel()
	}
	if len(keys) > 1 {
		o.IfChanged = backends.Absent
	}
	var takes []*goredis.Cmd
	var f found
	var readErr error
	err := s.m.do(ctx, "lease", func(c client) error {
		takes = s.takeCommands(ctx, keys, from, rs)
		q := s.ask(ctx, keys, o)
		p := c.Pipeline()
		for _, cmd := range takes {
			_ = p.Process(ctx, cmd) // queued only
		}
		for _, cmd := range q.commands {
			_ = p.Process(ctx, cmd)
		}
		_, _ = p.Exec(ctx)
		// What went wrong with the reads is theirs: a lease would be left behind by who does not know that it has it.
		for _, cmd := range takes {
			if err := cmd.Err(); err != nil {
				return err
			}
		}
		if readErr = q.failure(); readErr == nil {
			f, readErr = q.answer()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.leaseResults(ctx, keys, rs, o, takes, f, s.m.wrap(ctx, "read", readErr))
}

func (s *Store) takeCommands(ctx context.Context, keys []string, from string, rs []backends.LeaseRequest) []*goredis.Cmd {
	cmds := make([]*goredis.Cmd, len(keys))
	for i, key := range keys {
		run := fmt.Sprintf("%015d", min(rs[i].RunTime, maxRunTime).Microseconds())
		cmds[i] = goredis.NewCmd(ctx, "eval", takeScript, 1, s.leaseKey(key), rs[i].Token, leaseMillis(rs[i].TTL), run, from)
	}
	return cmds
}

// maxRunTime fits into 15 digits.
const maxRunTime = 24 * 365 * time.Hour

func (s *Store) leaseKey(key string) string { return s.names.leases + tag(key) + "}" }

func (s *Store) leaseResults(ctx context.Context, keys []string, rs []backends.LeaseRequest, o backends.ReadOptions,
	takes []*goredis.Cmd, f found, readErr error) ([]backends.LeaseResult, error) {
	var readings []backends.Reading
	if readErr == nil {
		readings, readErr = s.readings(ctx, keys, o, f)
	}
	out := make([]backends.LeaseResult, len(keys))
	for i := range keys {
		if err := refusal(takes[i].Val()); err != nil {
			out[i].Err = err
			continue
		}
		out[i].Lease = &lease{m: s.m, key: s.leaseKey(keys[i]), token: rs[i].Token}
		if out[i].Err = readErr; readErr == nil {
			out[i].Reading = readings[i]
			if i > 0 {
				out[i].Reading.Records = backends.CloneRecords(readings[0].Records)
			}
		}
	}
	return out, nil
}

// refusal returns why the lease was not taken, by what takeScript returned; nil where it was.
func refusal(reply any) error {
	parts, ok := reply.([]any)
	if !ok {
		return nil
	}
	held, left, now := "", int64(0), int64(0)
	if len(parts) == 3 {
		held, _ = parts[0].(string)
		left, _ = parts[1].(int64)
		now, _ = parts[2].(int64)
	}
	rest := time.Duration(max(0, left)) * time.Millisecond
	if len(held) == 2+16 && held[0] == 'm' {
		m := backends.Mark{Kind: held[1]}
		m.Generation, _ = strconv.ParseUint(held[2:], 16, 64)
		return &backends.MarkedError{Mark: m, Left: rest}
	}
	e := &backends.LeasedError{Left: rest}
	if len(held) >= tokenAt && held[0] == 'l' {
		began, _ := strconv.ParseInt(held[1:16], 10, 64)
		run, _ := strconv.ParseInt(held[16:tokenAt], 10, 64)
		e.Holder = held[tokenAt:]
		e.Age = time.Duration(max(0, now-began)) * time.Millisecond
		e.RunTime = time.Duration(run) * time.Microsecond
	}
	return e
}

// Mark sets or removes the mark of a key that nobody has leased.
func (s *Store) Mark(ctx context.Context, key string, m backends.Mark) error {
	value, ms := markArgs(m)
	return s.m.do(ctx, "mark", func(c client) error {
		return c.Process(ctx, goredis.NewIntCmd(ctx, "eval", markScript, 1, s.leaseKey(key), value, ms))
	})
}

// markArgs returns the mark as it is stored and its time; "" for none.
func markArgs(m backends.Mark) (value, ms string) {
	if m.Kind == 0 || m.TTL <= 0 {
		return "", ""
	}
	b := append(make([]byte, 0, 18), 'm', m.Kind)
	for shift := 56; shift >= 0; shift -= 8 {
		b = hex.AppendEncode(b, []byte{byte(m.Generation >> shift)})
	}
	return string(b), leaseMillis(m.TTL)
}

// Token returns the holder's token.
func (l *lease) Token() string { return l.token }

// Renew extends the lease to ttl from now.
func (l *lease) Renew(ctx context.Context, ttl time.Duration) error {
	if err := backends.CheckLeaseTTL(ttl); err != nil {
		return err
	}
	held, err := l.eval(ctx, "renew", renewScript, leaseMillis(ttl))
	if err == nil && !held {
		return backends.ErrLeaseLost
	}
	return err
}

// Release gives the lease back if it is still this one.
func (l *lease) Release(ctx context.Context, m backends.Mark) error {
	value, ms := markArgs(m)
	_, err := l.eval(ctx, "release", releaseScript, value, ms)
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
func leaseMillis(ttl time.Duration) string {
	ms := min(int64((ttl+time.Millisecond-1)/time.Millisecond), maxMillis)
	return strconv.FormatInt(max(1, ms), 10)
}
