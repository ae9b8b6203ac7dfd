package backends

import (
	"context"
	"slices"
)

// ReadAll reads the slots of all keys: by the store's own [BatchReader], or one after the other where it has none.
func ReadAll(ctx context.Context, s Store, keys []string, o ReadOptions) ([]Reading, []error, error) {
	if b, ok := s.(BatchReader); ok {
		return b.ReadAll(ctx, keys, o)
	}
	o.IfChanged = Absent
	rs := make([]Reading, len(keys))
	var errs []error
	for i, key := range keys {
		r, err := s.Read(ctx, key, o)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if err != nil {
			if errs == nil {
				errs = make([]error, len(keys))
			}
			errs[i] = err
			continue
		}
		rs[i] = r
	}
	return rs, errs, nil
}

// LeaseAll takes the leases of all keys: by the store's own [BatchLeaser], or one after the other where it has none.
func LeaseAll(ctx context.Context, l Leaser, keys []string, rs []LeaseRequest, o ReadOptions) ([]LeaseResult, error) {
	if b, ok := l.(BatchLeaser); ok {
		return b.LeaseAll(ctx, keys, rs, o)
	}
	out := make([]LeaseResult, len(keys))
	for i, key := range keys {
		out[i].Lease, out[i].Reading, out[i].Err = l.Lease(ctx, key, rs[i], o)
	}
	return out, nil
}

// CloneRecords returns a deep copy, for a reading that must not share its records with another.
func CloneRecords(rs []Record) []Record {
	own := slices.Clone(rs)
	for i := range own {
		own[i].Value = slices.Clone(own[i].Value)
	}
	return own
}
