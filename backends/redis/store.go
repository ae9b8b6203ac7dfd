package redis

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
	"unsafe"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stillwarm/stillwarm/backends"
)

// Store keeps the entries of one function. It implements [backends.Store], [backends.Leaser], [backends.Lister],
// [backends.ExpiryGetter], [backends.DeadlineGetter] and [backends.LeaseGetter], and is safe for concurrent use.
type Store struct {
	m          *Manager
	names      names
	generation any // the generation's key, as an argument
}

var (
	_ backends.Store          = (*Store)(nil)
	_ backends.Leaser         = (*Store)(nil)
	_ backends.Lister         = (*Store)(nil)
	_ backends.ExpiryGetter   = (*Store)(nil)
	_ backends.DeadlineGetter = (*Store)(nil)
	_ backends.LeaseGetter    = (*Store)(nil)
)

// entryKey returns the Redis key of an entry.
func (s *Store) entryKey(key string) string { return s.names.entries + tag(key) + "}" }

// Get returns the entry and the generation in one round trip. It costs another one where a generation is missing.
func (s *Store) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	entry, generation, _, err := s.GetExpiry(ctx, key)
	return entry, generation, err
}

// GetBefore is Get that ends at the deadline.
func (s *Store) GetBefore(ctx context.Context, deadline time.Time, key string) ([]byte, uint64, error) {
	if s.m.opts.Cluster { // its client waits in several places for several nodes
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		return s.Get(ctx, key)
	}
	q := takeMget()
	q.ctx.Context, q.ctx.deadline = ctx, deadline
	entry, generation, _, err := s.read(&q.ctx, q, key)
	q.ctx.end()
	if err == nil || errors.Is(err, backends.ErrNotFound) {
		q.giveBack() // otherwise something may still wait for its context
	}
	return entry, generation, err
}

// GetExpiry is Get that also returns when the entry expires; the zero time means never.
func (s *Store) GetExpiry(ctx context.Context, key string) ([]byte, uint64, time.Time, error) {
	q := takeMget()
	defer q.giveBack()
	return s.read(ctx, q, key)
}

func (s *Store) read(ctx context.Context, q *mget, key string) ([]byte, uint64, time.Time, error) {
	var found reading
	var err error
	if s.m.opts.Cluster {
		found, err = s.readCluster(ctx, key)
	} else {
		found, err = s.readNode(ctx, q, key)
	}
	if err != nil {
		return nil, 0, time.Time{}, err
	}
	return s.judge(ctx, key, found)
}

// judge returns what was read as Get does: not what is no entry of the key, or has expired. Where there was no
// generation it makes one.
func (s *Store) judge(ctx context.Context, key string, found reading) ([]byte, uint64, time.Time, error) {
	if found.generation == 0 {
		var err error
		if found.generation, err = s.makeGeneration(ctx); err != nil {
			return nil, 0, time.Time{}, err
		}
	}
	entry, stored, expires, ok := decodeEntry(found.entry)
	switch {
	case !ok, hashed(key) && string(stored) != key, s.m.expired(expires):
		return nil, found.generation, time.Time{}, backends.ErrNotFound
	}
	return entry, found.generation, expires, nil
}

// expired reports whether the time has come, to the millisecond.
func (m *Manager) expired(at time.Time) bool {
	return !at.IsZero() && m.opts.Now().UnixMilli() >= at.UnixMilli()
}

// reading is what one question brought.
type reading struct {
	generation uint64 // 0 where the server has no epoch or no generation
	entry      []byte // nil where there is none
}

// mget is a question to one node with all that it takes, kept for reuse.
type mget struct {
	args  [4]any
	buf   []byte
	key   string // buf as a string; the client is done with it when the question is
	reply mgetReply
	ctx   hurried
}

var mgets = sync.Pool{New: func() any {
	q := &mget{}
	q.args[0], q.args[3] = "mget", &q.key
	return q
}}

func takeMget() *mget { return mgets.Get().(*mget) }

