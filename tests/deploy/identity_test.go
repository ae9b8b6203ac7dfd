package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/localdev/runner"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// A deploy of the demo, as SAM builds it, leaves in the backend what it does not change.
func TestADeployKeepsWhatItDoesNotChange(t *testing.T) {
	needMake(t)
	arch := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	if arch == "" || runtime.GOOS != "linux" {
		t.Skip("the function runs on Linux only")
	}
	dir := scratch(t)
	first := samBuild(t, dir, arch)
	replaceIn(t, filepath.Join(dir, "lambda/demo/page.html"), "<body", "<body style=\"background: honeydew\"")
	replaceIn(t, filepath.Join(dir, "lambda/demo/routes.go"), "there is nothing at %s", "nothing is at %s")
	colour := samBuild(t, dir, arch)
	replaceIn(t, filepath.Join(dir, "lambda/demo/bootstrap.go"), "rand.NewPCG(", "rand.NewPCG(1+")
	bootstrap := samBuild(t, dir, arch)

	redis, minio := servers.Redis(t), servers.MinIO(t)
	minio.Setenv(t)
	for name, backend := range map[string]string{
		"Redis": redis.URL(),
		"MinIO": "s3://" + minio.Bucket(t) + "/cache?endpoint=" + minio.URL + "&path-style=true&region=" + minio.Region,
	} {
		t.Run(name, func(t *testing.T) {
			before := deploy(t, first, backend)
			t.Run("K2 a changed handler and colour leave every answer", func(t *testing.T) {
				after := deploy(t, colour, backend)
				for path, was := range before {
					if now := after[path]; !now.hit || now.computed != was.computed {
						t.Errorf("%s was computed again: %v, %v", path, was, now)
					}
				}
			})
			t.Run("K2 a changed bootstrap misses, the summaries hit", func(t *testing.T) {
				after := deploy(t, bootstrap, backend)
				for path, was := range before {
					now, odds := after[path], strings.HasPrefix(path, "/rain-odds")
					if now.hit == odds || odds && now.computed == was.computed {
						t.Errorf("%s: %v, %v", path, was, now)
					}
				}
			})
		})
	}
}

// answered is what one answer says of itself.
type answered struct {
	computed string // when, or what
	hit      bool   // of the cached function, not of the cache of responses in front of it
}

// deploy runs the executable on the backend as a container that is new, and asks it for a few answers.
func deploy(t *testing.T, binary, backend string) map[string]answered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, err := runner.Start(ctx, runner.Options{Binary: binary, Name: "demo", Containers: 1, Backend: backend, MemoryMB: 512})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	answers := map[string]answered{}
	for month := 1; month <= 3; month++ {
		for _, path := range []string{fmt.Sprintf("/rain-odds?month=%d&days=10", month), fmt.Sprintf("/summary?year=2014&month=%d", month)} {
			status, body := get(ctx, t, r.URL()+path)
			var one struct{ ComputedAt string }
			if err := json.Unmarshal(body, &one); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			answers[path] = answered{computed: one.ComputedAt, hit: strings.Contains(status, "stillwarm-data; hit")}
		}
	}
	if err := r.WaitIdle(ctx); err != nil { // what is written after the response is written
		t.Fatal(err)
	}
	return answers
}

func replaceIn(t *testing.T, name, old, now string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %q", name, old)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(text), old, now, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}
