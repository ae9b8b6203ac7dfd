package tiered

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// withCapabilities returns s with the capabilities that its tiers give it.
func (s *store) withCapabilities() (backends.Store, error) {
	tier, leaser, err := s.leaser()
	if err != nil {
		return nil, err
	}
	_, lists := s.authority().store.(backends.Lister)
	records, has := s.authority().store.(backends.Records)
	l, i, r := leasing{s, tier, leaser}, listing{s}, recording{s.m, records}
	switch {
	case leaser != nil && lists && has:
		return struct {
			*store
			leasing
			listing
			recording
		}{s, l, i, r}, nil
	case leaser != nil && lists:
		return struct {
			*store
			leasing
			listing
		}{s, l, i}, nil
	case leaser != nil && has:
		return struct {
			*store
			leasing
			recording
		}{s, l, r}, nil
	case lists && has:
		return struct {
			*store
			listing
			recording
		}{s, i, r}, nil
	case leaser != nil:
		return struct {
			*store
			leasing
		}{s, l}, nil
	case lists:
		return struct {
			*store
			listing
		}{s, i}, nil
	case has:
		return struct {
			*store
			recording
		}{s, r}, nil
	}
	return s, nil
}

// leaser returns the tier where leases are taken, nil: none can.
func (s *store) leaser() (tier int, l backends.Leaser, err error) {
	if i := s.m.leaseTier; i >= 0 {
		l, ok := s.levels[i].store.(backends.Leaser)
		if !ok {
			return 0, nil, fmt.Errorf("tiered: %s is marked for leases, which it does not have; unmark it", s.levels[i].Name)
		}
		return i, l, nil
	}
	for i := len(s.levels) - 1; i >= 0; i-- {
		if l, ok := s.levels[i].store.(backends.Leaser); ok {
			return i, l, nil
		}
	}
	return 0, nil, nil
}

// leasing takes leases in one tier, and reads the others behind it.
type leasing struct {
	of   *store
	tier int
	l    backends.Leaser
}

// Lease implements [backends.Leaser].
func (l leasing) Lease(ctx context.Context, key string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	if err := l.of.m.check(ctx); err != nil {
		return nil, backends.Reading{}, err
	}
	held, first, err := l.l.Lease(ctx, key, r, l.options(o))
	return l.behind(ctx, key, o, held, first, err)
}

// Takeover implements [backends.Leaser].
func (l leasing) Takeover(ctx context.Context, key, from string, r backends.LeaseRequest, o backends.ReadOptions) (backends.Lease, backends.Reading, error) {
	if err := l.of.m.check(ctx); err != nil {
		return nil, backends.Reading{}, err
	}
	held, first, err := l.l.Takeover(ctx, key, from, r, l.options(o))
	return l.behind(ctx, key, o, held, first, err)
}

// options is what the tier of the leases is asked for: only the authority's generation, records and clock count.
func (l leasing) options(o backends.ReadOptions) backends.ReadOptions {
	o.IfChanged = backends.Absent
	if l.tier < len(l.of.levels)-1 {
		o.Records, o.Clock, o.Fresh = nil, false, false
	}
	return o
}

// behind reads the tiers that the lease's own reading did not cover.
func (l leasing) behind(ctx context.Context, key string, o backends.ReadOptions, held backends.Lease, first backends.Reading, err error) (backends.Lease, backends.Reading, error) {
	if held == nil || err != nil {
		return held, backends.Reading{}, err
	}
	rs, errs, err := l.behindAll(ctx, []string{key}, o, []backends.Reading{first})
	if err == nil && errs != nil {
		err = errs[0]
	}
	if err != nil {
		return held, backends.Reading{}, err
	}
	return held, rs[0], nil
}

