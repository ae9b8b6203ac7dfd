package inspect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
	_ "github.com/stillwarm/stillwarm/backends/all"
	"github.com/stillwarm/stillwarm/serialize"
	"github.com/stillwarm/stillwarm/tests/servers"
)

const sealKeys = "k1:MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3BxcnN0dXY="

// many is how many entries the backends hold.
const many = 10_000

var command string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "stillwarm-inspect-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		command = filepath.Join(dir, "stillwarm")
		build := exec.Command("go", "build", "-o", command, "../../cmd/stillwarm")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
			return 1
		}
		return servers.Main(m)
	}())
}

// run runs the command and returns what it says, and its exit status.
func run(t *testing.T, env []string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command, args...)
	cmd.Env = append(append(os.Environ(), "STILLWARM_SEAL_KEYS=", "STILLWARM_BACKEND="), env...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), said.String(), cmd.ProcessState.ExitCode()
}

// ok is run for a command that must succeed.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	out, said, status := run(t, nil, args...)
	if status != 0 {
		t.Fatalf("stillwarm %s: status %d: %s%s", strings.Join(args, " "), status, out, said)
	}
	return out
}

// failing is run for one that must fail, with a message of one line that has the parts.
func failing(t *testing.T, env []string, args []string, parts ...string) {
	t.Helper()
	out, said, status := run(t, env, args...)
	if status == 0 {
		t.Fatalf("stillwarm %s succeeded: %s", strings.Join(args, " "), out)
	}
	for _, part := range parts {
		if !strings.Contains(said, part) {
			t.Errorf("stillwarm %s says %q, without %q", strings.Join(args, " "), said, part)
		}
	}
}

type price struct {
	Item  string
	Cents int
}

// program is a running container with a cached function.
type program struct {
	prices *adapter.Data[int, price]
	clock  atomic.Int64
	runs   atomic.Int64
	rt     *adapter.Runtime
}

func start(t *testing.T, url, keys string) *program {
	t.Helper()
	p := &program{}
	p.clock.Store(time.Now().UnixNano())
	var err error
	p.rt, err = adapter.New(adapter.Config{
		Backend: url, Namespace: "shop", SealKeys: keys, Clock: func() time.Time { return time.Unix(0, p.clock.Load()) },
		BackendTimeout: 20 * time.Second, // the machine may be busy
	})
	if err != nil {
		t.Fatal(err)
	}
	p.prices = adapter.CacheData(func(_ context.Context, n int) (price, error) {
		p.runs.Add(1)
		return price{fmt.Sprint("item ", n), n}, nil
	}, adapter.Name("example.com/shop.prices"), adapter.TTL("24h"), adapter.WithRuntime(p.rt), adapter.Version("1"))
	t.Cleanup(func() { _ = p.rt.Close(context.Background()) })
	return p
}

