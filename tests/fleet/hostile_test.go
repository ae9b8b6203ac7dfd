package fleet_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"reflect"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/tests/servers"
)

const (
	hostileEntries = 10_000
	hostileKeys    = 125
	// allowed is how much a call that meets a hostile entry may allocate on average, everything included: requests, the
	// entry, its result, the test's own bookkeeping. A claim of 500 MB that is believed once breaks it.
	allowed = 1 << 20
)

// record is a result with everything that a decoder can be led astray by.
type record struct {
	Key     string
	World   int64
	Body    string
	Numbers []int64
	Tags    map[string]string
	Next    *record
}

// world is the truth that results are about. It changes when everything is cleared.
type world struct{ now atomic.Int64 }

func (w *world) record(function, key string) record {
	n := w.now.Load()
	r := record{Key: function + key, World: n, Body: strings.Repeat(key+"-", 10+len(key)*int(n)), Tags: map[string]string{"key": key}}
	random := mathrand.New(mathrand.NewPCG(uint64(n), uint64(len(key)))) //nolint:gosec // the same for every process
	for range 64 {
		r.Numbers = append(r.Numbers, random.Int64())
	}
	r.Next = &record{Key: key}
	return r
}

func (r *record) equal(o *record) bool { return reflect.DeepEqual(r, o) }

// TestHostileEntries writes entries into the backend that the library did not write, and asks for their keys.
func TestHostileEntries(t *testing.T) {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	for _, sealed := range []string{"", "k1:" + base64.StdEncoding.EncodeToString(key)} {
		kind := "unsealed"
		if sealed != "" {
			kind = "sealed"
		}
		t.Run("redis "+kind, func(t *testing.T) {
			s := servers.Redis(t)
			h := &hostile{t: t, raw: newRawRedis(t, s), seal: sealed, backend: redisURL(s) + "&max-entry=1MiB"}
			h.run(cmp.Or(extra(), hostileEntries/2))
		})
		t.Run("versity "+kind, func(t *testing.T) {
			hostileS3(t, servers.SharedVersity(t), sealed, cmp.Or(extra(), hostileEntries/2))
		})
		t.Run("minio "+kind, func(t *testing.T) {
			hostileS3(t, servers.SharedMinIO(t), sealed, cmp.Or(extra(), hostileKeys))
		})
	}
}

// extra is how many entries the long variant writes for each server, sealed and unsealed; 0 in the usual one, where
// Redis and S3 get 10,000 each, one half of them sealed.
func extra() int {
	if heavy() {
		return hostileEntries
	}
	return 0
}

func hostileS3(t *testing.T, s *servers.S3, seal string, n int) {
	t.Helper()
	url := s3URL(t, s, "")
	bucket, _, _ := strings.Cut(strings.TrimPrefix(url, "s3://"), "/")
	h := &hostile{t: t, raw: newRawS3(s, bucket), seal: seal, backend: url + "&max-entry=1MiB", noLeases: !heavy()}
	h.run(n)
}

// hostile is one run against one backend.
type hostile struct {
	t        *testing.T
	raw      raw
	backend  string
	seal     string
	noLeases bool // a lease costs three requests more, and has no part in what is shown here

	world    world
	keys     []string
	victims  map[string]victim
	items    map[string]item
	tally    map[string]*[2]int // by mutation: refused, used
	greatest uint64             // allocated for one call, on average over a batch
}

// container is one process's cache: a Runtime with the two functions.
type container struct {
	rt          *adapter.Runtime
	data, other *adapter.Data[string, record]
	ran         sync.Map // keys for which data ran
}

