package memory

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// store is one function's view of a place.
type store struct {
	m  *Manager
	id fnID
}

var (
	_ backends.Pruner         = (*Manager)(nil)
	_ backends.FunctionLister = (*Manager)(nil)
	_ backends.BatchReader    = (*store)(nil)
	_ backends.Leaser         = (*store)(nil)
	_ backends.BatchLeaser    = (*store)(nil)
	_ backends.Records        = (*store)(nil)
	_ backends.Lister         = (*store)(nil)
	_ backends.DeadlineKeeper = (*store)(nil)
)

func (s *store) at(key string) address { return address{s.id, key} }

// KeepsDeadlines implements [backends.DeadlineKeeper].
func (s *store) KeepsDeadlines() bool { return true }

func (s *store) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	if err := s.check(ctx, o); err != nil {
		return backends.Reading{}, err
	}
	s.m.place.mu.Lock()
	r := s.m.place.read(s.at(key), o)
	s.m.place.mu.Unlock()
	return own(r), nil
}

// check is the manager's, with the end that the options set.
func (s *store) check(ctx context.Context, o backends.ReadOptions) error {
	if !o.Deadline.IsZero() && !time.Now().Before(o.Deadline) {
		return context.DeadlineExceeded
	}
	return s.m.check(ctx)
}

// own gives the caller bytes of its own. It runs outside of the lock.
func own(r backends.Reading) backends.Reading {
	r.Entry = slices.Clone(r.Entry)
	for i := range r.Records {
		r.Records[i].Value = slices.Clone(r.Records[i].Value)
	}
	return r
}

func (s *store) ReadAll(ctx context.Context, keys []string, o backends.ReadOptions) ([]backends.Reading, []error, error) {
	if err := s.check(ctx, o); err != nil {
		return nil, nil, err
	}
	o.IfChanged = backends.Absent
	rs := make([]backends.Reading, len(keys))
	s.m.place.mu.Lock()
	for i, key := range keys {
		rs[i] = s.m.place.read(s.at(key), o)
		o.Records = nil // the first reading has them
	}
	s.m.place.mu.Unlock()
	for i := range rs {
		rs[i] = own(rs[i])
	}
	return rs, nil, nil
}

func (s *store) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	if err := s.m.check(ctx); err != nil {
		return backends.Absent, err
	}
	own := make([]byte, len(entry)) // exactly as large as the bound counts; never nil
	copy(own, entry)
	return s.m.place.put(s.at(key), own, expires, seen)
}

func (s *store) Invalidate(ctx context.Context, key string) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	s.m.place.invalidate(s.at(key))
	return nil
}

func (s *store) Delete(ctx context.Context, key string, seen backends.Version) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	s.m.place.delete(s.at(key), seen)
	return nil
}

func (s *store) Generation(ctx context.Context) (uint64, error) {
	if err := s.m.check(ctx); err != nil {
		return 0, err
	}
	return s.m.place.generation(s.id), nil
}

func (s *store) Clear(ctx context.Context) (uint64, error) {
	if err := s.m.check(ctx); err != nil {
		return 0, err
	}
	return s.m.place.clear(s.id), nil
}

func (s *store) ReadRecords(ctx context.Context, names []string) ([]backends.Record, time.Time, error) {
	if err := s.m.check(ctx); err != nil {
		return nil, time.Time{}, err
	}
	s.m.place.mu.Lock()
	r := backends.Reading{Records: s.m.place.readRecords(s.id.namespace, names), Clock: s.m.place.now()}
	s.m.place.mu.Unlock()
	r = own(r)
	return r.Records, r.Clock, nil
}

func (s *store) WriteRecord(ctx context.Context, name string, value []byte, expires time.Time, seen backends.Version) (backends.Record, error) {
	if err := s.m.check(ctx); err != nil {
		return backends.Record{}, err
	}
	s.m.place.mu.Lock()
	r, err := s.m.place.writeRecord(recordName{s.id.namespace, name}, value, expires, seen)
	s.m.place.mu.Unlock()
	r.Value = slices.Clone(r.Value)
	return r, err
}

func (s *store) WriteRecords(ctx context.Context, names []string, values [][]byte, expires time.Time) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	if len(names) != len(values) {
		return errors.New("memory: write records: names and values differ in number")
	}
	s.m.place.mu.Lock()
	defer s.m.place.mu.Unlock()
	for i, name := range names {
		if _, err := s.m.place.writeRecord(recordName{s.id.namespace, name}, values[i], expires, backends.AnyVersion); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) List(ctx context.Context, yield func(backends.Info) bool) error {
	if err := s.m.check(ctx); err != nil {
		return err
	}
	for _, e := range s.m.place.living(func(id fnID) bool { return id == s.id }) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !yield(backends.Info{Key: e.at.key, Size: int64(len(e.bytes)), Expires: e.expires}) {
			return nil
		}
	}
	return nil
}