func (p *program) get(t *testing.T, n int) {
	t.Helper()
	if _, err := p.prices.Get(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

// fill stores as many entries as are missing, each valid and sealed like the first, under keys of their own. It writes them
// directly: what they cost a function is not the question here.
func fill(t *testing.T, url, keys, first string) {
	t.Helper()
	m, err := backends.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.Store(t.Context(), backends.Function{Namespace: "shop", Name: "example.com/shop.prices"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Read(t.Context(), first, backends.ReadOptions{})
	if err != nil || r.Entry == nil {
		t.Fatalf("the first entry: %v", err)
	}
	sealer, err := serialize.NewSealer(serialize.Options{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	address := func(key string) string { return "shop\x00example.com/shop.prices\x00" + key }
	h, payload, err := sealer.Open(address(first), r.Entry)
	if err != nil {
		t.Fatal(err)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for n := next.Add(1); n < many && !t.Failed(); n = next.Add(1) {
				key := fmt.Sprintf("%064x", n)
				entry, err := sealer.Seal(nil, address(key), h, payload)
				if err == nil {
					_, err = s.Put(t.Context(), key, entry, h.Expires, backends.Absent)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

func TestTenThousandEntries(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) string{
		"disk":  func(t *testing.T) string { return "disk://" + t.TempDir() + "?max=1GiB" },
		"redis": func(t *testing.T) string { return servers.SharedRedis(t).URL() },
		"minio": func(t *testing.T) string {
			s := servers.SharedMinIO(t)
			s.Setenv(t)
			return "s3://" + s.Bucket(t) + "/cache?path-style=true&endpoint=" + s.URL
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := open(t)
			p := start(t, url, "")
			p.get(t, 7)
			x := settle(t, p, 7)
			fill(t, url, "", x.Key)
			inspectAll(t, url, x.Key)
			clearAll(t, url, p)
		})
	}
}

// settle waits until the entry of n is in the backend, and returns what Explain says of it in another container.
func settle(t *testing.T, p *program, n int) adapter.Explanation {
	t.Helper()
	for t.Context().Err() == nil {
		if p.prices.Stats().Stores > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond) // between two looks; nothing depends on it
	}
	x, err := p.prices.Explain(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func inspectAll(t *testing.T, url, key string) {
	t.Helper()
	if out := waitFor(t, "example.com/shop.prices", "functions", url); !strings.Contains(out, "shop") || !strings.Contains(out, "data") {
		t.Errorf("functions: %s", out)
	}
	if n := strings.Count(ok(t, "entries", url, "-f", "shop.prices", "--json", "--quick", "--limit", "0"), "\n"); n != many {
		t.Errorf("%d entries listed, want %d", n, many)
	}
	out, said, _ := run(t, nil, "entries", url, "-f", "prices", "--limit", "3", "--values")
	if strings.Count(out, "\n") != 4 || !strings.Contains(out, `{"Item":"item 7","Cents":7}`) || !strings.Contains(said, "There are more") {
		t.Errorf("entries: %s%s", out, said)
	}
	var stats struct{ Entries int }
	if err := json.Unmarshal([]byte(ok(t, "stats", url, "--json")), &stats); err != nil || stats.Entries != many {
		t.Errorf("stats: %+v, %v", stats, err)
	}
	if out := ok(t, "explain", key[:12], url); !strings.Contains(out, `"Item": "item 7"`) || !strings.Contains(out, "fresh: ") {
		t.Errorf("explain: %s", out)
	}
	failing(t, nil, []string{"explain", "0000", url}, "several keys")
	failing(t, nil, []string{"explain", strings.Repeat("f", 64), url}, "no entry with the key")
	failing(t, nil, []string{"entries", url, "--limit", "-1"}, "--limit")
}

// waitFor repeats a command until its output has a text: a function's record is written after its first run.
func waitFor(t *testing.T, text string, args ...string) string {
	t.Helper()
	for {
		out := ok(t, args...)
		if strings.Contains(out, text) || t.Context().Err() != nil {
			return out
		}
	}
}

// clearAll clears in ways that get larger, and looks whether a running container sees it within its NearTTL.
func clearAll(t *testing.T, url string, p *program) {
	t.Helper()
	ran := func() int64 { return p.runs.Load() }
	p.get(t, 7)
	before := ran()
	failing(t, nil, []string{"clear", url, "-f", "shop.prices"}, "--yes")
	failing(t, nil, []string{"clear", url, "--yes"}, "clear what?")
	p.get(t, 7)
	if ran() != before {
		t.Error("a clear that was refused has cleared")
	}
	_, said, status := run(t, nil, "clear", url, "--key", fmt.Sprintf("%064x", 5), "-f", "shop.prices", "--yes")
	if status != 0 || !strings.Contains(said, "in memory") {
		t.Errorf("clear a key: %d, %s", status, said)
	}
	failing(t, nil, []string{"explain", fmt.Sprintf("%064x", 5), url}, "no entry with the key")
	ok(t, "clear", url, "-f", "shop.prices", "--yes")
	p.clock.Add(int64(5 * time.Second)) // NearTTL
	p.get(t, 7)
	if ran() != before+1 {
		t.Errorf("%d runs after the clear, want 1", ran()-before)
	}
	out := ok(t, "entries", url, "-f", "shop.prices", "--limit", "50", "--json")
	if n := strings.Count(out, `"state":"cleared"`); n < 49 {
		t.Errorf("%d of 50 entries are cleared", n)
	}
	if out, said, status := run(t, nil, "prune", url); status == 0 && !strings.Contains(out, "removed ") {
		t.Errorf("prune: %s%s", out, said)
	}
	ok(t, "clear", url, "--all", "--yes")
	p.clock.Add(int64(5 * time.Second))
	p.get(t, 7)
	if ran() != before+2 {
		t.Errorf("%d runs after the second clear, want 2", ran()-before)
	}
}
