package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/internal/version"
)

// A record's string ends in its version (24 bytes), when it was written by the server's clock in milliseconds (15 digits),
// and "r".
const (
	recordTrailer = version.Size + 15 + 1
	recordKind    = 'r'
)

// recordScript stores ARGV[1] with the version ARGV[2]; where ARGV[4] is 1 only if the record has the version ARGV[3]. It
// returns when that was, by the server's clock, or nil. A record whose version says that it has expired at ARGV[6], in
// milliseconds by our clock, is none here as for ReadRecords, though the server may keep it for a moment more.
const recordScript = `local t=redis.call('time')
local at=string.format('%015.0f',t[1]*1000+math.floor(t[2]/1000))
if ARGV[4]=='1' then
local v=redis.call('get',KEYS[1]) or ''
local has=string.sub(v,-40,-17)
if v~='' and has==ARGV[2] then return string.sub(v,-16,-2) end
if has~=ARGV[3] then
if ARGV[3]~='' or #v<40 then return false end
local a,b,c,d,e,f=string.byte(v,-22,-17)
local x=((((a*256+b)*256+c)*256+d)*256+e)*256+f
if x==0 or x>tonumber(ARGV[6]) then return false end
end
end
local s=ARGV[1]..ARGV[2]..at..'r'
if ARGV[5]=='' then redis.call('set',KEYS[1],s) else redis.call('set',KEYS[1],s,'px',ARGV[5]) end
return at`

// decodeRecord returns the zero Record for what is none. Its parts are parts of b.
func (m *Manager) decodeRecord(b []byte) backends.Record {
	n := len(b) - recordTrailer
	if n < 0 || b[len(b)-1] != recordKind {
		return backends.Record{}
	}
	ms, err := strconv.ParseInt(string(b[n+version.Size:len(b)-1]), 10, 64)
	v := backends.Version(b[n : n+version.Size])
	if err != nil || m.expired(version.Expires(v)) {
		return backends.Record{}
	}
	return backends.Record{Value: b[:n:n], Version: v, Written: time.UnixMilli(ms)}
}

// recordsOf decodes records, to which the bytes belong then.
func (m *Manager) recordsOf(values [][]byte) []backends.Record {
	if len(values) == 0 {
		return nil
	}
	rs := make([]backends.Record, len(values))
	for i, b := range values {
		rs[i] = m.decodeRecord(b)
	}
	return rs
}

