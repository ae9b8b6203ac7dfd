package s3

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/genstate"
)

// Metadata of an entry: what must be known without trusting the entry's bytes.
const (
	metaKind    = "sw-kind"
	metaExpires = "sw-expires" // Unix milliseconds, "0" for never
	metaKey     = "sw-key"     // base64url, for List
	metaTail    = "sw-tail"    // length of the key behind the entry, where it is too long for a header
	metaNonce   = "sw-nonce"   // what the body ends in: whoever lost an answer knows its own write by it

	kindEntry     = "entry"
	kindTombstone = "tombstone"
	kindRecord    = "record"

	maxMetaKey = 768 // S3 allows 2 KB of metadata in all
)

// nonceLen is the length of what makes the bytes of each write its own. A version is an ETag, and S3 makes that of the
// bytes: two writes of the same ones could not be told apart.
const nonceLen = 16

func newNonce() []byte {
	b := make([]byte, nonceLen)
	_, _ = rand.Read(b) // documented never to fail
	return b
}

// store is one function's entries. It is safe for concurrent use.
type store struct {
	m         *Manager
	namespace string
	function  string
	gen       *genstate.State
	keep      time.Duration
	absent    absences
}

var (
	_ backends.Store          = (*store)(nil)
	_ backends.BatchReader    = (*store)(nil)
	_ backends.Leaser         = (*store)(nil)
	_ backends.BatchLeaser    = (*store)(nil)
	_ backends.Unfenced       = (*store)(nil)
	_ backends.Records        = (*store)(nil)
	_ backends.Lister         = (*store)(nil)
	_ backends.DeadlineKeeper = (*store)(nil)
)

// KeepsDeadlines implements [backends.DeadlineKeeper].
func (s *store) KeepsDeadlines() bool { return true }

// Read implements [backends.Store]: one request, or three side by side when the generation is due, and one for each record.
func (s *store) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	ctx, cancel := withDeadline(ctx, o.Deadline)
	defer cancel()
	var r backends.Reading
	var err error
	common, commonErr := s.beside(ctx, o, func() { r, err = s.slot(ctx, key, string(o.IfChanged)) })
	if err = errors.Join(err, commonErr); err != nil {
		return backends.Reading{}, s.m.wrap(ctx, "read", err)
	}
	return merge(r, common), nil
}

func withDeadline(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	if deadline.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline)
}

// merge adds what comes with every slot.
func merge(r, common backends.Reading) backends.Reading {
	r.Generation, r.GenerationAge, r.Records = common.Generation, common.GenerationAge, common.Records
	return r
}

// beside reads what comes with every slot, generation and records, and runs f meanwhile.
func (s *store) beside(ctx context.Context, o backends.ReadOptions, f func()) (common backends.Reading, err error) {
	var wg sync.WaitGroup
	var genErr, recErr error
	g, age, ok := s.gen.Fresh(s.m.now().UnixNano(), s.keep)
	if common.Generation, common.GenerationAge = g, age; !ok || o.Fresh {
		common.GenerationAge = 0
		wg.Go(func() { common.Generation, genErr = s.generation(ctx) })
	}
	if len(o.Records) > 0 {
		wg.Go(func() { common.Records, _, recErr = s.readRecords(ctx, o.Records) })
	}
	f()
	wg.Wait() // nothing may run on after the return: the container may be frozen then
	return common, errors.Join(genErr, recErr)
}

// slot reads one slot. Whatever is at its place but is no entry of this key, or one that is too large to take, is no entry.
func (s *store) slot(ctx context.Context, key, known string) (backends.Reading, error) {
	limit := s.m.o.MaxEntry + int64(len(key)) + nonceLen
	asked := s.m.now()
	obj, err := s.m.read(ctx, s.m.layout.entry(entryID(s.function, key)), readOptions{limit: limit, changed: known})
	r := backends.Reading{Version: backends.Version(obj.etag), Clock: obj.served}
	switch {
	case errors.Is(err, errUnchanged):
		r.Unchanged = true
		return r, nil
	case isNotFound(err):
		s.absent.note(key, asked)
		return r, nil
	case errors.Is(err, backends.ErrTooLarge): // somebody else's, or of other options: it can be replaced
		return r, nil
	case err != nil:
		return r, err
	}
	expires, ok := parseExpires(obj.meta)
	if !ok || obj.meta[metaKind] != kindEntry || isOver(expires, s.m.now()) {
		return r, nil
	}
	if body, tail, ok := cutTail(obj); ok && (tail == "" || tail == key) {
		r.Entry, r.Expires = body, expires
	}
	return r, nil
}

