package redis_test

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// maxEntry is what the suite fills: enough to take several reads, little enough to be quick under the race detector.
const maxEntry = 4 << 20

// conform runs the suite with a URL that is given the parameters of each place.
func conform(t *testing.T, name string, at func(params ...string) string, commands func() int64, change ...func(*backendstest.Harness)) {
	t.Helper()
	var place string
	openAt := func(t *testing.T) backends.PersistenceManager {
		// The race detector and a busy machine slow both sides down; the promise is about results, not speed.
		return open(t, at("prefix="+place, "max-entry=4MiB", "read-timeout=1m", "write-timeout=1m"))
	}
	h := backendstest.Harness{
		Name: name,
		Open: func(t *testing.T) backends.PersistenceManager {
			place = prefix()
			return openAt(t)
		},
		Reopen:   openAt,
		MaxEntry: maxEntry,
		Requests: commands,
	}
	for _, c := range change {
		c(&h)
	}
	backendstest.Run(t, h)
}

// faulty lets the suite lose answers and hold requests back at the proxy.
func faulty(p *servers.Proxy) func(*backendstest.Harness) {
	return func(h *backendstest.Harness) {
		h.LoseAnswer = func(t *testing.T) { p.Set(t, servers.Plan{Fault: servers.Truncate, Once: true}) }
		h.HoldBack = func(t *testing.T) func() {
			p.Set(t, servers.Plan{Fault: servers.Hold})
			return func() { p.Deliver(t) }
		}
	}
}

// total adds up counts.
func total(counts map[string]int) (n int64) {
	for _, c := range counts {
		n += int64(c)
	}
	return n
}

func TestConformance(t *testing.T) {
	t.Run("single node", func(t *testing.T) {
		r := servers.SharedRedis(t)
		p := servers.NewProxy(t, r.Addr)
		conform(t, "Redis "+r.Version+" at "+r.Addr, func(params ...string) string { return strings.Replace(r.URL(params...), r.Addr, p.Addr, 1) }, func() int64 {
			// Asking costs a HELLO that is not counted, so only what the backend sends shows.
			return total(r.Commands(t)) - int64(r.Commands(t)["hello"])
		}, faulty(p))
	})
	t.Run("Valkey", func(t *testing.T) {
		r := servers.Valkey(t)
		conform(t, "Valkey "+r.Version+" at "+r.Addr, r.URL, nil)
	})
	t.Run("cluster", func(t *testing.T) {
		c := servers.SharedRedisCluster(t)
		conform(t, "Redis Cluster "+c.Nodes[0].Version, c.URL, nil)
	})
	t.Run("TLS and an ACL user that may do no more than documented", func(t *testing.T) {
		r := servers.Redis(t, servers.WithTLS(), servers.WithPassword())
		user := aclUser(t, r)
		conform(t, "Redis "+r.Version+" with TLS and ACL at "+r.Addr, user, nil)
	})
	t.Run("Sentinel", func(t *testing.T) {
		s := servers.RedisSentinel(t)
		conform(t, "Redis "+s.Primary.Version+" behind a Sentinel", func(params ...string) string {
			return s.Sentinel.URL(append(params, "sentinel="+s.Name)...)
		}, nil)
	})
}

// aclUser makes a user with the permissions that docs/redis.md names, and returns how its URLs are made.
func aclUser(t *testing.T, r *servers.RedisServer) func(params ...string) string {
	t.Helper()
	password := rand.Text()
	r.Do(t, append([]any{"acl", "setuser", "cache", "on", ">" + password, "~t-*", "resetchannels"}, documented(t)...)...)
	return func(params ...string) string {
		return r.URLFor("cache", password, params...)
	}
}

// documented reads the permissions out of docs/redis.md, so that the page and what is needed stay the same.
func documented(t *testing.T) (rules []any) {
	t.Helper()
	page, err := os.ReadFile("../../docs/redis.md")
	must(t, err)
	_, line, _ := strings.Cut(string(page), "ACL SETUSER app ")
	line, _, _ = strings.Cut(line, "\n")
	for _, word := range strings.Fields(line) {
		if strings.Contains(word, "@all") || strings.HasPrefix(word, "+") {
			rules = append(rules, word)
		}
	}
	return rules
}