func (q *mget) giveBack() {
	q.reply.reset()
	q.ctx = hurried{}
	mgets.Put(q)
}

// readNode asks one node for epoch, generation and entry by one command.
func (s *Store) readNode(ctx context.Context, q *mget, key string) (found reading, err error) {
	q.buf = append(append(append(q.buf[:0], s.names.entries...), tag(key)...), '}')
	q.key = unsafe.String(unsafe.SliceData(q.buf), len(q.buf))
	q.args[1], q.args[2] = s.m.epoch, s.generation
	q.reply.limit = s.m.storedLimit()
	err = s.m.do(ctx, "get", func(c client) error {
		q.reply.reset()
		if err := c.Process(ctx, goredis.NewRawWriteToCmd(ctx, &q.reply, q.args[:]...)); err != nil {
			return err
		}
		return q.reply.refused
	})
	if err != nil {
		return reading{}, err
	}
	if !q.reply.epoch.missing() && !q.reply.generation.missing() {
		found.generation = combine(q.reply.epoch.bytes(), q.reply.generation.bytes())
	}
	found.entry = q.reply.entry
	return found, nil
}

// storedLimit is the size of the largest string that an entry of the allowed size can have become.
func (m *Manager) storedLimit() int { return int(m.opts.MaxEntry) + trailerSize + 1<<20 }

// readCluster asks the node of the generations and the node of the entry at the same time.
func (s *Store) readCluster(ctx context.Context, key string) (found reading, err error) {
	err = s.m.do(ctx, "get", func(c client) error {
		q := s.ask(ctx, key)
		if err := pipe(ctx, c, q.commands()...); err != nil {
			return err
		}
		found = q.answer()
		return nil
	})
	return found, err
}

// asking is a question for epoch, generation and entry by a command for each: their keys may be on different nodes, and
// other commands may go with them.
type asking struct {
	epoch, generation, entry *goredis.StringCmd
	limit                    int
}

func (s *Store) ask(ctx context.Context, key string) asking {
	return asking{
		epoch:      goredis.NewStringCmd(ctx, "get", s.m.epoch),
		generation: goredis.NewStringCmd(ctx, "get", s.generation),
		entry:      goredis.NewStringCmd(ctx, "get", s.entryKey(key)),
		limit:      s.m.storedLimit(),
	}
}

func (q asking) commands() []goredis.Cmder { return []goredis.Cmder{q.epoch, q.generation, q.entry} }

func (q asking) answer() (found reading) {
	if q.epoch.Err() == nil && q.generation.Err() == nil {
		found.generation = combine([]byte(q.epoch.Val()), []byte(q.generation.Val()))
	}
	if v := q.entry.Val(); q.entry.Err() == nil && len(v) <= q.limit {
		found.entry = ownBytes(v)
	}
	return found
}

// pipe sends commands together and returns the first error that is more than a missing key.
func pipe(ctx context.Context, c client, cmds ...goredis.Cmder) error {
	p := c.Pipeline()
	for _, cmd := range cmds {
		_ = p.Process(ctx, cmd) // queued only
	}
	if _, err := p.Exec(ctx); err == nil {
		return nil
	}
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil && !errors.Is(err, goredis.Nil) {
			return err
		}
	}
	return nil
}

