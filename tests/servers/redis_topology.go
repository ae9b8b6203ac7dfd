package servers

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// A RedisClusterServer is a running Redis Cluster.
type RedisClusterServer struct {
	// Nodes are its primaries; each has a third of the slots.
	Nodes []*RedisServer
}

// RedisCluster starts a Cluster of three primaries without replicas for the test, and waits until all of them serve.
func RedisCluster(t testing.TB, opts ...RedisOption) *RedisClusterServer {
	t.Helper()
	const size, slots = 3, 16384
	c := &RedisClusterServer{}
	opts = append(opts, func(s *redisSetup) { s.cluster = true })
	for i := range size {
		n := Redis(t, opts...)
		n.Do(t, "cluster", "addslotsrange", i*slots/size, (i+1)*slots/size-1)
		// Nodes with equal epochs settle by raising one of them, and an old claim to a slot that has moved meanwhile wins.
		n.Do(t, "cluster", "set-config-epoch", i+1)
		c.Nodes = append(c.Nodes, n)
	}
	for _, n := range c.Nodes[1:] {
		c.Nodes[0].Do(t, "cluster", "meet", "127.0.0.1", n.Port, n.BusPort)
	}
	for _, n := range c.Nodes {
		eventually(t, "cluster node "+n.Addr+" serves", func() bool {
			info := n.Do(t, "cluster", "info").(string)
			state, _ := infoField(info, "cluster_state")
			known, _ := infoField(info, "cluster_known_nodes")
			ok, _ := infoField(info, "cluster_slots_ok")
			return state == "ok" && known == strconv.Itoa(size) && ok == strconv.Itoa(slots)
		})
	}
	t.Logf("Redis Cluster of %d nodes", size)
	return c
}

// SharedRedisCluster returns the Cluster that the tests of this process share.
func SharedRedisCluster(t testing.TB) *RedisClusterServer {
	t.Helper()
	return once(t, "redis-cluster", func(t testing.TB) *RedisClusterServer { return RedisCluster(t) })
}

// URL returns the Cluster's URL for the Redis backend, with parameters given as "name=value".
func (c *RedisClusterServer) URL(params ...string) string {
	u := c.Nodes[0].URL(append(params, "cluster=true")...)
	others := c.Nodes[0].Addr
	for _, n := range c.Nodes[1:] {
		others += "," + n.Addr
	}
	return strings.Replace(u, c.Nodes[0].Addr, others, 1)
}

// Commands adds up [RedisServer.Commands] of all nodes.
func (c *RedisClusterServer) Commands(t testing.TB) map[string]int {
	t.Helper()
	sum := map[string]int{}
	for _, n := range c.Nodes {
		for name, calls := range n.Commands(t) {
			sum[name] += calls
		}
	}
	return sum
}

// ResetCommands sets the counts of Commands to zero.
func (c *RedisClusterServer) ResetCommands(t testing.TB) {
	t.Helper()
	for _, n := range c.Nodes {
		n.ResetCommands(t)
	}
}

// MoveSlot gives a slot with its keys to another node, as resharding does. The other nodes hear of it at once; clients
// do not.
func (c *RedisClusterServer) MoveSlot(t testing.TB, slot int, from, to *RedisServer) {
	t.Helper()
	id := func(n *RedisServer) string { return n.Do(t, "cluster", "myid").(string) }
	to.Do(t, "cluster", "setslot", slot, "importing", id(from))
	from.Do(t, "cluster", "setslot", slot, "migrating", id(to))
	for {
		keys := from.Do(t, "cluster", "getkeysinslot", slot, 100).([]any)
		if len(keys) == 0 {
			break
		}
		args := []any{"migrate", "127.0.0.1", to.Port, "", 0, 5000, "keys"}
		from.Do(t, append(args, keys...)...)
	}
	for _, n := range append([]*RedisServer{to, from}, c.Nodes...) {
		n.Do(t, "cluster", "setslot", slot, "node", id(to))
	}
}

// Owner returns the slot of a key, and the node that has it.
func (c *RedisClusterServer) Owner(t testing.TB, key string) (slot int, owner *RedisServer) {
	t.Helper()
	slot = int(c.Nodes[0].Do(t, "cluster", "keyslot", key).(int64))
	for _, r := range c.Nodes[0].Do(t, "cluster", "slots").([]any) {
		entry := r.([]any)
		if int64(slot) < entry[0].(int64) || int64(slot) > entry[1].(int64) {
			continue
		}
		port := entry[2].([]any)[1].(int64)
		for _, n := range c.Nodes {
			if int64(n.Port) == port {
				return slot, n
			}
		}
	}
	t.Fatalf("nobody has slot %d of key %q", slot, key)
	return 0, nil
}

// RedisReplica starts a primary and a replica that follows it, and waits until the replica is in step.
func RedisReplica(t testing.TB, opts ...RedisOption) (primary, replica *RedisServer) {
	t.Helper()
	primary = Redis(t, opts...)
	replica = Redis(t, append(opts, WithArgs("--replicaof", "127.0.0.1 "+strconv.Itoa(primary.Port)))...)
	eventually(t, "the replica follows", func() bool {
		return replica.Field(t, "replication", "master_link_status") == "up"
	})
	return primary, replica
}

// Promote makes the replica the primary and the primary its replica, as a managed failover does.
func Promote(t testing.TB, primary, replica *RedisServer) {
	t.Helper()
	replica.Do(t, "replicaof", "no", "one")
	primary.Do(t, "replicaof", "127.0.0.1", replica.Port)
	eventually(t, "the old primary is a replica", func() bool {
		return primary.Field(t, "replication", "role") == "slave"
	})
}

// A RedisSentinelServer is a Sentinel with the two servers that it watches.
type RedisSentinelServer struct {
	// Name is what the Sentinel calls the primary.
	Name string
	// Sentinel, Primary and Replica are the servers; the roles are those of the beginning.
	Sentinel, Primary, Replica *RedisServer
}

// RedisSentinel starts a primary, a replica and a Sentinel that fails over within a second or two.
func RedisSentinel(t testing.TB) *RedisSentinelServer {
	t.Helper()
	s := &RedisSentinelServer{Name: "main"}
	s.Primary, s.Replica = RedisReplica(t)
	s.Sentinel = Redis(t, func(setup *redisSetup) { setup.sentinel = true })
	s.Sentinel.Do(t, "sentinel", "monitor", s.Name, "127.0.0.1", s.Primary.Port, 1)
	for option, value := range map[string]int{"down-after-milliseconds": 500, "failover-timeout": 3000} {
		s.Sentinel.Do(t, "sentinel", "set", s.Name, option, value)
	}
	eventually(t, "the Sentinel knows the replica", func() bool {
		return strings.Contains(fmt.Sprint(s.Sentinel.Do(t, "sentinel", "replicas", s.Name)), strconv.Itoa(s.Replica.Port))
	})
	return s
}

// AwaitFailover waits until the Sentinel names the replica as the primary.
func (s *RedisSentinelServer) AwaitFailover(t testing.TB) {
	t.Helper()
	eventually(t, "the Sentinel fails over", func() bool {
		addr := s.Sentinel.Do(t, "sentinel", "get-master-addr-by-name", s.Name)
		return strings.Contains(fmt.Sprint(addr), strconv.Itoa(s.Replica.Port)) &&
			s.Replica.Field(t, "replication", "role") == "master"
	})
}
