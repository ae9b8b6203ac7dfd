// Package proctest helps tests that run real processes: it builds the probe function, holds it at gates, and tells
// whether a process is gone. Only tests import it.
package proctest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// HangGuard bounds every wait of a test: what takes longer hangs.
const HangGuard = 60 * time.Second

// Context returns a context that ends with the test, or when it hangs.
func Context(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), HangGuard)
	t.Cleanup(cancel)
	return ctx
}

// Build builds a main package of this module, "testdata/probe" or ".", into folder and returns the executable.
func Build(pkg, folder string) (string, error) {
	_, file, _, _ := runtime.Caller(0)
	out := filepath.Join(folder, "built-"+filepath.Base(filepath.Join("localdev", pkg)))
	cmd := exec.Command("go", "build", "-o", out, ".")
	cmd.Dir = filepath.Join(filepath.Dir(file), "..", "..", pkg)
	if b, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, b)
	}
	return out, nil
}

// Alive reports whether a process runs. A zombie, which is only waited for, does not.
func Alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		if runtime.GOOS == "linux" {
			return false
		}
		out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
		return err == nil && len(bytes.TrimSpace(out)) > 0 && bytes.TrimSpace(out)[0] != 'Z'
	}
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	return len(rest) > 0 && rest[0] != 'Z'
}

// WaitGone fails the test if a process does not end.
func WaitGone(t testing.TB, pid int) {
	t.Helper()
	Eventually(t, fmt.Sprintf("process %d to end", pid), func() bool { return !Alive(pid) })
}

// Eventually polls until the condition holds, and fails the test if it never does.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx := Context(t)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Gate is a place at which a function waits until the test lets it pass.
type Gate struct {
	Addr    string
	arrived chan net.Conn
}

// NewGate opens a gate for the length of the test.
func NewGate(t testing.TB) *Gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &Gate{Addr: listener.Addr().String(), arrived: make(chan net.Conn, 1000)}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				close(g.arrived)
				return
			}
			g.arrived <- conn
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		for conn := range g.arrived {
			_ = conn.Close()
		}
	})
	return g
}

// Arrive waits until a function is at the gate, and returns what lets it pass.
func (g *Gate) Arrive(t testing.TB) (pass func()) {
	t.Helper()
	select {
	case conn := <-g.arrived:
		return func() { _ = conn.Close() }
	case <-Context(t).Done():
		t.Fatal("no function came to the gate")
		return nil
	}
}

// Waiting returns how many functions are at the gate and not let through by Arrive.
func (g *Gate) Waiting() int { return len(g.arrived) }
