package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	memtier "github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/panics"
)

// batchKeys are enough for a batch to be spread over cores.
const batchKeys = 60

func numbered() []string {
	keys := make([]string, batchKeys)
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	return keys
}

// ofKey is a function whose result tells its argument.
func ofKey(add int64) func(context.Context, string) (int64, error) {
	return func(_ context.Context, in string) (int64, error) {
		n, err := strconv.ParseInt(in, 10, 64)
		return n + add, err
	}
}

func noMemory(s *engine.Spec) { s.Owner = memtier.New(1, func(any) {}).Owner(nil, 0, 0) }

// filled is a container whose backend has what another one computed of the keys.
func filled(t *testing.T, keys []string, change ...func(*engine.Spec)) *box {
	m, now := backend(t), clockNow()
	first, b := newBox(t, m, now, change...), newBox(t, m, now, change...)
	first.run = ofKey(0)
	first.invoke(func(ctx context.Context) { first.getAll(ctx, keys...) })
	b.run = ofKey(1000)
	return b
}

func (b *box) wantAll(ctx context.Context, want func(i int) int64, keys ...string) {
	b.t.Helper()
	for i, a := range b.getAll(ctx, keys...) {
		if a.err != nil {
			b.t.Errorf("%s: %v", keys[i], a.err)
		} else if got := *a.reply.Value.(*int64); got != want(i) {
			b.t.Errorf("%s: %d, want %d", keys[i], got, want(i))
		}
	}
}

func TestBatchOfMemory(t *testing.T) {
	t.Run("S1 a batch computes nothing that the run before it has just left in memory", func(t *testing.T) {
		b := newBox(t, nil, clockNow(), func(s *engine.Spec) {
			s.Many = func(context.Context, []*engine.Lookup) []engine.Result {
				t.Error("computed what is there")
				return nil
			}
		})
		b.f.GetAll(t.Context(), engine.Batch{
			Elements: []engine.Element{{Key: "x", Enc: []byte("x")}},
			Lookup: func(int, *engine.Lookup) *engine.Lookup { // memory had nothing, and now another call runs
				b.get("x")
				return b.lookup("x")
			},
			Answer: func(_ int, r *engine.Reply, err error) {
				if err != nil || *r.Value.(*int64) != 1 {
					t.Error(r, err)
				}
			},
		})
	})
}

func TestBatchOfTheBackend(t *testing.T) {
	keys := numbered()
	for name, change := range map[string][]func(*engine.Spec){"with memory": nil, "without memory": {noMemory}} {
		t.Run("B1 every element gets its own value, hits among misses, "+name, func(t *testing.T) {
			var there []string
			for i := 0; i < len(keys); i += 3 {
				there = append(there, keys[i])
			}
			b := filled(t, there, change...)
			b.invoke(func(ctx context.Context) {
				b.wantAll(ctx, func(i int) int64 {
					if i%3 == 0 {
						return int64(i)
					}
					return int64(i) + 1000
				}, keys...)
			})
		})
		t.Run("T5 stale elements are refreshed each with its own argument, "+name, func(t *testing.T) {
			stale := func(s *engine.Spec) { s.Policy = freshness.Policy{TTL: time.Minute, Stale: time.Hour} }
			b := filled(t, keys, append(change, stale)...)
			b.now.Add(int64(2 * time.Minute))
			var mu sync.Mutex
			refreshed := map[string]int{}
			b.run = func(ctx context.Context, in string) (int64, error) {
				mu.Lock()
				refreshed[in]++
				mu.Unlock()
				return ofKey(1000)(ctx, in)
			}
			b.invoke(func(ctx context.Context) { b.wantAll(ctx, func(i int) int64 { return int64(i) }, keys...) })
			for _, key := range keys {
				if refreshed[key] != 1 {
					t.Errorf("%s was refreshed %d times", key, refreshed[key])
				}
			}
			b.invoke(func(ctx context.Context) { b.wantAll(ctx, func(i int) int64 { return int64(i) + 1000 }, keys...) })
		})
	}
	t.Run("B1 what takes long to decode is all decoded when the call returns", func(t *testing.T) {
		b := filled(t, keys)
		var decoded atomic.Int64
		b.decoding = func(string) {
			time.Sleep(100 * time.Microsecond) // so that it is worth another core
			decoded.Add(1)
		}
		b.invoke(func(ctx context.Context) { b.wantAll(ctx, func(i int) int64 { return int64(i) }, keys...) })
		if n := decoded.Load(); n != batchKeys {
			t.Errorf("%d of %d were decoded when the call returned", n, batchKeys)
		}
	})
	for _, key := range []string{"0", "20", "59"} {
		t.Run("F2 a panic of a decoder is the caller's, whichever core it was on: "+key, func(t *testing.T) {
			b := filled(t, keys)
			bad := errors.New("of the decoder")
			b.decoding = func(in string) {
				time.Sleep(100 * time.Microsecond)
				if in == key {
					panic(bad)
				}
			}
			defer func() {
				r := recover()
				if c, ok := r.(panics.Carrier); ok {
					r = c.PanicValue()
				}
				if r != any(bad) {
					t.Error("the caller got", fmt.Sprint(r))
				}
			}()
			b.getAll(t.Context(), keys...)
		})
	}
}
