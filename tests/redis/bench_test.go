package redis_test

import (
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// BenchmarkGet compares a hit, with the generation, with the client's plain GET of the same value.
func BenchmarkGet(b *testing.B) {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"1KB", 1 << 10}, {"100KB", 100 << 10}} {
		b.Run(size.name, func(b *testing.B) {
			r := servers.SharedRedis(b)
			value := strings.Repeat("v", size.bytes)
			at := prefix()
			b.Run("go-redis Get", func(b *testing.B) {
				c := goredis.NewClient(&goredis.Options{
					Addr: r.Addr, PoolSize: 1, DisableIdentity: true, ContextTimeoutEnabled: true,
					MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
				})
				defer c.Close()
				must(b, c.Set(b.Context(), at, value, time.Hour).Err())
				b.ReportAllocs()
				for b.Loop() {
					if got, err := c.Get(b.Context(), at).Bytes(); err != nil || len(got) != size.bytes {
						b.Fatal(len(got), err)
					}
				}
			})
			b.Run("Store.Get", func(b *testing.B) {
				s := store(b, open(b, r.URL("prefix="+at, "pool=1")))
				put(b, s, "some-key-of-64-hex-digits-0123456789abcdef0123456789abcdef012345", value)
				_, err := s.Generation(b.Context())
				must(b, err)
				b.ReportAllocs()
				for b.Loop() {
					got, err := s.Read(b.Context(), "some-key-of-64-hex-digits-0123456789abcdef0123456789abcdef012345", backends.ReadOptions{})
					if err != nil || len(got.Entry) != size.bytes {
						b.Fatal(len(got.Entry), err)
					}
				}
			})
		})
	}
}
