//go:build !race

// The race detector allocates on its own account, so these tests run without it.

package bench

import (
	"context"
	"fmt"
	"testing"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/stillwarm/stillwarm/tests/servers"
)

// A hit in Redis may allocate four times more than go-redis does for a Get of the same bytes.
func TestAllocHitInRedis(t *testing.T) {
	server := servers.SharedRedis(t)
	ctx := context.Background()
	for _, size := range []int{1 << 10, 100 << 10} {
		value := newBytes(size)
		get, done, err := remoteData(server.URL("prefix=alloc", "pool=1", "read-timeout=5s"), fmt.Sprint("alloc-", size), value)
		if err != nil {
			t.Fatal(err)
		}
		client := goredis.NewClient(&goredis.Options{
			Addr: server.Addr, PoolSize: 1, DisableIdentity: true, ContextTimeoutEnabled: true,
			MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		})
		if err := client.Set(ctx, "alloc", value, peerTTL).Err(); err != nil {
			t.Fatal(err)
		}
		once := func(f func() error) func() {
			return func() {
				if err := f(); err != nil {
					t.Fatal(err)
				}
			}
		}
		ours := testing.AllocsPerRun(100, once(get))
		theirs := testing.AllocsPerRun(100, once(func() error { return client.Get(ctx, "alloc").Err() }))
		if ours > theirs+goalRedisAllocs {
			t.Errorf("%d bytes: %v allocations, go-redis %v", size, ours, theirs)
		}
		done()
		client.Close()
	}
}
