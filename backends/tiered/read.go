package tiered

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/breaker"
)

// reading is what the tiers have under one key, as far as they were asked.
type reading struct {
	key      string
	versions []slotVersion
	hit      int // the tier that had the entry, or said that it is unchanged; len(versions): none
	first    int // the tier that was asked before all others, with the lease; -1: the tiers were asked in their order
	r        backends.Reading
	err      error // of the authority
}

func (s *store) newReading(key string) *reading {
	return &reading{key: key, versions: make([]slotVersion, len(s.levels)), hit: len(s.levels), first: -1}
}

// take notes what one tier answered. Where the authority was asked, what it has is the entry: a faster tier may not have
// heard of a replacement or an invalidation yet, and a write that depends on the authority's version must be made of the
// entry of that version.
func (x *reading) take(i int, r backends.Reading) {
	last := len(x.versions) - 1
	decided := x.versions[last].known
	x.versions[i] = slotVersion{known: true, v: r.Version}
	switch {
	case decided:
	case i < last && x.hit <= i:
	case i == last && x.hit < last && r.Entry != nil && bytes.Equal(r.Entry, x.r.Entry): // nothing has to be copied
	case r.Entry != nil || r.Unchanged:
		x.hit = i
		x.r.Entry, x.r.Expires, x.r.Unchanged = r.Entry, r.Expires, r.Unchanged
	case i == last:
		x.hit = len(x.versions)
		x.r.Entry, x.r.Expires, x.r.Unchanged = nil, time.Time{}, false
	}
}

// found reports whether no slower tier has to be asked.
func (x *reading) found(forWrite bool) bool { return !forWrite && x.hit < len(x.versions) }

func (s *store) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	if err := s.m.check(ctx); err != nil {
		return backends.Reading{}, err
	}
	known, ok := splitVersion(o.IfChanged, len(s.levels))
	if !ok || o.IfChanged == backends.Absent {
		known = nil
	}
	x := s.newReading(key)
	common, err := s.readInto(ctx, []*reading{x}, o, known, -1)
	if err != nil {
		return backends.Reading{}, err
	}
	if x.err != nil {
		return backends.Reading{}, x.err
	}
	return s.finish(ctx, x, common), nil
}

// ReadAll asks each tier once, for what the earlier ones lacked.
func (s *store) ReadAll(ctx context.Context, keys []string, o backends.ReadOptions) ([]backends.Reading, []error, error) {
	if err := s.m.check(ctx); err != nil {
		return nil, nil, err
	}
	xs := make([]*reading, len(keys))
	for i, key := range keys {
		xs[i] = s.newReading(key)
	}
	common, err := s.readInto(ctx, xs, o, nil, -1)
	if err != nil {
		return nil, nil, err
	}
	rs, errs := s.finishAll(ctx, xs, common)
	return rs, errs, nil
}

// finishAll makes readings of what was found, the first of which has the records, and fills the faster tiers, a few keys at
// once.
func (s *store) finishAll(ctx context.Context, xs []*reading, common backends.Reading) ([]backends.Reading, []error) {
	rs := make([]backends.Reading, len(xs))
	var errs []error
	var wg sync.WaitGroup
	room := make(chan struct{}, copiesAtOnce)
	records := common.Records
	common.Records = nil
	for i, x := range xs {
		if x.err != nil {
			if errs == nil {
				errs = make([]error, len(xs))
			}
			errs[i] = x.err
			continue
		}
		room <- struct{}{}
		wg.Go(func() {
			rs[i] = s.finish(ctx, x, common)
			<-room
		})
	}
	wg.Wait()
	if len(rs) > 0 {
		rs[0].Records = records
	}
	return rs, errs
}

const copiesAtOnce = 16

// readInto asks the tiers in order for the slots that the earlier ones lacked, and returns what is common to all readings.
// A tier that skip names has been asked already.
func (s *store) readInto(ctx context.Context, xs []*reading, o backends.ReadOptions, known []slotVersion, skip int) (backends.Reading, error) {
	if err := over(ctx, o); err != nil {
		return backends.Reading{}, err
	}
	if err := s.settle(ctx); err != nil {
		return backends.Reading{}, err
	}
	for i, l := range s.faster() {
		if i != skip {
			s.readFaster(ctx, i, l, xs, o, known)
		}
		if err := over(ctx, o); err != nil {
			return backends.Reading{}, err
		}
	}
	last := len(s.levels) - 1
	rest := missing(xs, o.ForWrite)
	if len(rest) > 0 && skip != last {
		return s.readAuthority(ctx, rest, o, known)
	}
	return s.readCommon(ctx, o)
}

