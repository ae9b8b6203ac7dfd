package runtimeapitest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Patience is how long a test waits for something that must come before it gives up.
const Patience = 30 * time.Second

// Process is a function that runs behind a [Server], in a process of its own.
type Process struct {
	cmd    *exec.Cmd
	log    *os.File // a file, not a pipe: what the function has written is there at once
	exited chan struct{}
}

// Run starts this test binary once more, as a function behind the server, with the given environment ("NAME=value") and
// without the caller's STILLWARM_ and AWS_ variables. The binary's TestMain is to find out that it is meant. The process
// ends with the test.
func Run(tb testing.TB, s *Server, env ...string) *Process {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	log, err := os.Create(filepath.Join(tb.TempDir(), "function.log"))
	if err != nil {
		tb.Fatal(err)
	}
	p := &Process{cmd: exec.Command(self), log: log, exited: make(chan struct{})}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "STILLWARM_") {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	p.cmd.Env = append(p.cmd.Env, "AWS_LAMBDA_RUNTIME_API="+s.Addr(), "AWS_LAMBDA_FUNCTION_NAME=test")
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	tb.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if tb.Failed() {
			tb.Logf("the function's log:\n%s", p.Log())
		}
		_ = p.log.Close()
	})
	return p
}

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Signal sends a signal.
func (p *Process) Signal(sig os.Signal) error { return p.cmd.Process.Signal(sig) }

// Log returns what the process has written so far.
func (p *Process) Log() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Wait waits for the channel, and fails the test when nothing comes.
func Wait(tb testing.TB, what string, c <-chan struct{}) {
	tb.Helper()
	select {
	case <-c:
	case <-time.After(Patience):
		tb.Fatalf("waited in vain: %s", what)
	}
}

// Until waits until the condition holds, and fails the test when it never does.
func Until(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	deadline := time.Now().Add(Patience)
	for !holds() {
		if time.Now().After(deadline) {
			tb.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
