// Package fleet_test runs whole fleets against real servers: many processes that share a backend, with processes and
// servers killed, hung and lied to. docs/reliability.md says which test shows which promise.
package fleet_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/stillwarm/stillwarm/backends/all" // every scheme
	"github.com/stillwarm/stillwarm/tests/servers"
)

func TestMain(m *testing.M) {
	code := servers.Main(m)
	if dir, err := buildWorker.dir, buildWorker.err; dir != "" && err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// heavy reports whether the long variants were asked for.
func heavy() bool { return os.Getenv("STILLWARM_HEAVY") == "1" }

// buildWorker is the worker program, built once and without the race detector: twenty of them share the machine.
var buildWorker struct {
	once sync.Once
	dir  string
	err  error
}

func workerProgram(t testing.TB) string {
	t.Helper()
	b := &buildWorker
	b.once.Do(func() {
		if b.dir, b.err = os.MkdirTemp("", "stillwarm-fleet-"); b.err != nil { //nolint:usetesting // for all tests of the package
			return
		}
		cmd := exec.Command("go", "build", "-o", filepath.Join(b.dir, "worker"), "./internal/worker")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.err = fmt.Errorf("building the worker: %w\n%s", err, out)
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return filepath.Join(b.dir, "worker")
}

// place is a backend that fleets share.
type place struct {
	name string
	// url starts the server where it does not run yet, says which one it is, and returns a place of the test's own.
	url func(t testing.TB) string
}

var places = []place{
	{"disk", func(t testing.TB) string {
		dir := t.TempDir()
		t.Logf("disk: the folder %s", dir)
		return "disk://" + dir
	}},
	{"redis", func(t testing.TB) string {
		s := servers.SharedRedis(t)
		t.Logf("Redis %s at %s", s.Version, s.Addr)
		return redisURL(s)
	}},
	{"minio", func(t testing.TB) string { return s3URL(t, servers.SharedMinIO(t), "") }},
	{"versity", func(t testing.TB) string { return s3URL(t, servers.SharedVersity(t), "") }},
}

// redisURL returns a place on the server. The server's answers are waited for longer than a function should wait:
// twenty processes that begin at once on two cores keep each other from reading them.
func redisURL(s *servers.RedisServer) string {
	return s.URL("read-timeout=10s", "dial-timeout=10s", "prefix="+unique())
}

// s3URL returns a bucket of its own, and lets this process and its workers in. A proxy may stand before the server.
func s3URL(t testing.TB, s *servers.S3, endpoint string) string {
	t.Helper()
	t.Logf("%s %s at %s", s.Product, s.Version, s.URL)
	s.Setenv(t)
	if endpoint == "" {
		endpoint = s.URL
	}
	return fmt.Sprintf("s3://%s/fleet?path-style=true&attempt-timeout=10s&endpoint=%s", s.Bucket(t), endpoint)
}

// eventually polls until done reports true.
func eventually(t testing.TB, within time.Duration, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, within)
		}
	}
}
