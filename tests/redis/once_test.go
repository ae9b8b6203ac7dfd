package redis_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// proxied is a Cluster that clients reach through proxies only: its nodes announce the proxies' ports.
type proxied struct {
	*servers.RedisClusterServer
	proxies []*servers.Proxy // in the order of the nodes
	url     string
}

// behindProxies starts a Cluster with a proxy before each node.
func behindProxies(t *testing.T, params ...string) *proxied {
	t.Helper()
	c := &proxied{RedisClusterServer: servers.RedisCluster(t)}
	c.url = c.URL(params...)
	for _, n := range c.Nodes {
		p := servers.NewProxy(t, n.Addr)
		c.proxies = append(c.proxies, p)
		c.url = strings.Replace(c.url, n.Addr, p.Addr, 1)
		n.Do(t, "config", "set", "cluster-announce-port", portOf(t, p.Addr))
	}
	for _, n := range c.Nodes {
		eventually(t, "the node "+n.Addr+" tells clients of the proxies", func() bool {
			known := map[int64]bool{}
			for _, slots := range n.Do(t, "cluster", "slots").([]any) {
				known[slots.([]any)[2].([]any)[1].(int64)] = true
			}
			for _, p := range c.proxies {
				if !known[int64(portOf(t, p.Addr))] {
					return false
				}
			}
			return true
		})
	}
	return c
}

func portOf(t *testing.T, addr string) int {
	t.Helper()
	_, text, _ := strings.Cut(addr, ":")
	port, err := strconv.Atoi(text)
	must(t, err)
	return port
}

// proxyOf returns the proxy before the node that has a key's slot.
func (c *proxied) proxyOf(t *testing.T, key string) *servers.Proxy {
	t.Helper()
	const slots = 16384
	slot := int(c.Nodes[0].Do(t, "cluster", "keyslot", key).(int64))
	for i := range c.proxies { // each has a third
		if slot < (i+1)*slots/len(c.proxies) {
			return c.proxies[i]
		}
	}
	t.Fatalf("nobody has %s", key)
	return nil
}

// TestWhatMayBeTriedOnlyOnceInACluster holds back the first try of a write whose bytes must not arrive twice: the client
// must not repeat it, and the backend's own second try has other bytes.
func TestWhatMayBeTriedOnlyOnceInACluster(t *testing.T) {
	c := behindProxies(t, "prefix=p")
	m := open(t, c.url)
	s := store(t, m)
	put(t, s, "k", "v")
	want(t, s, "k", "v")
	generations := c.proxyOf(t, "p:g:{p}")
	generation := func() uint64 {
		t.Helper()
		g, err := s.Generation(t.Context())
		must(t, err)
		return g
	}
	late := func(what string, do func() error) {
		t.Run("C1 a late first try of "+what+" brings nothing back", func(t *testing.T) {
			before := generation()
			generations.Set(t, servers.Plan{Fault: servers.Hold})
			must(t, do()) // its second try
			first := generation()
			_, err := s.Clear(t.Context()) // somebody else's
			must(t, err)
			second := generation()
			generations.Deliver(t)
			if third := generation(); first == before || second == first || third == first || third == before {
				t.Fatalf("generations %x, %x, %x, and %x when the late try had arrived", before, first, second, third)
			}
		})
	}
	late("Clear", func() error { _, err := s.Clear(t.Context()); return err })
	late("ClearAll", func() error { return m.ClearAll(t.Context()) })
	t.Run("C8 a late first try of a record does not pass for the one that followed", func(t *testing.T) {
		write := func() backends.Record {
			t.Helper()
			r, err := s.WriteRecord(t.Context(), "tag", []byte("x"), time.Time{}, backends.AnyVersion)
			must(t, err)
			return r
		}
		write()
		records := c.proxyOf(t, recordKey(t, c))
		records.Set(t, servers.Plan{Fault: servers.Hold})
		first := write()
		second := write()
		records.Deliver(t)
		rs, _, err := s.ReadRecords(t.Context(), []string{"tag"})
		must(t, err)
		if v := rs[0].Version; v == first.Version || v == backends.Absent || second.Version == first.Version {
			t.Fatalf("versions %q, %q, and %q when the late try had arrived", first.Version, second.Version, v)
		}
	})
}

// recordKey returns the only record's key.
func recordKey(t *testing.T, c *proxied) string {
	t.Helper()
	for _, n := range c.Nodes {
		for _, k := range n.Keys(t) {
			if strings.HasPrefix(k, "p:r:") {
				return k
			}
		}
	}
	t.Fatal("no record")
	return ""
}
