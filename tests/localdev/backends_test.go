package localdev

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/localdev/runner"
	"github.com/stillwarm/stillwarm/localdev/tools"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// demo is the demo's executable: every test and every restart runs this one file.
var demo string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "stillwarm-demo-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(folder)
		demo = filepath.Join(folder, "bootstrap")
		build := exec.Command("go", "build", "-o", demo, "./lambda/demo")
		build.Dir = filepath.Join("..", "..")
		if out, err := build.CombinedOutput(); err != nil {
			os.Stderr.Write(out)
			return 1
		}
		return servers.Main(m)
	}())
}

// start runs the demo on a backend until the test ends or the runner is closed.
func start(t *testing.T, backend, data string) *runner.Runner {
	t.Helper()
	var log bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, err := runner.Start(ctx, runner.Options{
		Binary: demo, Backend: backend, Data: data, Containers: 1, Log: &log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		if t.Failed() {
			t.Logf("the runner's log:\n%s", log.String())
		}
	})
	t.Logf("backend %s: %s", r.Backend(), strings.Join(r.Services(), "; "))
	return r
}

// ask asks the demo and returns what it says of the cache, when the work after the response is done.
func ask(t *testing.T, r *runner.Runner) (cacheStatus, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL()+"/summary?year=2014&month=7", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v: %s", res.Status, err, text)
	}
	if err := r.WaitIdle(ctx); err != nil {
		t.Fatal(err)
	}
	return res.Header.Get("Cache-Status"), string(text)
}

// answers asks twice: a miss, and a hit that equals it.
func answers(t *testing.T, r *runner.Runner) (body string) {
	t.Helper()
	status, first := ask(t, r)
	if !strings.Contains(status, "stillwarm; fwd=") {
		t.Errorf("the first answer says %q", status)
	}
	status, second := ask(t, r)
	if !strings.Contains(status, "stillwarm; hit") || second != first {
		t.Errorf("the second answer says %q: %s", status, second)
	}
	return first
}

// survives asks in a new container, which has nothing in its memory.
func survives(t *testing.T, r *runner.Runner, want string) {
	t.Helper()
	status, body := ask(t, r)
	if !strings.Contains(status, "; hit") || body != want {
		t.Errorf("after the restart the answer says %q: %s", status, body)
	}
}

// need skips the test where a server is missing, or fails it where servers are required.
func need(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := tools.Find(name); err != nil {
			if servers.Required() {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
}

func TestServicesOfTheRunner(t *testing.T) {
	for _, c := range []struct {
		backend, says string
		tools         []string
	}{
		{"redis", "Redis ", []string{"redis-server"}},
		{"minio", "MinIO (", []string{"minio"}},
		{"versitygw", "Versity Gateway (", []string{"versitygw"}},
		{"redis s3", "Redis ", []string{"redis-server", "minio"}},
	} {
		t.Run(c.backend+" answers, and with a data folder keeps entries over a restart", func(t *testing.T) {
			need(t, c.tools...)
			data := t.TempDir()
			r := start(t, c.backend, data)
			if says := strings.Join(r.Services(), " "); !strings.HasPrefix(says, c.says) || strings.Contains(says, "STAND-IN") {
				t.Fatalf("started %q", says)
			}
			body := answers(t, r)
			r.Close()
			survives(t, start(t, c.backend, data), body)
		})
	}
}

func TestStandInsOfTheRunner(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("STILLWARM_TOOLS", t.TempDir())
	for _, backend := range []string{"redis", "s3", "redis s3"} {
		t.Run(backend, func(t *testing.T) {
			r := start(t, backend, "")
			if got := strings.Count(strings.Join(r.Services(), " "), "STAND-IN"); got != len(strings.Fields(backend)) {
				t.Errorf("%d stand-ins: %q", got, r.Services())
			}
			body := answers(t, r)
			// Another container finds the entry in the stand-in.
			pid := r.Containers()[0].PID
			process, err := os.FindProcess(pid)
			if err != nil {
				t.Fatal(err)
			}
			if err := process.Kill(); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(time.Minute); len(r.Containers()) > 0; {
				if time.Now().After(deadline) {
					t.Fatal("the container that was killed is still there")
				}
				time.Sleep(2 * time.Millisecond)
			}
			survives(t, r, body)
		})
	}
}

// The servers run on while the runner is closed and started again: same executable, same code, another runner.
func TestServersElsewhereKeepEntriesOverARestartOfTheRunner(t *testing.T) {
	restart := func(t *testing.T, backend string) {
		t.Helper()
		r := start(t, backend, "")
		if r.Backend() != backend {
			t.Errorf("the function was given %q, want %q", r.Backend(), backend)
		}
		body := answers(t, r)
		r.Close()
		survives(t, start(t, backend, ""), body)
	}
	s3URL := func(t *testing.T, s *servers.S3) string {
		t.Helper()
		s.Setenv(t)
		return "s3://" + s.Bucket(t) + "/cache?endpoint=" + s.URL + "&path-style=true&region=" + s.Region
	}
	t.Run("Redis", func(t *testing.T) { restart(t, servers.Redis(t).URL()) })
	t.Run("Redis with TLS and a password", func(t *testing.T) {
		restart(t, servers.Redis(t, servers.WithTLS(), servers.WithPassword()).URL())
	})
	t.Run("MinIO", func(t *testing.T) { restart(t, s3URL(t, servers.MinIO(t))) })
	t.Run("Versity Gateway", func(t *testing.T) { restart(t, s3URL(t, servers.Versity(t))) })
	t.Run("Redis before MinIO", func(t *testing.T) {
		restart(t, servers.Redis(t).URL()+" "+s3URL(t, servers.MinIO(t)))
	})
}