// over returns why a read has to end: its context or its deadline.
func over(ctx context.Context, o backends.ReadOptions) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !o.Deadline.IsZero() && !time.Now().Before(o.Deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

func missing(xs []*reading, forWrite bool) (rest []*reading) {
	for _, x := range xs {
		if !x.found(forWrite) {
			rest = append(rest, x)
		}
	}
	return rest
}

// readFaster asks one of the faster tiers. What goes wrong is no caller's business: the slower ones are asked then.
func (s *store) readFaster(ctx context.Context, i int, l *level, xs []*reading, o backends.ReadOptions, known []slotVersion) {
	rest := missing(xs, o.ForWrite)
	if len(rest) == 0 {
		return
	}
	var rs []backends.Reading
	var errs []error
	err := l.reads.Before(ctx, func(ctx context.Context, deadline time.Time) (err error) {
		if rest, _ = s.believed(ctx, i, l, rest); len(rest) == 0 {
			return nil
		}
		// Its own generation, records and clock are never looked at.
		own := backends.ReadOptions{Deadline: earlier(o.Deadline, deadline), ForWrite: o.ForWrite}
		rs, errs, err = l.read(ctx, rest, own, known, i)
		return err
	})
	if err != nil {
		if !errors.Is(err, breaker.ErrOpen) {
			l.report(ctx, "read", err)
		}
		return
	}
	for j, x := range rest {
		if errs != nil && errs[j] != nil {
			l.report(ctx, "read", errs[j])
			continue
		}
		x.take(i, rs[j])
	}
}

// believed repeats the writes that failed in the tier before, and leaves out the keys for which they fail again.
func (s *store) believed(ctx context.Context, i int, l *level, xs []*reading) (out []*reading, err error) {
	for _, x := range xs {
		if s.shared.untold.has(i, x.key) {
			if failed := s.tell(ctx, i, l, x.key); failed != nil {
				err = failed
				continue
			}
		}
		out = append(out, x)
	}
	return out, err
}

// readAuthority asks the last tier. Its errors are the callers'.
func (s *store) readAuthority(ctx context.Context, xs []*reading, o backends.ReadOptions, known []slotVersion) (backends.Reading, error) {
	i, l := len(s.levels)-1, s.authority()
	if _, err := s.believed(ctx, i, l, xs); err != nil {
		return backends.Reading{}, err
	}
	read := s.shared.generation.Begin(s.m.nanos())
	rs, errs, err := l.read(ctx, xs, o, known, i)
	if err != nil {
		return backends.Reading{}, err
	}
	var common backends.Reading
	var records []backends.Record // of the first reading that has them
	for j, x := range xs {
		if records == nil {
			records = rs[j].Records
		}
		if errs != nil && errs[j] != nil {
			x.err = errs[j]
			continue
		}
		x.take(i, rs[j])
		common = rs[j]
	}
	if common.Generation == 0 { // no slot could be read
		return s.readCommon(ctx, o)
	}
	common.Records = records
	common.Generation = s.observe(read, common.Generation, common.GenerationAge)
	return common, nil
}

// readCommon returns the authority's generation, kept or read, and its records and clock where they are wanted.
func (s *store) readCommon(ctx context.Context, o backends.ReadOptions) (r backends.Reading, err error) {
	if len(o.Records) > 0 || o.Clock {
		if rec, ok := s.authority().store.(backends.Records); ok {
			if r.Records, r.Clock, err = rec.ReadRecords(ctx, o.Records); err != nil {
				return r, err
			}
		}
	}
	keep := s.keep
	if o.Fresh {
		keep = 0
	}
	// Without the generation there is no hit: see the package's documentation.
	r.Generation, r.GenerationAge, err = s.shared.generation.Ask(ctx, s.m.nanos, keep, s.authority().store.Generation)
	return r, err
}

// finish makes a reading of what was found, and copies it to the faster tiers.
func (s *store) finish(ctx context.Context, x *reading, common backends.Reading) backends.Reading {
	r := x.r
	r.Version = join(x.versions)
	r.Generation, r.GenerationAge = common.Generation, common.GenerationAge
	r.Records, r.Clock = common.Records, common.Clock
	if r.Entry != nil {
		s.copyTo(ctx, x, &r)
	}
	return r
}

// copyTo puts an entry that a slower tier returned into those that were asked before it, where their slots are as they were:
// a copy that was overtaken by a replacement or an invalidation is refused there.
//
// What came with a lease is not copied: it was read before the faster tiers were, so their slots may be as an invalidation
// left them that came between.
func (s *store) copyTo(ctx context.Context, x *reading, r *backends.Reading) {
	if x.hit == x.first {
		return
	}
	for i, l := range s.levels[:x.hit] {
		if !x.versions[i].known || l.MaxEntry > 0 && int64(len(r.Entry)) > l.MaxEntry {
			continue
		}
		var v backends.Version
		err := l.bounded(ctx, writeFactor, func(ctx context.Context) (err error) {
			v, err = l.store.Put(ctx, x.key, r.Entry, l.held(r.Expires), x.versions[i].v)
			return err
		})
		if err != nil {
			x.versions[i] = slotVersion{}
			l.reportCopy(ctx, err)
			continue
		}
		x.versions[i].v = v
	}
	r.Version = join(x.versions)
}

// earlier returns the earlier of two times; zero is no time.
func earlier(a, b time.Time) time.Time {
	if !a.IsZero() && a.Before(b) {
		return a
	}
	return b
}
