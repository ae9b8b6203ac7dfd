package fleet_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/tests/fleet/internal/wire"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// entriesOf returns how many entries the large side of the comparison has: STILLWARM_CLEAR_ENTRIES sets it.
func entriesOf(t *testing.T, usual int) int {
	t.Helper()
	if text := os.Getenv("STILLWARM_CLEAR_ENTRIES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n <= 10 {
			t.Fatalf("STILLWARM_CLEAR_ENTRIES=%q; want a number above ten", text)
		}
		return n
	}
	if heavy() {
		return 100_000
	}
	return usual
}

// requests counts what a server is asked.
type requests struct {
	reset func()
	since func() map[string]int
}

// TestClear compares what Clear asks of the server with ten entries and with many: that is the same or it is not,
// whatever the machine is busy with.
func TestClear(t *testing.T) {
	t.Run("redis", func(t *testing.T) {
		s := servers.Redis(t)
		clearing(t, redisURL(s), entriesOf(t, 100_000), requests{
			reset: func() { s.ResetCommands(t) },
			since: func() map[string]int { return s.Commands(t) },
		})
	})
	t.Run("minio", func(t *testing.T) {
		s := servers.MinIO(t)
		c := &countingProxy{counts: map[string]int{}}
		clearing(t, s3URL(t, s, c.before(t, s)), entriesOf(t, 2_000), requests{reset: c.reset, since: c.since})
	})
}

func clearing(t *testing.T, backend string, many int, asked requests) {
	const near = time.Second
	s := wire.Setup{
		Backend: backend, Namespace: unique(), Runs: runsFile(t), NearTTL: near, MaxEntries: 10,
		BackendTimeout: 20 * time.Second,
	}
	clearer, other := start(t, s), start(t, s)
	const few = 10
	costs := make([]map[string]int, 2)
	for i, n := range []int{few, many} {
		filled := clearer.do(wire.Command{Do: wire.Fill, Key: "entry-", Count: n, Callers: 32}).Took
		before := one(t, other, "entry-0")
		asked.reset()
		took := clearer.do(wire.Command{Do: wire.Clear}).Took
		cleared := time.Now()
		costs[i] = asked.since()
		// The promise is about calls that begin when the bound is over. Nothing tells a container earlier.
		time.Sleep(time.Until(cleared.Add(near)))
		if after := one(t, other, "entry-0"); after == before {
			t.Errorf("with %d entries: another process returned what was cleared %v ago", n, time.Since(cleared))
		}
		t.Logf("%d entries, filled in %v: Clear took %v and asked %v; another process missed %v later", n,
			filled.Round(time.Millisecond), took.Round(10*time.Microsecond), costs[i], near)
	}
	if !maps.Equal(costs[0], costs[1]) {
		t.Errorf("Clear asked %v with %d entries and %v with %d", costs[0], few, costs[1], many)
	}
	total := 0
	for _, n := range costs[1] {
		total += n
	}
	if total == 0 || total > 4 { // in Redis: write the generation, the epoch where there is none, and read both, in one pipeline
		t.Errorf("Clear asked %v: one round trip is enough", costs[1])
	}
}

// one asks a worker for a key and returns the run that the answer is from.
func one(t *testing.T, p *process, key string) string {
	t.Helper()
	r := p.do(wire.Command{Do: wire.Get, Key: key})
	if c := r.Calls[0]; c.Err != "" || c.Bad {
		t.Fatalf("%+v", c)
	}
	return r.Calls[0].Run
}

// countingProxy counts requests by method on their way to an S3 server. It keeps the Host header, which is signed.
type countingProxy struct {
	mu     sync.Mutex
	counts map[string]int
}

// before starts the proxy and returns its endpoint.
func (c *countingProxy) before(t *testing.T, s *servers.S3) string {
	t.Helper()
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.counts[r.Method]++
		c.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func (c *countingProxy) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts = map[string]int{}
}

func (c *countingProxy) since() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}
