package redis_test

import (
	"sync"
	"testing"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// demoted is a store with several connections to a server that has become a replica, and gets nothing from its primary; new
// connections lead to that.
func demoted(t *testing.T, connections int) backends.Store {
	t.Helper()
	primary, replica := servers.RedisReplica(t)
	p := servers.NewProxy(t, primary.Addr)
	s := store(t, open(t, through(primary, p, "pool=4")))
	put(t, s, "k", "v")
	for p.Connections() < connections { // as many calls at once as there may be connections
		var all sync.WaitGroup
		for range connections {
			all.Go(func() {
				if _, err := s.Read(t.Context(), "k", backends.ReadOptions{}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	primary.Do(t, "wait", 1, 5000)
	servers.Promote(t, primary, replica)
	primary.Do(t, "replicaof", "127.0.0.1", 1)
	p.Retarget(replica.Addr)
	return s
}

func TestFailoverWithSeveralConnections(t *testing.T) {
	const connections = 4
	for name, tell := range map[string]func(s backends.Store) error{
		"Invalidate": func(s backends.Store) error { return s.Invalidate(t.Context(), "k") },
		"Clear": func(s backends.Store) error {
			_, err := s.Clear(t.Context())
			return err
		},
	} {
		t.Run("C2 C4 the new primary hears of "+name+", and nobody reads from the old one afterwards", func(t *testing.T) {
			s := demoted(t, connections)
			before, err := s.Read(t.Context(), "k", backends.ReadOptions{})
			must(t, err)
			if err := tell(s); err != nil {
				t.Fatalf("the new primary can be reached, and was not told: %v", err)
			}
			for range 2 * connections {
				r, err := s.Read(t.Context(), "k", backends.ReadOptions{})
				must(t, err)
				if r.Entry != nil && r.Generation == before.Generation {
					t.Fatal("what was cleared is read from the old primary")
				}
			}
		})
	}
}
