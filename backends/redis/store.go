package redis

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/internal/version"
)

// Store keeps the entries of one function. It has every capability of package backends and is safe for concurrent use.
type Store struct {
	m          *Manager
	names      names
	generation any // the generation's key, as an argument
}

var (
	_ backends.Store          = (*Store)(nil)
	_ backends.BatchReader    = (*Store)(nil)
	_ backends.Leaser         = (*Store)(nil)
	_ backends.BatchLeaser    = (*Store)(nil)
	_ backends.Records        = (*Store)(nil)
	_ backends.Lister         = (*Store)(nil)
	_ backends.DeadlineKeeper = (*Store)(nil)
)

// entryKey returns the Redis key of an entry.
func (s *Store) entryKey(key string) string { return s.names.entries + tag(key) + "}" }

func versionExpires(v backends.Version) time.Time { return version.Expires(v) }

// KeepsDeadlines implements [backends.DeadlineKeeper].
func (s *Store) KeepsDeadlines() bool { return true }

// Put stores the entry whole or not at all: a string is replaced at once. It takes one request: SET NX where the caller saw
// nothing, a script where it saw a version.
func (s *Store) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	if err := ctx.Err(); err != nil {
		return backends.Absent, err
	}
	if err := s.m.fits(entry); err != nil {
		return backends.Absent, err
	}
	px, ok := s.m.px(expires)
	if !ok {
		px = "1" // it replaces what was there, and could never be read
	}
	v := version.New(expires)
	value := encodeSlot(kindEntry, entry, storedKey(key), v)
	stored, tries := false, 0
	err := s.m.do(ctx, "put", func(c client) (err error) {
		tries++
		if seen == backends.Absent && tries == 1 {
			if stored, err = s.create(ctx, c, key, value, px); stored || err != nil {
				return err
			}
			// The Cluster's client may have tried twice, and what is there may be no string: the script tells.
		}
		stored, err = s.replace(ctx, c, key, value, v, seen, px)
		return err
	})
	switch {
	case err != nil:
		return backends.Absent, err
	case !stored:
		return backends.Absent, backends.ErrConflict
	}
	return v, nil
}

// create stores where the slot is empty.
func (s *Store) create(ctx context.Context, c client, key string, value []byte, px string) (bool, error) {
	args := []any{"set", s.entryKey(key), value, "nx"}
	if px != "" {
		args = append(args, "px", px)
	}
	err := c.Process(ctx, goredis.NewStatusCmd(ctx, args...))
	if errors.Is(err, goredis.Nil) {
		return false, nil
	}
	return err == nil, err
}

// replace stores where the slot has the version seen.
func (s *Store) replace(ctx context.Context, c client, key string, value []byte, v, seen backends.Version, px string) (bool, error) {
	also := ""
	switch {
	case seen == foreign:
		also = strconv.Itoa(s.m.storedLimit())
	case version.Lapsed(seen, s.m.opts.Clock()):
		also = "empty"
	}
	cmd := goredis.NewIntCmd(ctx, "eval", putScript, 1, s.entryKey(key), value, string(v), string(seen), also, px)
	err := c.Process(ctx, cmd)
	return cmd.Val() == 1, err
}

// storedKey is what of a key has to be stored with its entry.
func storedKey(key string) string {
	if hashed(key) {
		return key
	}
	return ""
}

// fits returns an error for what is larger than the manager accepts.
func (m *Manager) fits(value []byte) error {
	if limit := m.opts.MaxEntry; int64(len(value)) > limit {
		return fmt.Errorf("redis: %w: %d bytes, at most %d", backends.ErrTooLarge, len(value), limit)
	}
	return nil
}

// px returns the milliseconds until then as an argument, "" for no expiry, and false where the time has come.
func (m *Manager) px(expires time.Time) (string, bool) {
	if expires.IsZero() {
		return "", true
	}
	rest := version.Millis(expires) - m.opts.Clock().UnixMilli()
	if rest >= maxMillis {
		return "", true
	}
	return strconv.FormatInt(rest, 10), rest > 0
}

// maxMillis is an expiry so far away that it need not be told: the server refuses what overflows its clock.
const maxMillis = 1000 * 365 * 24 * 3600 * 1000

// Invalidate replaces what the slot holds by a tombstone.
func (s *Store) Invalidate(ctx context.Context, key string) error {
	ms := strconv.FormatInt(backends.TombstoneTTL.Milliseconds(), 10)
	return s.m.doOnce(ctx, "invalidate", func(c client) error {
		v := version.New(s.m.opts.Clock().Add(backends.TombstoneTTL)) // anew for each try: a late one must not pass for another's
		value := encodeSlot(kindTombstone, nil, storedKey(key), v)
		return c.Process(ctx, once{goredis.NewCmd(ctx, "set", s.entryKey(key), value, "px", ms)})
	})
}

// Delete empties the slot where it has the version seen.
func (s *Store) Delete(ctx context.Context, key string, seen backends.Version) error {
	if seen == backends.Absent {
		return ctx.Err()
	}
	return s.m.do(ctx, "delete", func(c client) error {
		return c.Process(ctx, goredis.NewIntCmd(ctx, "eval", deleteScript, 1, s.entryKey(key), string(seen)))
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
	return s.writeGeneration(ctx, "generation", "nx")
}

// Clear replaces the generation.
func (s *Store) Clear(ctx context.Context) (uint64, error) {
	return s.writeGeneration(ctx, "clear")
}

// writeGeneration sets the function's own part, with the given conditions, and the epoch where there is none, and returns
// what both give.
func (s *Store) writeGeneration(ctx context.Context, op string, conditions ...any) (uint64, error) {
	var g uint64
	err := s.m.doOnce(ctx, op, func(c client) error {
		epoch := goredis.NewStringCmd(ctx, "get", s.m.epoch)
		own := goredis.NewStringCmd(ctx, "get", s.generation)
		mine := newGeneration() // anew for each try: a late one must not bring back what a later Clear removed
		err := pipe(ctx, c,
			goredis.NewStatusCmd(ctx, "set", s.m.epoch, newGeneration(), "nx"),
			once{goredis.NewCmd(ctx, append([]any{"set", s.generation, mine}, conditions...)...)},
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