// ownBytes returns the bytes of a string that the client read from the network. Nobody else has the string, and it lies
// in memory that was made for it, so a value of some size is not copied. A short one might be shared.
func ownBytes(s string) []byte {
	if len(s) < 64 {
		return []byte(s)
	}
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// Put stores the entry whole or not at all: a string is replaced at once.
func (s *Store) Put(ctx context.Context, key string, entry []byte, expires time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if limit := s.m.opts.MaxEntry; int64(len(entry)) > limit {
		return fmt.Errorf("redis: %w: %d bytes, at most %d", backends.ErrTooLarge, len(entry), limit)
	}
	rkey := s.entryKey(key)
	args := []any{"set", rkey, nil}
	if !expires.IsZero() {
		rest := expiryMillis(expires) - s.m.opts.Now().UnixMilli()
		if rest <= 0 {
			return s.remove(ctx, "put", rkey)
		}
		if rest < maxMillis {
			args = append(args, "px", strconv.FormatInt(rest, 10))
		}
	}
	stored := ""
	if hashed(key) {
		stored = key
	}
	args[2] = encodeEntry(entry, stored, expires)
	return s.m.do(ctx, "put", func(c client) error {
		return c.Process(ctx, goredis.NewStatusCmd(ctx, args...))
	})
}

// maxMillis is an expiry so far away that it need not be told: the server refuses what overflows its clock.
const maxMillis = 1000 * 365 * 24 * 3600 * 1000

// Delete removes the entry.
func (s *Store) Delete(ctx context.Context, key string) error {
	return s.remove(ctx, "delete", s.entryKey(key))
}

func (s *Store) remove(ctx context.Context, op, rkey string) error {
	return s.m.do(ctx, op, func(c client) error {
		return c.Process(ctx, goredis.NewIntCmd(ctx, "del", rkey))
	})
}

// Generation reads the generation, and makes one where there is none.
func (s *Store) Generation(ctx context.Context) (uint64, error) {
	g, err := s.m.readGeneration(ctx, s.generation)
	if err == nil && g == 0 {
		return s.makeGeneration(ctx)
	}
	return g, err
}

// readGeneration returns the generation that is kept under a key, or 0 where it or the epoch is missing.
func (m *Manager) readGeneration(ctx context.Context, key any) (uint64, error) {
	var g uint64
	err := m.do(ctx, "generation", func(c client) error {
		cmd := goredis.NewSliceCmd(ctx, "mget", m.epoch, key)
		if err := c.Process(ctx, cmd); err != nil {
			return err
		}
		g = 0
		if v := cmd.Val(); len(v) == 2 {
			epoch, ok1 := v[0].(string)
			own, ok2 := v[1].(string)
			if ok1 && ok2 {
				g = combine([]byte(epoch), []byte(own))
			}
		}
		return nil
	})
	return g, err
}

// makeGeneration makes what is missing of epoch and generation, unless somebody else is faster, and returns the result.
func (s *Store) makeGeneration(ctx context.Context) (uint64, error) {
	var g uint64
	err := s.m.do(ctx, "generation", func(c client) error {
		epoch := goredis.NewStringCmd(ctx, "get", s.m.epoch)
		own := goredis.NewStringCmd(ctx, "get", s.generation)
		err := pipe(ctx, c,
			goredis.NewStatusCmd(ctx, "set", s.m.epoch, newGeneration(), "nx"),
			goredis.NewStatusCmd(ctx, "set", s.generation, newGeneration(), "nx"),
			epoch, own)
		if err != nil {
			return err
		}
		if epoch.Err() != nil || own.Err() != nil {
			return errors.New("a generation that was written is gone at once: the server keeps no keys")
		}
		g = combine([]byte(epoch.Val()), []byte(own.Val()))
		return nil
	})
	return g, err
}

// Clear replaces the generation.
func (s *Store) Clear(ctx context.Context) error {
	return s.m.set(ctx, "clear", s.generation, newGeneration())
}

// newGeneration returns a value for an epoch or a generation that never was one before.
func newGeneration() string {
	return fmt.Sprintf("%016x", backends.NewGeneration())
}

// combine returns the generation that follows from an epoch and a function's own: another one whenever either changes,
// never 0. Both are random, so that what comes back after a loss is not what was there before.
func combine(epoch, own []byte) uint64 {
	var buf [96]byte
	b := append(buf[:0], byte(len(epoch)))
	b = append(append(b, epoch[:min(len(epoch), 40)]...), own[:min(len(own), 40)]...)
	sum := sha256.Sum256(b)
	return max(1, binary.BigEndian.Uint64(sum[:]))
}
