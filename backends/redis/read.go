package redis

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"
	"unsafe"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stillwarm/stillwarm/backends"
)

// batch is how many keys one command takes: while it runs, nobody else's does.
const batch = 512

// Read returns the key's slot and the generation in one round trip. It costs another one where a generation is missing.
func (s *Store) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	if s.m.opts.Cluster || o.IfChanged != backends.Absent || o.Clock || len(o.Records) > 0 {
		var one [1]string
		one[0] = key
		rs, err := s.readMany(ctx, one[:], o)
		if err != nil {
			return backends.Reading{}, err
		}
		return rs[0], nil
	}
	q := takeMget()
	r, err := s.readOne(ctx, q, key, o.Deadline)
	if err == nil {
		q.giveBack() // otherwise something may still wait for its context
	}
	return r, err
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
	q.reply.reset(1)
	q.ctx = hurried{}
	mgets.Put(q)
}

// readOne asks one node for epoch, generation and slot by one command.
func (s *Store) readOne(ctx context.Context, q *mget, key string, deadline time.Time) (backends.Reading, error) {
	if !deadline.IsZero() {
		q.ctx.Context, q.ctx.deadline = ctx, deadline
		defer q.ctx.end()
		ctx = &q.ctx
	}
	q.buf = append(append(append(q.buf[:0], s.names.entries...), tag(key)...), '}')
	q.key = unsafe.String(unsafe.SliceData(q.buf), len(q.buf))
	q.args[1], q.args[2] = s.m.epoch, s.generation
	q.reply.limit = s.m.storedLimit()
	err := s.m.do(ctx, "read", func(c client) error {
		q.reply.reset(1)
		if err := c.Process(ctx, goredis.NewRawWriteToCmd(ctx, &q.reply, q.args[:]...)); err != nil {
			return err
		}
		return q.reply.refused
	})
	if err != nil {
		return backends.Reading{}, err
	}
	r := backends.Reading{Generation: q.reply.found()}
	if r.Generation == 0 {
		if r.Generation, err = s.makeGeneration(ctx); err != nil {
			return backends.Reading{}, err
		}
	}
	s.judge(key, q.reply.values[0], s.m.opts.Clock(), &r)
	return r, nil
}

// judge fills in what the slot's string says at a time. b is nil where there is none; it belongs to the reading then, whose
// version lies in it too.
func (s *Store) judge(key string, b []byte, now time.Time, r *backends.Reading) {
	if b == nil {
		return
	}
	st := decodeSlot(b)
	r.Version = st.version
	if st.kind != kindEntry || hashed(key) && string(st.key) != key || passed(st.expires, now) {
		return
	}
	r.Entry, r.Expires = st.entry, st.expires
}

// expired reports whether the time has come.
func (m *Manager) expired(at time.Time) bool { return passed(at, m.opts.Clock()) }

// passed reports whether a time has come, to the millisecond; the zero time never does.
func passed(at, now time.Time) bool { return !at.IsZero() && now.UnixMilli() >= at.UnixMilli() }

// storedLimit is the size of the largest string that an entry of the allowed size can have become.
func (m *Manager) storedLimit() int { return int(m.opts.MaxEntry) + trailerSize + 1<<20 }

// ReadAll reads the slots of all keys in one round trip; in a Cluster in one to each node, side by side.
func (s *Store) ReadAll(ctx context.Context, keys []string, o backends.ReadOptions) ([]backends.Reading, []error, error) {
	o.IfChanged = backends.Absent
	rs, err := s.readMany(ctx, keys, o)
	return rs, nil, err
}

