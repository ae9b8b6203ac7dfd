package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/eko/gocache/lib/v4/cache"
	"github.com/eko/gocache/lib/v4/store"
	rediscache "github.com/go-redis/cache/v9"
	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/huandu/go-clone"
	"github.com/jellydator/ttlcache/v3"
	"github.com/maypok86/otter/v2"
	"github.com/tiendc/go-deepcopy"
	"github.com/viccon/sturdyc"
)

// peerTTL is the ttl of everything that is cached here.
const peerTTL = time.Hour

// jsonKey is how a key is made from an argument where the library leaves that to its user.
func jsonKey(in *query) string {
	text, err := json.Marshal(in)
	if err != nil {
		panic(err) // a query is always encodable
	}
	return string(text)
}

// A plainPeer keeps values as they are given: it hands out shared memory.
type plainPeer[Out any] struct {
	name string
	get  func(key string) (Out, bool)
}

// plainPeers are in-memory caches with room for far more than what is asked of them.
func plainPeers[Out any](value Out) ([]plainPeer[Out], func(), error) {
	key := jsonKey(&aQuery)
	fast := otter.Must(&otter.Options[string, Out]{MaximumSize: 10_000, ExpiryCalculator: otter.ExpiryWriting[string, Out](peerTTL)})
	fast.Set(key, value)
	rist, err := ristretto.NewCache(&ristretto.Config[string, Out]{NumCounters: 100_000, MaxCost: 10_000, BufferItems: 64})
	if err != nil {
		return nil, nil, fmt.Errorf("ristretto: %w", err)
	}
	rist.SetWithTTL(key, value, 1, peerTTL)
	rist.Wait()
	lru := expirable.NewLRU[string, Out](10_000, nil, peerTTL)
	lru.Add(key, value)
	ttl := ttlcache.New(ttlcache.WithTTL[string, Out](peerTTL), ttlcache.WithDisableTouchOnHit[string, Out](), ttlcache.WithCapacity[string, Out](10_000))
	ttl.Set(key, value, ttlcache.DefaultTTL)
	peers := []plainPeer[Out]{
		{"otter", fast.GetIfPresent},
		{"ristretto", rist.Get},
		{"golang-lru expirable", lru.Get},
		{"ttlcache", func(key string) (Out, bool) {
			if i := ttl.Get(key); i != nil {
				return i.Value(), true
			}
			var zero Out
			return zero, false
		}},
	}
	return peers, rist.Close, nil
}

// mapStore is the least store that gocache can have: a map.
type mapStore struct{ m sync.Map }

func (s *mapStore) Get(_ context.Context, key any) (any, error) {
	if v, ok := s.m.Load(key); ok {
		return v, nil
	}
	return nil, store.NotFoundWithCause(fmt.Errorf("no %v", key))
}

func (s *mapStore) GetWithTTL(ctx context.Context, key any) (any, time.Duration, error) {
	v, err := s.Get(ctx, key)
	return v, peerTTL, err
}

func (s *mapStore) Set(_ context.Context, key, value any, _ ...store.Option) error {
	s.m.Store(key, value)
	return nil
}

func (s *mapStore) Delete(_ context.Context, key any) error {
	s.m.Delete(key)
	return nil
}

func (s *mapStore) Invalidate(context.Context, ...store.InvalidateOption) error { return nil }

func (s *mapStore) Clear(context.Context) error {
	s.m.Clear()
	return nil
}

func (s *mapStore) GetType() string { return "map" }

// hitPeers are the contenders of a hit in memory. deep says that the value has memory of its own, so that a peer has to
// copy it for its callers to be isolated.
func hitPeers[Out any](value Out, deep bool) ([]contender, func(), error) {
	plain, closeAll, err := plainPeers(value)
	if err != nil {
		return nil, nil, err
	}
	var all []contender
	for i, p := range plain {
		all = append(all, hitOf(p, i, deep))
	}
	ctx := context.Background()
	direct := sturdyc.New[Out](10_000, 8, peerTTL, 10)
	direct.Set(fmt.Sprintf("%+v", aQuery), value)
	all = append(all, contender{
		name: "sturdyc, Sprintf key", role: peer, shared: deep, lacks: "one key for different arguments (\"a b\",\"c\" and \"a\",\"b c\")",
		loop: must(func() bool { _, ok := direct.Get(fmt.Sprintf("%+v", aQuery)); return ok }),
	})
	composed := cache.New[Out](&mapStore{})
	if err := composed.Set(ctx, aQuery, value); err != nil {
		return nil, nil, fmt.Errorf("gocache: %w", err)
	}
	all = append(all, contender{
		name: "eko/gocache, its key, a map as store", role: peer, shared: deep, lacks: "no ttl in this store",
		loop: must(func() bool { _, err := composed.Get(ctx, aQuery); return err == nil }),
	})
	local := rediscache.New(&rediscache.Options{LocalCache: rediscache.NewTinyLFU(10_000, peerTTL)})
	if err := local.Set(&rediscache.Item{Ctx: ctx, Key: jsonKey(&aQuery), Value: value, TTL: peerTTL}); err != nil {
		return nil, nil, fmt.Errorf("go-redis/cache: %w", err)
	}
	all = append(all, contender{
		name: "go-redis/cache, local tier, JSON key", role: peer, lacks: "decodes msgpack at each hit",
		loop: must(func() bool { var out Out; return local.Get(ctx, jsonKey(&aQuery), &out) == nil }),
	})
	return all, closeAll, nil
}

// hitOf makes a plain cache a contender: with a JSON key, and with a deep copy by a library where that is needed.
func hitOf[Out any](p plainPeer[Out], i int, deep bool) contender {
	c := contender{name: p.name + ", JSON key", role: peer}
	switch {
	case !deep:
		c.loop = must(func() bool { _, ok := p.get(jsonKey(&aQuery)); return ok })
	case i%2 == 0:
		c.name += ", go-clone"
		c.loop = must(func() bool {
			v, ok := p.get(jsonKey(&aQuery))
			_ = clone.Clone(v).(Out)
			return ok
		})
	default:
		c.name += ", go-deepcopy"
		c.loop = must(func() bool {
			v, ok := p.get(jsonKey(&aQuery))
			var out Out
			return ok && deepcopy.Copy(&out, &v) == nil
		})
	}
	return c
}

// must makes a loop of a call that has to succeed every time: a contender that misses measures nothing.
func must(call func() bool) func(n int) {
	return func(n int) {
		for range n {
			if !call() {
				panic("bench: a contender missed")
			}
		}
	}
}