func (h *hostile) container() *container {
	h.t.Helper()
	m, err := backends.Open(h.t.Context(), h.backend)
	if err != nil {
		h.t.Fatal(err)
	}
	if h.noLeases {
		m = withoutLeases{m}
	}
	c := &container{}
	c.rt, err = adapter.New(adapter.Config{
		Manager: m, SealKeys: h.seal, Logger: slog.New(slog.DiscardHandler), BackendTimeout: 20 * time.Second, LeaseTTL: time.Minute,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	c.data = adapter.CacheData(func(_ context.Context, key string) (record, error) {
		c.ran.Store(key, true)
		return h.world.record("", key), nil
	}, adapter.Name("record"), adapter.WithRuntime(c.rt), adapter.TTL("1h"))
	c.other = adapter.CacheData(func(_ context.Context, key string) (record, error) {
		return h.world.record("other", key), nil
	}, adapter.Name("other"), adapter.WithRuntime(c.rt), adapter.TTL("1h"))
	return c
}

// close ends a container, once all that it had to write is written.
func (c *container) close(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.rt.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func (h *hostile) run(n int) {
	h.t.Helper()
	h.prepare()
	h.tally = map[string]*[2]int{}
	for done := 0; done < n; done += len(h.keys) {
		h.batch(mathrand.New(mathrand.NewPCG(2026, uint64(done)))) //nolint:gosec // the same entries every time
	}
	h.report(n)
}

// prepare makes the real entries: from before a Clear, of another function, and those to mutate.
func (h *hostile) prepare() {
	h.t.Helper()
	for i := range hostileKeys {
		h.keys = append(h.keys, fmt.Sprint("key-", i, strings.Repeat("x", i%7)))
	}
	h.victims = map[string]victim{}
	old := h.fill(1)
	c := h.container()
	if err := c.data.Clear(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	c.close(h.t)
	h.items = h.fill(2)
	for i, key := range h.keys {
		next := h.keys[(i+1)%len(h.keys)]
		h.victims[key] = victim{
			entry: h.items[key].entry, other: h.items[next].entry, function: h.items["other "+key].entry, cleared: old[key].entry,
		}
	}
}

// fill lets a container compute every key in a world, and returns what it wrote, by argument.
func (h *hostile) fill(world int64) map[string]item {
	h.t.Helper()
	h.world.now.Store(world)
	c := h.container()
	written := map[string]string{} // argument by key in the backend
	var mu sync.Mutex
	inParallel(len(h.keys), func(i int) {
		for prefix, data := range map[string]*adapter.Data[string, record]{"": c.data, "other ": c.other} {
			_, err := data.Get(h.t.Context(), h.keys[i])
			x, why := data.Explain(h.t.Context(), h.keys[i])
			if err != nil || why != nil {
				h.t.Error(err, why)
			}
			mu.Lock()
			written[x.Key] = prefix + h.keys[i]
			mu.Unlock()
		}
	})
	c.close(h.t)
	items := map[string]item{}
	for at, it := range h.raw.load(h.t) {
		items[written[at]] = it
	}
	if len(items) != len(written) {
		h.t.Fatalf("%d entries in the backend, want %d", len(items), len(written))
	}
	return items
}

// batch writes a hostile entry for every key, then asks for all of them in a new container.
func (h *hostile) batch(r *mathrand.Rand) {
	h.t.Helper()
	chosen, writes := make([]mutation, len(h.keys)), make([]func() error, len(h.keys))
	for i, key := range h.keys {
		chosen[i] = mutations[r.IntN(len(mutations))]
		for chosen[i].sealedOnly && h.seal == "" {
			chosen[i] = mutations[r.IntN(len(mutations))]
		}
		v := h.victims[key]
		entry := chosen[i].make(r, victim{bytes.Clone(v.entry), bytes.Clone(v.other), bytes.Clone(v.function), bytes.Clone(v.cleared)})
		own := mathrand.New(mathrand.NewPCG(r.Uint64(), r.Uint64())) //nolint:gosec // the same entries every time
		writes[i] = func() error { return h.raw.put(h.t.Context(), h.items[key], entry, own) }
	}
	inParallel(len(writes), func(i int) {
		if err := writes[i](); err != nil {
			h.t.Errorf("writing %s: %v", chosen[i].name, err)
		}
	})
	c := h.container()
	before := allocated()
	h.ask(c, chosen)
	c.close(h.t)
	each := (allocated() - before) / uint64(len(h.keys))
	h.greatest = max(h.greatest, each)
	if each > allowed {
		h.t.Errorf("%d bytes were allocated for each call, at most %d are allowed", each, allowed)
	}
}

// ask calls for every key, a few at a time, and compares with the truth.
func (h *hostile) ask(c *container, chosen []mutation) {
	h.t.Helper()
	inParallel(len(h.keys), func(i int) {
		got, err := c.data.Get(h.t.Context(), h.keys[i])
		want := h.world.record("", h.keys[i])
		if err != nil || !got.equal(&want) {
			h.t.Errorf("%s, %s: %+v, %v; want %+v", h.keys[i], chosen[i].name, got, err, want)
		}
	})
	for i, key := range h.keys {
		h.count(chosen[i], key, c)
	}
}

// count notes whether the entry was refused, and that it had to be.
func (h *hostile) count(m mutation, key string, c *container) {
	t := h.tally[m.name]
	if t == nil {
		t = &[2]int{}
		h.tally[m.name] = t
	}
	if _, ran := c.ran.Load(key); ran {
		t[0]++
		return
	}
	t[1]++
	if !m.harmless || h.seal != "" {
		h.t.Errorf("%s: an entry with %q was used", key, m.name)
	}
}

func (h *hostile) report(n int) {
	h.t.Helper()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "entry\trefused\tused, with the right value")
	for _, m := range mutations {
		if t := h.tally[m.name]; t != nil {
			fmt.Fprintf(w, "%s\t%d\t%d\n", m.name, t[0], t[1])
		}
	}
	_ = w.Flush()
	h.t.Logf("%d hostile entries: no panic, no wrong value, at most %d KB allocated for each call\n%s", n, h.greatest>>10, b.String())
}

// inParallel calls f for 0 to n-1, a few at a time.
func inParallel(n int, f func(i int)) {
	next := atomic.Int64{}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}

// allocated returns how many bytes this process has allocated so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// withoutLeases hides the leases of a backend's stores.
type withoutLeases struct{ backends.PersistenceManager }

func (m withoutLeases) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	return struct{ backends.Store }{s}, nil
}
