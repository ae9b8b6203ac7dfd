// Package demo_test runs the demo as it is deployed, in processes of its own behind the local runner, and holds the whole
// to what it promises: one run for the fleet, entries that outlive containers, nothing left running.
package demo_test

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/localdev/runner"
)

const odds = "/rain-odds?month=7&days=3"

// binary and eventBinary build a function once for all tests: the demo, and the handlers of every event type.
var (
	binary      = sync.OnceValues(func() (string, error) { return build("github.com/stillwarm/stillwarm/lambda/demo") })
	eventBinary = sync.OnceValues(func() (string, error) { return build("./eventfunction") })
	scratch     string // where they are
)

func build(pkg string) (string, error) {
	dir, err := os.MkdirTemp(scratch, "function-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "bootstrap")
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", bin, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &buildError{string(out)}
	}
	return bin, nil
}

type buildError struct{ out string }

func (e *buildError) Error() string { return e.out }

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "stillwarm-demo-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

func start(t *testing.T, o runner.Options) *runner.Runner {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	o.Binary, o.Addr = bin, cmp.Or(o.Addr, "127.0.0.1:0")
	r, err := runner.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// get returns the answer's Cache-Status and body.
func get(t *testing.T, r *runner.Runner, path string) (status, body string) {
	t.Helper()
	res, err := http.Get(strings.TrimSuffix(r.URL(), "/") + path) //nolint:noctx // bounded by the runner
	if err != nil {
		t.Error(err)
		return "", ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return res.Header.Get("Cache-Status"), string(b)
}

// hit reports whether the HTTP cache had the answer.
func hit(cacheStatus string) bool { return strings.Contains(cacheStatus, "stillwarm; hit; ttl=") }

func TestDemo(t *testing.T) {
	t.Run("the second call is a hit in memory with the same answer", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 1})
		status1, first := get(t, r, odds)
		status2, second := get(t, r, odds)
		if hit(status1) || !strings.HasPrefix(status1, "stillwarm-data; fwd=miss, ") || !hit(status2) {
			t.Fatal(status1, status2)
		}
		if first != second || !strings.Contains(first, `"probability"`) {
			t.Fatal(first, second)
		}
	})
	t.Run("40 callers of one cold key on 4 containers: the function runs once", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 4})
		var mu sync.Mutex
		runs := map[string]int{} // each says when it ran
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				status, body := get(t, r, odds)
				_, computed, ok := strings.Cut(body, `"computedAt":"`)
				if !ok {
					t.Error(status, body)
				}
				mu.Lock()
				defer mu.Unlock()
				runs[strings.SplitN(computed, `"`, 2)[0]]++
			})
		}
		wg.Wait()
		if n := len(r.Containers()); n > 4 {
			t.Errorf("%d containers", n)
		}
		if len(runs) != 1 {
			t.Fatalf("the answers are of %d runs, want 1: %v", len(runs), runs)
		}
	})
	t.Run("entries outlive the runner: the first call after a restart is a hit in the backend", func(t *testing.T) {
		backend := "disk://" + t.TempDir()
		r := start(t, runner.Options{Backend: backend})
		_, first := get(t, r, odds)
		if err := r.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.Close()
		// The host is part of the key.
		addr := strings.Trim(strings.TrimPrefix(r.URL(), "http://"), "/")
		status, second := get(t, start(t, runner.Options{Backend: backend, Addr: addr}), odds)
		if !hit(status) || first != second {
			t.Fatal(status, first, second)
		}
	})
	t.Run("a container that is killed takes nothing along", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 1, Backend: "disk://" + t.TempDir()})
		get(t, r, odds)
		if err := r.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, c := range r.Containers() {
			_ = syscall.Kill(c.PID, syscall.SIGKILL)
		}
		deadline := time.Now().Add(30 * time.Second)
		for {
			status, _ := get(t, r, odds)
			if hit(status) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal("never a hit:", status)
			}
		}
	})
	t.Run("a bad parameter is answered 400 with the parameter named", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 1})
		if _, body := get(t, r, "/rain-odds?month=13&days=3"); !strings.Contains(body, "month") {
			t.Fatal(body)
		}
	})
	t.Run("Ctrl-C leaves no process", func(t *testing.T) {
		bin, err := binary()
		if err != nil {
			t.Fatal(err)
		}
		runnerBin := filepath.Join(t.TempDir(), "localdev")
		if out, err := exec.Command("go", "build", "-o", runnerBin, "github.com/stillwarm/stillwarm/localdev").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, runnerBin, "--binary", bin, "--addr", "127.0.0.1:0")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		address := awaitAddress(t, out)
		res, err := http.Get(address) //nolint:noctx // bounded by the runner
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if n := processes(t, bin); n == 0 {
			t.Fatal("no container runs")
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		if n := processes(t, bin); n != 0 {
			t.Fatalf("%d containers are left", n)
		}
	})
}

// awaitAddress reads the runner's first lines until it says where it listens.
func awaitAddress(t *testing.T, out io.Reader) string {
	t.Helper()
	var seen strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := out.Read(buf)
		seen.Write(buf[:n])
		if _, rest, ok := strings.Cut(seen.String(), "http://"); ok && strings.Contains(rest, "\n") {
			return "http://" + strings.Fields(rest)[0]
		}
		if err != nil {
			t.Fatalf("the runner ended: %v\n%s", err, seen.String())
		}
	}
}

// processes counts the processes that run the binary.
func processes(t *testing.T, bin string) int {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil || len(links) == 0 {
		t.Skip("needs /proc")
	}
	n := 0
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == bin {
			n++
		}
	}
	return n
}
