package inspect

import (
	"context"
	"errors"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
)

// Clear makes every entry of the function a miss. Running containers see it within the function's NearTTL.
func (i *Inspector) Clear(ctx context.Context, f Function) error {
	s, err := i.store(ctx, f)
	if err != nil {
		return err
	}
	_, err = s.Clear(ctx)
	return err
}

// ClearKey makes the entry under a key a miss. Containers that have it in memory serve it until its ttl is over, unless the function
// is Coherent: only Clear reaches those. Where the backend has no conditional writes the whole function is cleared;
// all says so.
func (i *Inspector) ClearKey(ctx context.Context, f Function, key string) (all bool, err error) {
	s, err := i.store(ctx, f)
	if err != nil {
		return false, err
	}
	if err = s.Invalidate(ctx, key); err != nil {
		return false, err
	}
	if u, ok := s.(backends.Unfenced); ok && u.Unfenced() {
		_, err = s.Clear(ctx)
		return true, err
	}
	return false, nil
}

// ClearAll makes every entry of every function in every namespace of the backend a miss.
func (i *Inspector) ClearAll(ctx context.Context) error { return i.manager.ClearAll(ctx) }

// InvalidateTags makes every entry of the namespace that has one of the tags a miss. Running containers see it within NearTTL.
func (i *Inspector) InvalidateTags(ctx context.Context, namespace string, tags ...string) error {
	s, err := i.store(ctx, Function{Namespace: namespace, Name: "tags"}) // records are shared by all functions of a namespace
	if err != nil {
		return err
	}
	records, ok := s.(backends.Records)
	if !ok {
		return errors.New("this backend has no tags")
	}
	names := make([]string, len(tags))
	for n, tag := range tags {
		names[n] = invalidation.TagRecord(tag)
	}
	return invalidation.Tell(ctx, records, names, i.clock())
}