// ReadRecords reads records and the server's clock in one round trip.
func (s *Store) ReadRecords(ctx context.Context, names []string) ([]backends.Record, time.Time, error) {
	var f found
	err := s.m.do(ctx, "read records", func(c client) error {
		q := s.ask(ctx, nil, backends.ReadOptions{Records: names, Clock: true})
		if err := q.send(ctx, c); err != nil {
			return err
		}
		var err error
		f, err = q.answer()
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	rs := s.m.recordsOf(f.records)
	if rs == nil {
		rs = []backends.Record{}
	}
	return rs, f.clock, nil
}

// WriteRecord stores a record by one command.
func (s *Store) WriteRecord(ctx context.Context, name string, value []byte, expires time.Time, seen backends.Version) (backends.Record, error) {
	if err := s.m.fits(value); err != nil {
		return backends.Record{}, err
	}
	px, ok := s.m.px(expires)
	if !ok {
		px = "1" // it replaces what was there, and could never be read
	}
	r := backends.Record{Value: append([]byte{}, value...), Version: version.New(expires)}
	conflict := false
	err := s.m.doOnce(ctx, "write record", func(c client) error {
		if seen == backends.AnyVersion {
			r.Version = version.New(expires) // anew for each try: a late one must not pass for another's
		}
		cmd := s.recordCommand(ctx, name, r, seen, px)
		err := c.Process(ctx, once{cmd})
		if conflict = errors.Is(err, goredis.Nil); conflict {
			return nil
		}
		if ms, perr := strconv.ParseInt(strings.TrimSpace(fmt.Sprint(cmd.Val())), 10, 64); err == nil && perr == nil {
			r.Written = time.UnixMilli(ms)
		}
		return err
	})
	switch {
	case err != nil:
		return backends.Record{}, err
	case conflict:
		return backends.Record{}, backends.ErrConflict
	}
	return r, nil
}

func (s *Store) recordCommand(ctx context.Context, name string, r backends.Record, seen backends.Version, px string) *goredis.Cmd {
	compare := "1"
	if seen == backends.AnyVersion {
		compare = "0"
	}
	return goredis.NewCmd(ctx, "eval", recordScript, 1, s.names.records+tag(name),
		r.Value, string(r.Version), string(seen), compare, px, s.m.opts.Clock().UnixMilli())
}

// recordsScript stores records: ARGV[1] is the expiry, and each key has two more, its value and its version.
const recordsScript = `local t=redis.call('time')
local at=string.format('%015.0f',t[1]*1000+math.floor(t[2]/1000))
for i,k in ipairs(KEYS) do
local s=ARGV[2*i]..ARGV[2*i+1]..at..'r'
if ARGV[1]=='' then redis.call('set',k,s) else redis.call('set',k,s,'px',ARGV[1]) end
end
return at`

// WriteRecords replaces records by one command. In a Cluster, where they are on different nodes, the last follows in a
// second round trip.
func (s *Store) WriteRecords(ctx context.Context, names []string, values [][]byte, expires time.Time) error {
	if len(names) != len(values) {
		return errors.New("redis: write records: names and values differ in number")
	}
	for _, v := range values {
		if err := s.m.fits(v); err != nil {
			return err
		}
	}
	px, ok := s.m.px(expires)
	if !ok {
		px = "1"
	}
	if len(names) == 0 {
		return nil
	}
	return s.m.doOnce(ctx, "write records", func(c client) error {
		if s.m.opts.Cluster {
			last := len(names) - 1
			if err := pipe(ctx, c, s.writes(ctx, names[:last], values, expires, px)...); err != nil {
				return err
			}
			return pipe(ctx, c, s.writes(ctx, names[last:], values[last:], expires, px)...)
		}
		args := make([]any, 0, 4+3*len(names))
		args = append(args, "eval", recordsScript, len(names))
		for _, name := range names {
			args = append(args, s.names.records+tag(name))
		}
		args = append(args, px)
		for _, v := range values {
			args = append(args, v, string(version.New(expires)))
		}
		return c.Process(ctx, once{goredis.NewCmd(ctx, args...)})
	})
}

// writes returns a command for each record.
func (s *Store) writes(ctx context.Context, names []string, values [][]byte, expires time.Time, px string) []goredis.Cmder {
	cmds := make([]goredis.Cmder, len(names))
	for i, name := range names {
		cmds[i] = once{s.recordCommand(ctx, name, backends.Record{Value: values[i], Version: version.New(expires)}, backends.AnyVersion, px)}
	}
	return cmds
}

// once is a command that the client itself must not repeat: [Manager.do] does, with other bytes.
type once struct{ *goredis.Cmd }

// NoRetry implements [goredis.Cmder].
func (once) NoRetry() bool { return true }

// Functions lists the functions that have a record; see [backends.FunctionLister].
func (m *Manager) Functions(ctx context.Context, yield func(backends.FunctionInfo) bool) error {
	seen := map[string]bool{}
	err := m.scan(ctx, "list functions", m.opts.Prefix+":r:", func(on node, keys []string) error {
		values := make([]*goredis.StringCmd, len(keys))
		err := on(ctx, func(c client) error {
			cmds := make([]goredis.Cmder, len(keys))
			for i, key := range keys {
				values[i] = goredis.NewStringCmd(ctx, "get", key)
				cmds[i] = values[i]
			}
			return pipe(ctx, c, cmds...)
		})
		if err != nil {
			return err
		}
		for i, key := range keys {
			info, ok := m.functionInfo(key, []byte(values[i].Val()))
			if !ok || seen[key] {
				continue
			}
			seen[key] = true
			if !yield(info) {
				return errEnough
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// functionInfo reads a function's record. Names that are too long to be read back from a key are not listed.
func (m *Manager) functionInfo(redisKey string, value []byte) (info backends.FunctionInfo, ok bool) {
	rest, _ := strings.CutPrefix(redisKey, m.opts.Prefix+":r:")
	part, t, _ := strings.Cut(rest, ":")
	record, readable := untag(t)
	namespace, known := unescape(part)
	name, is := backends.FunctionOfRecord(record)
	r := m.decodeRecord(value)
	if !readable || !known || !is || r.Value == nil {
		return info, false
	}
	return backends.FunctionInfo{Namespace: namespace, Name: name, Record: r.Value, Written: r.Written}, true
}
