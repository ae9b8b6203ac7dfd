package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"time"

	rediscache "github.com/go-redis/cache/v9"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/viccon/sturdyc"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/tests/servers"
)

const sectionBatch = "4. Many keys at once"

// A batch asks for so many keys, of so many bytes each.
const (
	batchKeys  = 100
	batchBytes = 1 << 10
)

var errIncomplete = errors.New("the batch is not complete")

// batchQueries are the arguments of a batch, all different.
func batchQueries() []query {
	ins := make([]query, batchKeys)
	for i := range ins {
		ins[i] = aQuery
		ins[i].Offset = int64(i)
	}
	return ins
}

// batchIDs are the names of the same in caches whose keys are text.
func batchIDs() []string {
	ids := make([]string, batchKeys)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	return ids
}

// complete checks that an answer to the batch has all of it.
func complete(outs [][]byte, err error) error {
	if err != nil {
		return err
	}
	for _, out := range outs {
		if len(out) != batchBytes {
			return errIncomplete
		}
	}
	if len(outs) != batchKeys {
		return errIncomplete
	}
	return nil
}

// batchData is a cached batch function whose entries are there: in memory, or in the backend only.
func batchData(backend string, memory int64) (*adapter.Data[query, []byte], func(), error) {
	ctx := context.Background()
	rt, err := adapter.New(adapter.Config{Backend: backend, MemoryMax: memory, Mode: adapter.Deployed, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, err
	}
	value := newBytes(batchBytes)
	data, err := adapter.NewBatch(func(_ context.Context, ins []query) ([][]byte, error) {
		outs := make([][]byte, len(ins))
		for i := range outs {
			outs[i] = value
		}
		return outs, nil
	}, adapter.Name("batch"), adapter.TTL(peerTTL), adapter.Version("1"), adapter.WithRuntime(rt))
	if err != nil {
		return nil, nil, err
	}
	closeAll := func() { _ = rt.Close(ctx) }
	if err := warmBatch(ctx, data, memory > 1); err != nil {
		closeAll()
		return nil, nil, err
	}
	return data, closeAll, nil
}

// warmBatch computes the batch once, and makes sure that what is measured are hits where they should be.
func warmBatch(ctx context.Context, data *adapter.Data[query, []byte], inMemory bool) error {
	inside, inv := invocation.Begin(ctx, invocation.Options{RequestID: "warm", AfterResponse: true})
	_, err := data.GetAll(inside, batchQueries())
	inv.Finish(ctx) // the entries are written here
	if err != nil {
		return err
	}
	before := data.Stats()
	if err := complete(data.GetAll(ctx, batchQueries())); err != nil {
		return err
	}
	after := data.Stats()
	memoryHits := after.MemoryHits - before.MemoryHits
	if hits := after.Hits - before.Hits; hits != batchKeys || inMemory != (memoryHits == batchKeys) || !inMemory && memoryHits != 0 {
		return fmt.Errorf("%d hits, %d of them in memory, of %d: %+v", hits, memoryHits, batchKeys, after)
	}
	return nil
}

// memoryBatch is a batch that memory has all of.
func memoryBatch() ([]*contest, error) {
	ctx := context.Background()
	data, closeData, err := batchData("none", 64<<20)
	if err != nil {
		return nil, err
	}
	ins := batchQueries()
	local := rediscache.New(&rediscache.Options{LocalCache: rediscache.NewTinyLFU(10_000, peerTTL)})
	for i := range ins {
		if err := local.Set(&rediscache.Item{Ctx: ctx, Key: jsonKey(&ins[i]), Value: newBytes(batchBytes), TTL: peerTTL}); err != nil {
			return nil, err
		}
	}
	many, err := sturdycBatch(sturdyc.New[[]byte](10_000, 8, peerTTL, 10))
	if err != nil {
		return nil, err
	}
	return []*contest{{
		id: "batch-memory", title: "100 keys of 1 KB, all in memory", section: sectionBatch, close: closeData,
		goals: []goal{over(reference, "", "100 single hits", goalBatchMemory)},
		contenders: []contender{
			{name: "Stillwarm, GetAll", role: ours, loop: must(func() bool { return complete(data.GetAll(ctx, ins)) == nil })},
			{name: "Stillwarm, 100 times Get", role: reference, loop: must(func() bool {
				outs := make([][]byte, 0, len(ins))
				for i := range ins {
					out, err := data.Get(ctx, ins[i])
					if err != nil {
						return false
					}
					outs = append(outs, out)
				}
				return complete(outs, nil) == nil
			})},
			{name: "sturdyc, GetOrFetchBatch", role: peer, shared: true, loop: must(func() bool { return many() == nil })},
			{name: "go-redis/cache, local tier, 100 times Get", role: peer, loop: must(func() bool {
				return eachOf(len(ins), func(i int, out *[]byte) error { return local.Get(ctx, jsonKey(&ins[i]), out) }) == nil
			})},
		},
	}}, nil
}

// eachOf asks for the keys of a batch one after the other.
func eachOf(n int, get func(i int, out *[]byte) error) error {
	outs := make([][]byte, n)
	for i := range outs {
		if err := get(i, &outs[i]); err != nil {
			return err
		}
	}
	return complete(outs, nil)
}

// sturdycBatch is the batch in sturdyc's way. The first call computes it.
func sturdycBatch(c *sturdyc.Client[[]byte]) (func() error, error) {
	ctx, ids, value := context.Background(), batchIDs(), newBytes(batchBytes)
	fetched := false
	many := func() error {
		found, err := c.GetOrFetchBatch(ctx, ids, c.BatchKeyFn("quote"), func(_ context.Context, ids []string) (map[string][]byte, error) {
			if fetched {
				return nil, errIncomplete
			}
			m := make(map[string][]byte, len(ids))
			for _, id := range ids {
				m[id] = value
			}
			return m, nil
		})
		if err != nil {
			return err
		}
		outs := make([][]byte, 0, len(found))
		for v := range maps.Values(found) {
			outs = append(outs, v)
		}
		return complete(outs, nil)
	}
	err := many()
	fetched = true
	return many, err
}

// redisBatch is a batch that Redis has all of and memory nothing.
func redisBatch(h *host) ([]*contest, error) {
	ctx := context.Background()
	server := servers.Redis(h)
	data, closeData, err := batchData(server.URL("prefix=batch", "pool=1"), 1)
	if err != nil {
		return nil, err
	}
	h.Cleanup(closeData)
	client := goredis.NewClient(&goredis.Options{
		Addr: server.Addr, PoolSize: 1, DisableIdentity: true, ContextTimeoutEnabled: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	h.Cleanup(func() { client.Close() })
	same, err := client.Keys(ctx, "batch:e:*").Result()
	if err != nil {
		return nil, err
	}
	if len(same) != batchKeys {
		return nil, fmt.Errorf("%d entries in Redis: %w", len(same), errIncomplete)
	}
	ins, ids, value := batchQueries(), batchIDs(), newBytes(batchBytes)
	cached := rediscache.New(&rediscache.Options{Redis: client})
	for _, id := range ids {
		if err := client.Set(ctx, id, value, peerTTL).Err(); err != nil {
			return nil, err
		}
		if err := cached.Set(&rediscache.Item{Ctx: ctx, Key: "c" + id, Value: value, TTL: peerTTL}); err != nil {
			return nil, err
		}
	}
	hand, err := newBatchFloor(ctx, client, ins, value)
	if err != nil {
		return nil, err
	}
	// Its memory forgets at once, so that each call asks Redis.
	store := &sturdycRedis{client: client}
	many, err := sturdycBatch(sturdyc.New[[]byte](10_000, 8, time.Nanosecond, 10,
		sturdyc.WithDistributedStorage(store), sturdyc.WithEvictionInterval(time.Hour), sturdyc.WithNoContinuousEvictions()))
	if err != nil {
		return nil, err
	}
	if err := store.filled(ctx); err != nil {
		return nil, err
	}
	return []*contest{{
		id: "batch-redis", title: "100 keys of 1 KB, all in Redis", section: sectionBatch, each: 30, rounds: 60,
		goals: []goal{over(reference, "go-redis MGet, the same keys", "MGET", goalBatchRedis), ahead()},
		contenders: []contender{
			{name: "Stillwarm, GetAll", role: ours, once: timed(func() error { return complete(data.GetAll(ctx, ins)) })},
			{name: "go-redis MGet, the same keys", role: reference, lacks: "bytes as they are stored: no generation, no check of the content, no ttl of its own",
				once: timed(func() error { _, err := mget(ctx, client, same); return err })},
			{name: "go-redis MGet, keys of two letters", role: reference, lacks: "the same; names that nobody else has used",
				once: timed(func() error { return complete(mget(ctx, client, ids)) })},
			{name: "sturdyc, GetOrFetchBatch over MGET", role: peer, lacks: "JSON; no clearing", once: timed(many)},
			{name: "go-redis/cache, 100 times Get", role: peer, lacks: "100 round trips", once: timed(func() error {
				return eachOf(len(ids), func(i int, out *[]byte) error { return cached.Get(ctx, "c"+ids[i], out) })
			})},
			{name: "by hand: SHA-256 keys, MGET read raw, CRC-32C", role: floor, lacks: "no memory, no ttl, no generation, no leases, one type",
				once: timed(func() error { return complete(hand.getAll(ctx, ins)) })},
		},
	}}, nil
}

// mget reads all keys and hands out bytes, as whoever uses MGET for values has to.
func mget(ctx context.Context, client *goredis.Client, keys []string) ([][]byte, error) {
	vs, err := client.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, err
	}
	outs := make([][]byte, len(vs))
	for i, v := range vs {
		s, _ := v.(string)
		if len(s) < batchBytes {
			return nil, errIncomplete
		}
		outs[i] = []byte(s)
	}
	return outs, nil
}

// sturdycRedis is Redis as sturdyc's distributed storage.
type sturdycRedis struct{ client *goredis.Client }

func (s *sturdycRedis) Get(ctx context.Context, key string) ([]byte, bool) {
	b, err := s.client.Get(ctx, "s"+key).Bytes()
	return b, err == nil
}

func (s *sturdycRedis) Set(ctx context.Context, key string, value []byte) {
	_ = s.client.Set(ctx, "s"+key, value, peerTTL).Err() // the interface has no errors
}

func (s *sturdycRedis) GetBatch(ctx context.Context, keys []string) map[string][]byte {
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = "s" + key
	}
	vs, err := s.client.MGet(ctx, names...).Result()
	if err != nil {
		return nil
	}
	found := make(map[string][]byte, len(keys))
	for i, v := range vs {
		if text, ok := v.(string); ok {
			found[keys[i]] = []byte(text)
		}
	}
	return found
}

func (s *sturdycRedis) SetBatch(ctx context.Context, records map[string][]byte) {
	for key, value := range records {
		s.Set(ctx, key, value)
	}
}

// filled waits for what sturdyc writes in the background.
func (s *sturdycRedis) filled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		keys, err := s.client.Keys(ctx, "squote*").Result()
		if err != nil {
			return fmt.Errorf("filling sturdyc's storage: %w", err)
		}
		if len(keys) == batchKeys {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
}
