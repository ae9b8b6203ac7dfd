package redis

import (
	"context"
	"errors"
	"sync"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stillwarm/stillwarm/backends"
)

// scanPage is how many keys the server looks at in one step of an enumeration, so that others get their turn.
const scanPage = 500

// node runs f on one server, with what [Manager.do] adds.
type node func(ctx context.Context, f func(client) error) error

// scan calls visit for pages of keys that begin with start, which holds no character that a pattern gives a meaning.
// Keys may come twice. visit is never called by two goroutines at once.
func (m *Manager) scan(ctx context.Context, op, start string, visit func(on node, keys []string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l, err := m.get()
	if err != nil {
		return err
	}
	cluster, ok := l.client.(*goredis.ClusterClient)
	if !ok {
		return scanNode(ctx, func(ctx context.Context, f func(client) error) error {
			return m.do(ctx, op, f)
		}, start, visit)
	}
	var mu sync.Mutex
	var over error // what ended the enumeration on one node ends it on all
	return m.wrap(ctx, op, cluster.ForEachMaster(ctx, func(ctx context.Context, c *goredis.Client) error {
		on := func(_ context.Context, f func(client) error) error { return f(c) }
		return scanNode(ctx, on, start, func(on node, keys []string) error {
			mu.Lock()
			defer mu.Unlock()
			if over == nil {
				over = visit(on, keys)
			}
			return over
		})
	}))
}

// scanNode is scan for one server.
func scanNode(ctx context.Context, on node, start string, visit func(on node, keys []string) error) error {
	var cursor uint64
	for {
		var keys []string
		var next uint64
		err := on(ctx, func(c client) error {
			cmd := goredis.NewScanCmd(ctx, nil, "scan", cursor, "match", start+"*", "count", scanPage)
			if err := c.Process(ctx, cmd); err != nil {
				return err
			}
			keys, next = cmd.Val()
			return nil
		})
		if err == nil && len(keys) > 0 {
			err = visit(on, keys)
		}
		if err != nil || next == 0 {
			return err
		}
		cursor = next
	}
}

// errEnough ends an enumeration early.
var errEnough = errors.New("enough")

// List enumerates the function's entries, with those that Clear left behind.
func (s *Store) List(ctx context.Context, yield func(backends.Info) bool) error {
	seen := map[string]bool{}
	err := s.m.scan(ctx, "list", s.names.entries, func(on node, keys []string) error {
		infos, err := s.describe(ctx, on, keys)
		if err != nil {
			return err
		}
		for _, info := range infos {
			if seen[info.Key] {
				continue
			}
			seen[info.Key] = true
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
