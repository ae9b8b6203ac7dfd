package memory

import (
	"context"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/internal/version"
)

type recordName struct{ namespace, name string }

type record struct {
	backends.Record // its value is never changed
	expires         time.Time
}

func (r record) expired(now time.Time) bool { return !r.expires.IsZero() && !now.Before(r.expires) }

// readRecords returns records whose values are the place's own. Called with the lock held, as all here.
func (p *place) readRecords(namespace string, names []string) []backends.Record {
	now := p.now()
	rs := make([]backends.Record, len(names))
	for i, name := range names {
		if r := p.records[recordName{namespace, name}]; !r.expired(now) {
			rs[i] = r.Record
		}
	}
	return rs
}

// writeRecord counts records against the bound by themselves only: they are few and small, and must not be evicted for
// entries.
func (p *place) writeRecord(at recordName, value []byte, expires time.Time, seen backends.Version) (backends.Record, error) {
	if p.maxEntry > 0 && int64(len(value)) > p.maxEntry || int64(len(value)) > p.max {
		return backends.Record{}, backends.ErrTooLarge
	}
	now := p.now()
	held := p.records[at]
	if held.expired(now) {
		held = record{}
	}
	if seen != backends.AnyVersion && seen != held.Version {
		return backends.Record{}, backends.ErrConflict
	}
	r := record{backends.Record{Value: append(make([]byte, 0, len(value)), value...), Version: version.New(expires), Written: now}, expires.Round(0)}
	p.records[at] = r
	return r.Record, nil
}

// pruneRecords drops those that have expired.
func (p *place) pruneRecords(now time.Time) {
	for at, r := range p.records {
		if r.expired(now) {
			delete(p.records, at)
		}
	}
}

// Functions lists the functions that have a record; see [backends.FunctionLister].
func (m *Manager) Functions(ctx context.Context, yield func(backends.FunctionInfo) bool) error {
	if err := m.check(ctx); err != nil {
		return err
	}
	for _, f := range m.place.described() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !yield(f) {
			return nil
		}
	}
	return nil
}

// described takes the lock.
func (p *place) described() (fs []backends.FunctionInfo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for at, r := range p.records {
		if name, ok := backends.FunctionOfRecord(at.name); ok && !r.expired(now) {
			fs = append(fs, backends.FunctionInfo{
				Namespace: at.namespace, Name: name, Written: r.Written,
				Record: append([]byte{}, r.Value...),
			})
		}
	}
	return fs
}
