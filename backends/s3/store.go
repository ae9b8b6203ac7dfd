package s3

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/stillwarm/stillwarm/backends"
)

// Metadata of an entry: what must be known without trusting the entry's bytes.
const (
	metaExpires = "sw-expires" // Unix milliseconds, "0" for never
	metaKey     = "sw-key"     // base64url, for List
	metaTail    = "sw-tail"    // length of the key behind the entry, where it is too long for a header

	maxMetaKey = 768 // S3 allows 2 KB of metadata in all
)

// store is one function's entries. It is safe for concurrent use.
type store struct {
	m        *Manager
	function string
	gen      *kept
	keep     time.Duration
	absent   absences
}

var (
	_ backends.Store            = (*store)(nil)
	_ backends.ExpiryGetter     = (*store)(nil)
	_ backends.GenerationKeeper = (*store)(nil)
	_ backends.Leaser           = (*store)(nil)
	_ backends.LeaseGetter      = (*store)(nil)
	_ backends.Lister           = (*store)(nil)
)

// GenerationAge implements [backends.GenerationKeeper].
func (s *store) GenerationAge() time.Duration { return s.keep }

// Get implements [backends.Store].
func (s *store) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	entry, gen, _, err := s.GetExpiry(ctx, key)
	return entry, gen, err
}

// GetExpiry implements [backends.ExpiryGetter]: one request, or three side by side when the generation is due.
func (s *store) GetExpiry(ctx context.Context, key string) (entry []byte, gen uint64, expires time.Time, err error) {
	gen, genErr := s.generationBeside(ctx, func() { entry, expires, err = s.entry(ctx, key) })
	if err != nil && !errors.Is(err, backends.ErrNotFound) {
		return nil, 0, time.Time{}, s.m.wrap(ctx, "get", err)
	}
	if genErr != nil {
		return nil, 0, time.Time{}, s.m.wrap(ctx, "get generation", genErr)
	}
	return entry, gen, expires, err
}

// generationBeside returns the generation, kept or read, and runs f meanwhile.
func (s *store) generationBeside(ctx context.Context, f func()) (gen uint64, err error) {
	if g, ok := s.keptGeneration(); ok {
		f()
		return g, nil
	}
	var wg sync.WaitGroup
	wg.Go(func() { gen, err = s.generation(ctx) })
	f()
	wg.Wait() // nothing may run on after the return: the container may be frozen then
	return gen, err
}

// entry reads one entry. Whatever is at its place but is no entry of this key, or one that is too large to take, is
// not found.
func (s *store) entry(ctx context.Context, key string) ([]byte, time.Time, error) {
	limit := s.m.o.MaxSize + int64(len(key))
	asked := s.m.now()
	obj, err := s.m.read(ctx, s.m.layout.entry(entryID(s.function, key)), readOptions{limit: limit})
	if isNotFound(err) {
		s.absent.note(key, asked)
		return nil, time.Time{}, fmt.Errorf("%s: %w", s.m.place, backends.ErrNotFound)
	}
	if errors.Is(err, backends.ErrTooLarge) {
		return nil, time.Time{}, fmt.Errorf("%s: %w: %w", s.m.place, backends.ErrNotFound, err)
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	expires, ok := parseExpires(obj.meta)
	if !ok || isOver(expires, s.m.now()) {
		return nil, time.Time{}, fmt.Errorf("%s: %w", s.m.place, backends.ErrNotFound)
	}
	body, tail, ok := cutTail(obj)
	if !ok || (tail != "" && tail != key) {
		return nil, time.Time{}, fmt.Errorf("%s: %w", s.m.place, backends.ErrNotFound)
	}
	return body, expires, nil
}

// Put implements [backends.Store] with one request.
func (s *store) Put(ctx context.Context, key string, entry []byte, expires time.Time) error {
	if int64(len(entry)) > s.m.o.MaxSize {
		return fmt.Errorf("%s: put: %d bytes, at most %d are accepted (max-size): %w",
			s.m.place, len(entry), s.m.o.MaxSize, backends.ErrTooLarge)
	}
	o := writeOptions{meta: map[string]string{metaExpires: formatExpires(expires)}, class: types.StorageClass(s.m.o.StorageClass)}
	if len(key) <= maxMetaKey {
		o.meta[metaKey] = base64.RawURLEncoding.EncodeToString([]byte(key))
	} else {
		o.meta[metaTail] = strconv.Itoa(len(key))
		entry = append(entry[:len(entry):len(entry)], key...) // a copy: the caller's array stays as it is
	}
	_, err := s.m.write(ctx, s.m.layout.entry(entryID(s.function, key)), entry, o)
	return s.m.wrap(ctx, "put", err)
}

// Delete implements [backends.Store] with one request.
func (s *store) Delete(ctx context.Context, key string) error {
	return s.m.wrap(ctx, "delete", s.m.remove(ctx, s.m.layout.entry(entryID(s.function, key))))
}

// Generation implements [backends.Store]: two reads side by side, always from the bucket.
func (s *store) Generation(ctx context.Context) (uint64, error) {
	gen, err := s.generation(ctx)
	return gen, s.m.wrap(ctx, "get generation", err)
}

// Clear implements [backends.Store] with one PUT.
func (s *store) Clear(ctx context.Context) error {
	return s.m.wrap(ctx, "clear", s.m.renew(ctx, s.m.layout.generation(s.function), s.gen))
}

func (s *store) keptGeneration() (uint64, bool) {
	now := s.m.now()
	epoch, ok := s.m.epoch.fresh(now, s.keep)
	if !ok {
		return 0, false
	}
	own, ok := s.gen.fresh(now, s.keep)
	if !ok {
		return 0, false
	}
	return combine(epoch, own), true
}

func (s *store) generation(ctx context.Context) (uint64, error) {
	return s.m.generationOf(ctx, s.function, s.gen)
}

// generationOf reads the epoch and a function's own token side by side.
func (m *Manager) generationOf(ctx context.Context, function string, k *kept) (uint64, error) {
	var wg sync.WaitGroup
	var epoch string
	var epochErr error
	wg.Go(func() { epoch, epochErr = m.hear(ctx, m.layout.epoch(), &m.epoch) })
	own, err := m.hear(ctx, m.layout.generation(function), k)
	wg.Wait()
	if err = errors.Join(err, epochErr); err != nil {
		return 0, err
	}
	return combine(epoch, own), nil
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

// cutTail takes the key off the end of an entry that carries it there.
func cutTail(obj object) (entry []byte, key string, ok bool) {
	text, has := obj.meta[metaTail]
	if !has {
		return obj.body, "", true
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 || n > len(obj.body) {
		return nil, "", false
	}
	cut := len(obj.body) - n
	return obj.body[:cut:cut], string(obj.body[cut:]), true
}