// ReadAll implements [backends.BatchReader]: reads side by side, as many at once as the options allow.
func (s *store) ReadAll(ctx context.Context, keys []string, o backends.ReadOptions) ([]backends.Reading, []error, error) {
	ctx, cancel := withDeadline(ctx, o.Deadline)
	defer cancel()
	rs := make([]backends.Reading, len(keys))
	errs := make([]error, len(keys))
	common, err := s.beside(ctx, o, func() {
		_ = parallel(ctx, len(keys), s.m.concurrency(), func(ctx context.Context, i int) error {
			rs[i], errs[i] = s.slot(ctx, keys[i], "")
			return nil
		})
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, nil, s.m.wrap(ctx, "read", err)
	}
	failed := false
	for i := range rs {
		rs[i] = merge(rs[i], common)
		common.Records = nil // the first reading has them
		if errs[i] != nil {
			failed = true
			rs[i], errs[i] = backends.Reading{Records: rs[i].Records}, s.m.wrap(ctx, "read", errs[i])
		}
	}
	if !failed {
		errs = nil
	}
	return rs, errs, nil
}

// Put implements [backends.Store] with one request. The first one finds out, beside it, whether the server heeds conditions.
func (s *store) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	if int64(len(entry)) > s.m.o.MaxEntry {
		return backends.Absent, fmt.Errorf("%s: put: %d bytes, at most %d are accepted (max-entry): %w",
			s.m.place, len(entry), s.m.o.MaxEntry, backends.ErrTooLarge)
	}
	s.absent.take(key, s.m.now()) // from now on there may be one, so a lease has to look
	var v written
	var err error
	s.m.besideTrial(ctx, func() {
		v, err = s.m.writeSlot(ctx, s.m.layout.entry(entryID(s.function, key)), slotWrite{
			kind: kindEntry, key: key, body: entry, expires: expires,
		}, seenCondition(seen))
	})
	return backends.Version(v.etag), s.m.wrap(ctx, "put", err)
}

func seenCondition(seen backends.Version) condition {
	return condition{ifNew: seen == backends.Absent, ifMatch: string(seen)}
}

// slotWrite is what a slot or a record is to hold.
type slotWrite struct {
	kind    string
	key     string
	body    []byte
	expires time.Time
	meta    map[string]string // more of it
}

// options returns the body and the metadata, with a nonce of their own.
func (m *Manager) slotObject(w slotWrite) (body []byte, o writeOptions, nonce string) {
	n := newNonce()
	o.meta = map[string]string{metaKind: w.kind, metaExpires: formatExpires(w.expires), metaNonce: hex.EncodeToString(n)}
	for k, v := range w.meta {
		o.meta[k] = v
	}
	body = append(make([]byte, 0, len(w.body)+len(w.key)+nonceLen), w.body...)
	switch {
	case w.key == "":
	case len(w.key) <= maxMetaKey:
		o.meta[metaKey] = base64.RawURLEncoding.EncodeToString([]byte(w.key))
	default:
		o.meta[metaTail] = strconv.Itoa(len(w.key))
		body = append(body, w.key...)
	}
	o.class = types.StorageClass(m.o.StorageClass)
	return append(body, n...), o, o.meta[metaNonce]
}

// conflictTries is how often a write is tried again that met another one at the same moment.
const conflictTries = 3

// writeSlot writes under a condition. Where that does not hold, the object's own metadata say whether it is this very
// write, whose answer was lost; a conflict that nobody won is tried again.
func (m *Manager) writeSlot(ctx context.Context, name string, w slotWrite, cond condition) (written, error) {
	body, o, nonce := m.slotObject(w)
	o.condition = cond
	for try := 1; ; try++ {
		out, err := m.write(ctx, name, body, o)
		if err == nil || !isLostRace(err) && !(cond.ifMatch != "" && isNotFound(err)) {
			return out, err
		}
		there, headErr := m.head(ctx, name)
		switch {
		case isNotFound(headErr):
			there = object{}
		case headErr != nil:
			return written{}, headErr
		case there.meta[metaNonce] == nonce:
			return written{etag: there.etag, at: there.modified}, nil
		}
		if there.etag != cond.ifMatch || try == conflictTries {
			return written{}, fmt.Errorf("%s: %w", m.place, backends.ErrConflict)
		}
	}
}