func (l leasing) behindAll(ctx context.Context, keys []string, o backends.ReadOptions, first []backends.Reading) ([]backends.Reading, []error, error) {
	s := l.of
	o.IfChanged = backends.Absent
	xs := make([]*reading, len(keys))
	for i, key := range keys {
		xs[i] = s.newReading(key)
		if !s.shared.untold.has(l.tier, key) {
			xs[i].take(l.tier, first[i])
			xs[i].first = l.tier
		}
	}
	common, err := s.readInto(ctx, xs, o, nil, l.tier)
	if err != nil {
		return nil, nil, err
	}
	if l.tier == len(s.levels)-1 && len(first) > 0 {
		common.Records, common.Clock = first[0].Records, first[0].Clock
	}
	rs, errs := s.finishAll(ctx, xs, common)
	for i := 1; i < len(rs); i++ {
		rs[i].Records = backends.CloneRecords(common.Records)
	}
	return rs, errs, nil
}

// LeaseAll implements [backends.BatchLeaser].
func (l leasing) LeaseAll(ctx context.Context, keys []string, rs []backends.LeaseRequest, o backends.ReadOptions) ([]backends.LeaseResult, error) {
	if err := l.of.m.check(ctx); err != nil {
		return nil, err
	}
	if len(keys) != len(rs) {
		return nil, errors.New("tiered: lease all: keys and requests differ in number")
	}
	out, err := backends.LeaseAll(ctx, l.l, keys, rs, l.options(o))
	if err != nil {
		return nil, err
	}
	var at []int
	var taken []string
	var first []backends.Reading
	for i := range out {
		if out[i].Lease != nil && out[i].Err == nil {
			at, taken, first = append(at, i), append(taken, keys[i]), append(first, out[i].Reading)
		}
	}
	if len(at) == 0 {
		return out, nil
	}
	readings, errs, err := l.behindAll(ctx, taken, o, first)
	for j, i := range at {
		out[i].Reading = backends.Reading{}
		switch {
		case err != nil:
			out[i].Err = err
		case errs != nil && errs[j] != nil:
			out[i].Err = errs[j]
		default:
			out[i].Reading = readings[j]
		}
	}
	return out, nil
}

// Mark implements [backends.Leaser].
func (l leasing) Mark(ctx context.Context, key string, m backends.Mark) error {
	if err := l.of.m.check(ctx); err != nil {
		return err
	}
	return l.l.Mark(ctx, key, m)
}

// recording keeps records in the authority.
type recording struct {
	owner *manager
	r     backends.Records
}

// ReadRecords implements [backends.Records].
func (r recording) ReadRecords(ctx context.Context, names []string) ([]backends.Record, time.Time, error) {
	if err := r.owner.check(ctx); err != nil {
		return nil, time.Time{}, err
	}
	return r.r.ReadRecords(ctx, names)
}

// WriteRecord implements [backends.Records].
func (r recording) WriteRecord(ctx context.Context, name string, value []byte, expires time.Time, seen backends.Version) (backends.Record, error) {
	if err := r.owner.check(ctx); err != nil {
		return backends.Record{}, err
	}
	return r.r.WriteRecord(ctx, name, value, expires, seen)
}

// WriteRecords implements [backends.Records].
func (r recording) WriteRecords(ctx context.Context, names []string, values [][]byte, expires time.Time) error {
	if err := r.owner.check(ctx); err != nil {
		return err
	}
	return r.r.WriteRecords(ctx, names, values, expires)
}

// listing lists what any tier has.
type listing struct{ of *store }

// List implements [backends.Lister]: the last tier's entries, then those that only a faster one has.
func (l listing) List(ctx context.Context, yield func(backends.Info) bool) error {
	if err := l.of.m.check(ctx); err != nil {
		return err
	}
	seen := make(map[string]bool)
	more := true
	for i := len(l.of.levels) - 1; i >= 0 && more; i-- {
		level := l.of.levels[i]
		lister, ok := level.store.(backends.Lister)
		if !ok {
			continue
		}
		err := lister.List(ctx, func(info backends.Info) bool {
			if seen[info.Key] {
				return true
			}
			seen[info.Key] = true
			more = yield(info)
			return more
		})
		if err == nil {
			continue
		}
		if level.last || ctx.Err() != nil {
			return err
		}
		level.report(ctx, "list", err)
	}
	return nil
}
