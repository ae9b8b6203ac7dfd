package redis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/tests/servers"
)

func TestFailoverBehindOneNameFailsNoCall(t *testing.T) {
	primary, replica := servers.RedisReplica(t)
	p := servers.NewProxy(t, primary.Addr)
	s := store(t, open(t, through(primary, p)))
	put(t, s, "k", "v")
	g := want(t, s, "k", "v")
	primary.Do(t, "wait", 1, 5000)

	servers.Promote(t, primary, replica)
	p.Retarget(replica.Addr) // the name resolves to the new primary; the connection to the old one is still open
	put(t, s, "k", "w")
	if again := want(t, s, "k", "w"); again != g {
		t.Errorf("generation %d after the failover, %d before", again, g)
	}
	must(t, backendstest.Clear(t.Context(), s))
	if again := want(t, s, "k", "w"); again == g {
		t.Error("Clear did not reach the new primary")
	}
}

func TestAReplicaSaysThatItIsOne(t *testing.T) {
	_, replica := servers.RedisReplica(t)
	s := store(t, open(t, replica.URL()))
	e := failure(t, backendstest.Put(t.Context(), s, "k", []byte("v"), time.Time{}))
	if !strings.Contains(e.Hint, "primary endpoint") {
		t.Errorf("error %+v, want one that names the primary endpoint", e)
	}
}

func TestSentinelFailover(t *testing.T) {
	c := servers.RedisSentinel(t)
	s := store(t, open(t, c.Sentinel.URL("sentinel="+c.Name, "read-timeout=5s")))
	put(t, s, "k", "v")
	g := want(t, s, "k", "v")
	c.Primary.Do(t, "wait", 1, 5000)

	c.Primary.Kill()
	failure(t, backendstest.Put(t.Context(), s, "k", []byte("lost"), time.Time{}))
	c.AwaitFailover(t)
	if again := want(t, s, "k", "v"); again != g {
		t.Errorf("generation %d after the failover, %d before", again, g)
	}
	put(t, s, "k", "w")
	want(t, s, "k", "w")
}

func TestSentinelThatDoesNotKnowTheName(t *testing.T) {
	c := servers.RedisSentinel(t)
	s := store(t, open(t, c.Sentinel.URL("sentinel=other")))
	_, _, err := backendstest.Get(t.Context(), s, "k")
	if e := failure(t, err); !strings.Contains(e.Error(), `"other"`) {
		t.Errorf("error %v does not name what was asked for", e)
	}
}

func TestOneOfTheSentinelsIsEnough(t *testing.T) {
	c := servers.RedisSentinel(t)
	at := strings.Replace(c.Sentinel.URL("sentinel="+c.Name), c.Sentinel.Addr, "127.0.0.1:1,"+c.Sentinel.Addr, 1)
	s := store(t, open(t, at))
	put(t, s, "k", "v")
	want(t, s, "k", "v")
}
