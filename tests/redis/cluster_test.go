package redis_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/tests/servers"
)

func TestClusterSpreadsEntriesAndKeepsALeaseWithItsEntry(t *testing.T) {
	c := servers.RedisCluster(t)
	s := store(t, open(t, c.URL("prefix=p")))
	for i := range 60 {
		key := fmt.Sprint("key-", i)
		put(t, s, key, "v")
		_, err := backendstest.Lease(t.Context(), s, key, time.Minute)
		must(t, err)
	}
	_, err := s.Generation(t.Context())
	must(t, err)
	for _, n := range c.Nodes {
		entries, leases := 0, 0
		for _, k := range n.Keys(t) {
			if rest, ok := strings.CutPrefix(k, "p:e:"); ok {
				entries++
				if n.Do(t, "exists", "p:l:"+rest).(int64) != 1 {
					t.Errorf("the lease of %s is on another node", k)
				}
			} else if strings.HasPrefix(k, "p:l:") {
				leases++
			}
		}
		if entries == 0 || entries != leases {
			t.Errorf("node %s has %d entries and %d leases", n.Addr, entries, leases)
		}
	}
}

func TestClusterHitAsksEachNodeOnce(t *testing.T) {
	c := servers.RedisCluster(t)
	s := store(t, open(t, c.URL()))
	put(t, s, "k", "v")
	want(t, s, "k", "v")
	want(t, s, "k", "v") // every connection that a hit needs is open now
	c.ResetCommands(t)
	want(t, s, "k", "v")
	if got := c.Commands(t); !maps.Equal(got, map[string]int{"get": 3}) {
		t.Errorf("a hit sent %v, want the epoch, the generation and the entry and nothing else", got)
	}
}

func TestClusterSlotsThatMoveAreFollowed(t *testing.T) {
	c := servers.RedisCluster(t)
	m := open(t, c.URL("prefix=p"))
	s := store(t, m)
	put(t, s, "k", "v")
	g := want(t, s, "k", "v")
	for _, key := range []string{entryKey(t, c, "p:e:"), "p:g:{p}"} {
		slot, from := c.Owner(t, key)
		to := c.Nodes[0]
		if from == to {
			to = c.Nodes[1]
		}
		c.MoveSlot(t, slot, from, to)
		if again := want(t, s, "k", "v"); again != g {
			t.Errorf("generation %d after slot %d moved, %d before", again, slot, g)
		}
		put(t, s, "k", "v")
	}
	must(t, backendstest.Clear(t.Context(), s))
	if again := want(t, s, "k", "v"); again == g {
		t.Error("Clear changed nothing")
	}
	l, err := backendstest.Lease(t.Context(), s, "k", time.Minute)
	must(t, err)
	must(t, l.Renew(t.Context(), time.Minute))
	must(t, l.Release(t.Context(), backends.Mark{}))
}

// entryKey returns the one key of the Cluster that begins with start.
func entryKey(t *testing.T, c *servers.RedisClusterServer, start string) string {
	t.Helper()
	for _, n := range c.Nodes {
		for _, k := range n.Keys(t) {
			if strings.HasPrefix(k, start) {
				return k
			}
		}
	}
	t.Fatalf("no key begins with %q", start)
	return ""
}

func TestClusterNodeThatDiesFailsItsSlotsOnlyAndComesBack(t *testing.T) {
	c := servers.RedisCluster(t, servers.WithArgs("--cluster-require-full-coverage", "no"))
	s := store(t, open(t, c.URL("prefix=p")))
	_, home := c.Owner(t, "p:g:{p}")
	lost, kept := map[string]bool{}, map[string]bool{}
	_, err := s.Generation(t.Context())
	must(t, err)
	var victim *servers.RedisServer
	for i := range 30 {
		key := fmt.Sprint("key-", i)
		put(t, s, key, "v")
		_, owner := c.Owner(t, key)
		switch {
		case owner == home:
			kept[key] = true
		case victim == nil || victim == owner:
			victim = owner
			lost[key] = true
		default:
			kept[key] = true
		}
	}
	victim.Kill()
	for key := range lost {
		_, _, err := backendstest.Get(t.Context(), s, key)
		failure(t, err)
	}
	for key := range kept {
		want(t, s, key, "v")
	}
	victim.Restart(t)
	for key := range lost {
		eventually(t, "the node serves again", func() bool {
			_, _, err := backendstest.Get(t.Context(), s, key)
			return errors.Is(err, backendstest.ErrNone)
		})
	}
}

func TestClusterUserNeedsNoMoreThanDocumented(t *testing.T) {
	c := servers.RedisCluster(t)
	for _, n := range c.Nodes {
		n.Do(t, append([]any{"acl", "setuser", "app", "on", ">word", "~p:*", "resetchannels"}, documented(t)...)...)
	}
	s := store(t, open(t, strings.Replace(c.URL("prefix=p"), "://", "://app:word@", 1)))
	put(t, s, "k", "v")
	want(t, s, "k", "v")
	must(t, backendstest.Clear(t.Context(), s))
	l, err := backendstest.Lease(t.Context(), s, "k", time.Minute)
	must(t, err)
	must(t, l.Renew(t.Context(), time.Minute))
	must(t, l.Release(t.Context(), backends.Mark{}))
	listed := 0
	must(t, s.List(t.Context(), func(backends.Info) bool { listed++; return true }))
	if listed != 1 {
		t.Errorf("listed %d entries, want 1", listed)
	}
	must(t, backendstest.Delete(t.Context(), s, "k"))
}
