package servers

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stillwarm/stillwarm/localdev/tools"
)

// need returns the path of an installed server, or skips the test; see the package comment for when it fails instead.
func need(t testing.TB, name string) string {
	t.Helper()
	path, err := tools.Find(name)
	if err != nil {
		missing(t, err)
	}
	return path
}

// missing skips the test, or fails it where servers are required.
func missing(t testing.TB, err error) {
	t.Helper()
	if Required() {
		t.Fatalf("servers are required here (CI=true or STILLWARM_REQUIRE_SERVERS=1): %v", err)
	}
	t.Skip(err)
}

// Required reports whether a missing server fails the test instead of skipping it.
func Required() bool {
	return os.Getenv("CI") == "true" || os.Getenv("STILLWARM_REQUIRE_SERVERS") == "1"
}

// freePorts returns ports of the loopback interface that nobody listens on. All are held until the last is found, so
// that they differ.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("free port: %w", err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// loopback returns the address of a port of the loopback interface.
func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// dataDir returns a folder for one server that goes away after the test. Sockets and files of other owners need short
// names and no questions asked, so it is not below t.TempDir, whose removal fails the test.
func dataDir(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "stillwarm-"+name+"-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// shared are the servers that live as long as the test process.
var shared struct {
	mu    sync.Mutex
	made  map[string]any
	scope *processScope
}

// Main runs the tests of a package and then ends the shared servers. Use it as:
//
//	func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }
func Main(m *testing.M) int {
	code := m.Run()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.scope != nil {
		shared.scope.end()
		shared.scope, shared.made = nil, nil
	}
	return code
}

// once returns the shared server of that name, made at first use. Its failure is the failure of every test that asks.
func once[S any](t testing.TB, name string, start func(t testing.TB) S) S {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if s, ok := shared.made[name]; ok {
		return s.(S)
	}
	if shared.scope == nil {
		shared.scope = &processScope{}
		shared.made = map[string]any{}
	}
	// start stops the calling test on failure, and registers its cleanups with the process.
	s := start(&sharedTB{TB: t, scope: shared.scope})
	shared.made[name] = s
	return s
}

// processScope collects what to do when the test process ends.
type processScope struct {
	mu       sync.Mutex
	cleanups []func()
}

func (s *processScope) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.cleanups) - 1; i >= 0; i-- {
		s.cleanups[i]()
	}
	s.cleanups = nil
}

// sharedTB is a test whose cleanups wait for the end of the process. A cleanup that asks whether the test failed is
// told no: by then there is no test to log to.
type sharedTB struct {
	testing.TB
	scope *processScope
}

// Cleanup registers f for the end of the process.
func (t *sharedTB) Cleanup(f func()) {
	t.scope.mu.Lock()
	defer t.scope.mu.Unlock()
	t.scope.cleanups = append(t.scope.cleanups, f)
}

// Failed reports false.
func (t *sharedTB) Failed() bool { return false }

// base returns the last element of a tool's folder, which carries its pinned version.
func base(path string) string { return filepath.Base(filepath.Dir(path)) }