// Invalidate implements [backends.Store] with one request. Where the server turns out to ignore conditions the tombstone
// would keep nobody off, and the function is cleared.
func (s *store) Invalidate(ctx context.Context, key string) error {
	s.absent.take(key, s.m.now())
	known := s.m.unfenced() // then the library has cleared the function by itself
	if s.m.tryConditions(ctx); s.m.unfenced() && !known {
		_, err := s.m.clearFunction(ctx, s.function, s.gen)
		if err != nil {
			return s.m.wrap(ctx, "invalidate", err)
		}
	}
	err := s.m.tries(ctx, func() error {
		body, o, _ := s.m.slotObject(slotWrite{kind: kindTombstone, key: key, expires: s.m.now().Add(backends.TombstoneTTL)})
		o.once = true // anew for each try: a late one must not pass for another's
		_, err := s.m.write(ctx, s.m.layout.entry(entryID(s.function, key)), body, o)
		return err
	})
	return s.m.wrap(ctx, "invalidate", err)
}

// Delete implements [backends.Store]. It writes a tombstone that is over at once: a DELETE's success proves nothing, and
// servers that ignore its condition would remove a tombstone that keeps writers off.
func (s *store) Delete(ctx context.Context, key string, seen backends.Version) error {
	if seen == backends.Absent {
		return ctx.Err()
	}
	if changed, err := s.m.changed(ctx, s.m.layout.entry(entryID(s.function, key)), seen); changed || err != nil {
		return s.m.wrap(ctx, "delete", err)
	}
	_, err := s.m.writeSlot(ctx, s.m.layout.entry(entryID(s.function, key)), slotWrite{
		kind: kindTombstone, key: key, expires: s.m.now(),
	}, condition{ifMatch: string(seen)})
	if errors.Is(err, backends.ErrConflict) {
		return nil
	}
	return s.m.wrap(ctx, "delete", err)
}

// Generation implements [backends.Store]: two reads side by side, always from the bucket.
func (s *store) Generation(ctx context.Context) (uint64, error) {
	gen, err := s.generation(ctx)
	return gen, s.m.wrap(ctx, "generation", err)
}

// Clear implements [backends.Store] with one PUT.
func (s *store) Clear(ctx context.Context) (uint64, error) {
	var g uint64
	var err error
	s.m.besideTrial(ctx, func() { g, err = s.m.clearFunction(ctx, s.function, s.gen) })
	return g, s.m.wrap(ctx, "clear", err)
}

func (s *store) generation(ctx context.Context) (uint64, error) {
	return s.m.generationOf(ctx, s.function, s.gen)
}

func formatExpires(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(max(1, t.UnixMilli()), 10) // rounded down: never later than asked for
}

func parseExpires(meta map[string]string) (time.Time, bool) {
	ms, err := strconv.ParseInt(meta[metaExpires], 10, 64)
	if err != nil || ms < 0 {
		return time.Time{}, false
	}
	if ms == 0 {
		return time.Time{}, true
	}
	return time.UnixMilli(ms), true
}

func isOver(expires, now time.Time) bool { return !expires.IsZero() && !now.Before(expires) }

// cutTail takes nonce and key off the end of what is stored.
func cutTail(obj object) (entry []byte, key string, ok bool) {
	n := len(obj.body) - nonceLen
	if n < 0 || hex.EncodeToString(obj.body[n:]) != obj.meta[metaNonce] {
		return nil, "", false
	}
	tail := 0
	if text, has := obj.meta[metaTail]; has {
		var err error
		if tail, err = strconv.Atoi(text); err != nil || tail <= 0 || tail > n {
			return nil, "", false
		}
	}
	return obj.body[: n-tail : n-tail], string(obj.body[n-tail : n]), true
}
