package servers_test

import (
	"testing"

	"github.com/stillwarm/stillwarm/tests/servers"
)

func TestRedisCountsCommandsAndRestarts(t *testing.T) {
	r := servers.Redis(t, servers.WithPassword())
	r.ResetCommands(t)
	r.Do(t, "set", "a", "1")
	if got := r.Commands(t)["set"]; got != 1 {
		t.Errorf("counted %d SET, want 1: %v", got, r.Commands(t))
	}
	r.Restart(t)
	if keys := r.Keys(t); len(keys) != 0 {
		t.Errorf("keys after a restart: %v", keys)
	}
}

func TestRedisSpeaksTLS(t *testing.T) {
	r := servers.Redis(t, servers.WithTLS())
	r.Do(t, "set", "a", "1")
	if got := r.Do(t, "get", "a"); got != "1" {
		t.Errorf("got %v over TLS", got)
	}
}

func TestRedisClusterServesAllSlots(t *testing.T) {
	c := servers.RedisCluster(t)
	slot, owner := c.Owner(t, "some-key")
	other := c.Nodes[0]
	if owner == other {
		other = c.Nodes[1]
	}
	owner.Do(t, "set", "some-key", "1")
	c.MoveSlot(t, slot, owner, other)
	if got := other.Do(t, "get", "some-key"); got != "1" {
		t.Errorf("the key did not move with its slot: %v", got)
	}
}

func TestRedisSentinelFailsOver(t *testing.T) {
	s := servers.RedisSentinel(t)
	s.Primary.Kill()
	s.AwaitFailover(t)
}
