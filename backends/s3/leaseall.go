package s3

import (
	"context"
	"errors"

	"github.com/stillwarm/stillwarm/backends"
)

// LeaseAll implements [backends.BatchLeaser]: leases are taken side by side, as many at once as the options allow, and
// what all readings have in common is read once.
func (s *store) LeaseAll(ctx context.Context, keys []string, rs []backends.LeaseRequest, o backends.ReadOptions) ([]backends.LeaseResult, error) {
	if len(keys) != len(rs) {
		return nil, errors.New("s3: lease all: keys and requests differ in number")
	}
	for _, r := range rs {
		if err := r.Check(); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := withDeadline(ctx, o.Deadline)
	defer cancel()
	each := o
	each.Records, each.Fresh, each.IfChanged = nil, false, backends.Absent
	out := make([]backends.LeaseResult, len(keys))
	common, err := s.beside(ctx, o, func() {
		_ = parallel(context.WithoutCancel(ctx), len(keys), s.m.concurrency(), func(_ context.Context, i int) error {
			out[i].Lease, out[i].Reading, out[i].Err = s.lease(ctx, keys[i], "", rs[i], each)
			return nil
		})
	})
	for i := range out {
		switch {
		case out[i].Lease == nil:
		case err != nil: // the lease was taken all the same
			out[i].Err = s.m.wrap(ctx, "read", err)
		case out[i].Err == nil:
			clock := out[i].Reading.Clock
			out[i].Reading = merge(out[i].Reading, common)
			out[i].Reading.Records, out[i].Reading.Clock = backends.CloneRecords(common.Records), clock
		}
	}
	return out, nil
}