// readMany is Read for any number of keys and all options.
func (s *Store) readMany(ctx context.Context, keys []string, o backends.ReadOptions) ([]backends.Reading, error) {
	switch {
	case o.Deadline.IsZero():
	case s.m.opts.Cluster: // several goroutines ask
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, o.Deadline)
		defer cancel()
	default:
		h := &hurried{Context: ctx, deadline: o.Deadline}
		defer h.end()
		ctx = h
	}
	var found found
	err := s.m.do(ctx, "read", func(c client) error {
		q := s.ask(ctx, keys, o)
		if err := q.send(ctx, c); err != nil {
			return err
		}
		var err error
		found, err = q.answer()
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.readings(ctx, keys, o, found)
}

// found is what a question brought.
type found struct {
	generation uint64   // 0 where the server has no epoch or no generation
	slots      [][]byte // nil where there is none
	unchanged  bool     // the only slot has the version that the caller knows
	records    [][]byte
	clock      time.Time
}

// readings makes of it what callers see. Where there was no generation it makes one.
func (s *Store) readings(ctx context.Context, keys []string, o backends.ReadOptions, f found) ([]backends.Reading, error) {
	if f.generation == 0 {
		var err error
		if f.generation, err = s.makeGeneration(ctx); err != nil {
			return nil, err
		}
	}
	rs, now := make([]backends.Reading, len(keys)), s.m.opts.Clock()
	for i, key := range keys {
		r := &rs[i]
		r.Generation, r.Clock = f.generation, f.clock
		if i == 0 {
			r.Records = s.m.recordsOf(f.records)
		}
		switch {
		case f.unchanged:
			r.Unchanged, r.Version = true, o.IfChanged
			if passed(versionExpires(o.IfChanged), now) {
				r.Unchanged = false
			}
		default:
			s.judge(key, f.slots[i], now, r)
		}
	}
	return rs, nil
}

// question is a read as commands that go to the server together: MGET on one node, a command for each key in a Cluster,
// where keys may be on different nodes. Other commands may go with them.
type question struct {
	commands []goredis.Cmder
	slots    []*goredis.StringCmd // in a Cluster
	records  []*goredis.StringCmd // in a Cluster
	gens     [2]*goredis.StringCmd
	mgets    []*mgetReply // on one node
	changed  *goredis.Cmd
	time     *goredis.TimeCmd
	keys     int
	limit    int
}

func (s *Store) ask(ctx context.Context, keys []string, o backends.ReadOptions) *question {
	q := &question{keys: len(keys), limit: s.m.storedLimit()}
	if o.IfChanged != backends.Absent {
		q.changed = goredis.NewCmd(ctx, "eval", changedScript, 1, s.entryKey(keys[0]), string(o.IfChanged))
		q.commands = append(q.commands, q.changed)
		keys = nil
	}
	if s.m.opts.Cluster {
		q.gens = [2]*goredis.StringCmd{
			goredis.NewStringCmd(ctx, "get", s.m.epoch), goredis.NewStringCmd(ctx, "get", s.generation),
		}
		q.commands = append(q.commands, q.gens[0], q.gens[1])
		for _, key := range keys {
			q.slots = append(q.slots, goredis.NewStringCmd(ctx, "get", s.entryKey(key)))
			q.commands = append(q.commands, q.slots[len(q.slots)-1])
		}
		for _, name := range o.Records {
			q.records = append(q.records, goredis.NewStringCmd(ctx, "get", s.names.records+tag(name)))
			q.commands = append(q.commands, q.records[len(q.records)-1])
		}
	} else {
		all := make([]string, 0, len(keys)+len(o.Records))
		all = s.appendEntryKeys(all, keys)
		for _, name := range o.Records {
			all = append(all, s.names.records+tag(name))
		}
		q.askNode(ctx, s, all)
	}
	if o.Clock {
		q.time = goredis.NewTimeCmd(ctx, "time")
		q.commands = append(q.commands, q.time)
	}
	return q
}

// appendEntryKeys appends the Redis keys of entries, which share one piece of memory.
func (s *Store) appendEntryKeys(all, keys []string) []string {
	n := 0
	for _, key := range keys {
		n += len(s.names.entries) + max(len(key), 2*sha256.Size) + 2
	}
	text := make([]byte, 0, n)
	for _, key := range keys {
		at := len(text)
		text = append(append(append(text, s.names.entries...), tag(key)...), '}')
		all = append(all, textOf(text[at:])) // nothing writes there again
	}
	return all
}

// askNode asks for epoch and generation with each part of the keys: they are short, and one reader reads all answers.
func (q *question) askNode(ctx context.Context, s *Store, all []string) {
	for part := range slices.Chunk(all, batch) {
		q.mget(ctx, s, part)
	}
	if len(all) == 0 {
		q.mget(ctx, s, nil)
	}
}

func (q *question) mget(ctx context.Context, s *Store, keys []string) {
	args := make([]any, 0, 3+len(keys))
	args = append(args, "mget", s.m.epoch, s.generation)
	for i := range keys {
		args = append(args, &keys[i])
	}
	r := &mgetReply{limit: q.limit}
	r.reset(len(keys))
	q.mgets = append(q.mgets, r)
	q.commands = append(q.commands, goredis.NewRawWriteToCmd(ctx, r, args...))
}

// answer returns what the commands brought, after they were sent.
func (q *question) answer() (f found, err error) {
	if q.gens[0] != nil && q.gens[0].Err() == nil && q.gens[1].Err() == nil {
		f.generation = combine([]byte(q.gens[0].Val()), []byte(q.gens[1].Val()))
	}
	for i, r := range q.mgets {
		if r.refused != nil {
			return f, r.refused
		}
		if i == 0 {
			f.generation, f.slots = r.found(), r.values
			continue
		}
		f.slots = append(f.slots, r.values...)
	}
	for _, c := range q.slots {
		f.slots = append(f.slots, q.bytes(c))
	}
	for _, c := range q.records {
		f.records = append(f.records, q.bytes(c))
	}
	n := q.keys
	if q.changed != nil {
		n = 0
	}
	if len(q.mgets) > 0 {
		f.slots, f.records = f.slots[:n:n], f.slots[n:]
	}
	if q.changed != nil {
		switch v := q.changed.Val().(type) {
		case int64:
			f.unchanged = true
		case string:
			if f.slots = [][]byte{ownBytes(v)}; len(v) > q.limit {
				f.slots[0] = tooLarge
			}
		default:
			f.slots = [][]byte{nil}
		}
	}
	if q.time != nil {
		f.clock = q.time.Val()
	}
	return f, nil
}

// bytes returns a value, nil where there is none.
func (q *question) bytes(c *goredis.StringCmd) []byte {
	v := c.Val()
	switch {
	case c.Err() != nil:
		return nil
	case len(v) > q.limit:
		return tooLarge
	}
	return ownBytes(v)
}

// failure returns the first error of the commands that were sent. A missing key is none, nor is one of another type: that
// is somebody else's, and no entry.
func (q *question) failure() error {
	for _, cmd := range q.commands {
		err := cmd.Err()
		if err == nil || errors.Is(err, goredis.Nil) {
			continue
		}
		generation := q.gens[0] != nil && (cmd == goredis.Cmder(q.gens[0]) || cmd == goredis.Cmder(q.gens[1]))
		if !generation && goredis.HasErrorPrefix(err, "WRONGTYPE") {
			continue
		}
		return err
	}
	return nil
}

// send sends the question and returns what went wrong.
func (q *question) send(ctx context.Context, c client) error {
	if len(q.commands) == 1 {
		_ = c.Process(ctx, q.commands[0])
		return q.failure()
	}
	p := c.Pipeline()
	for _, cmd := range q.commands {
		_ = p.Process(ctx, cmd) // queued only
	}
	_, _ = p.Exec(ctx)
	return q.failure()
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
