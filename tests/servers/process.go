package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// readyWithin bounds how long a server may take until it answers. It is generous: machines that run tests are busy.
const readyWithin = 60 * time.Second

// A Process is a server that was started for tests. Its methods may be called from any goroutine of the test.
type Process struct {
	title string
	path  string
	args  []string
	env   []string
	dir   string
	ready func(ctx context.Context) error

	log tailLog

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when the running process has ended
}

// start runs the program and waits until it is ready.
func (p *Process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd := exec.Command(p.path, p.args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	cmd.SysProcAttr = processAttributes()
	started, done := make(chan error), make(chan struct{})
	go func() {
		defer close(done)
		// The system sends the parent-death signal when the thread that forked ends, so that thread has to live as
		// long as the server does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log; most servers end by being killed
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting %s: %w", p.title, err)
	}
	p.cmd, p.done = cmd, done
	return p.awaitReady(done)
}

// awaitReady asks the server until it answers, ends, or time is up.
func (p *Process) awaitReady(done <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		err := p.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-done:
			return fmt.Errorf("%s ended before it was ready: %w; its log ends:\n%s", p.title, err, p.Log())
		case <-ctx.Done():
			p.signal(syscall.SIGKILL)
			return fmt.Errorf("%s is not ready after %v: %w; its log ends:\n%s", p.title, readyWithin, err, p.Log())
		case <-retry.C:
		}
	}
}

// pid returns the process id of the server that was started last. The caller is the readiness check.
func (p *Process) pid() int { return p.cmd.Process.Pid }

// signal sends a signal to the server's process group. The caller holds p.mu.
func (p *Process) signal(sig syscall.Signal) {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	select {
	case <-p.done: // the group id may belong to somebody else by now
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, sig)
	}
}

// Kill ends the server at once, as a crash would, and returns when it is gone. Killing what is gone does nothing.
func (p *Process) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Freeze stops the server without ending it: connections stay open and nothing answers, until Thaw.
func (p *Process) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signal(syscall.SIGSTOP)
}

// Thaw lets a frozen server go on.
func (p *Process) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signal(syscall.SIGCONT)
}

// Restart kills the server, starts it again on the same address with the same folder, and waits until it is ready.
func (p *Process) Restart(t testing.TB) {
	t.Helper()
	p.Kill()
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
}

// Log returns the end of what the server wrote to its output.
func (p *Process) Log() string { return p.log.String() }

// startOwned starts the server that prepare describes and that ends with the test. prepare takes free ports, which
// another process may be faster to use, so a start that fails is tried again with others.
func startOwned(t testing.TB, prepare func() *Process) {
	t.Helper()
	var p *Process
	for tries := 3; ; tries-- {
		p = prepare()
		err := p.start()
		if err == nil {
			break
		}
		p.Kill()
		if tries == 1 {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the log of %s ends:\n%s", p.title, p.Log())
		}
	})
}

// tailLog keeps the last 16 KiB that were written to it.
type tailLog struct {
	mu   sync.Mutex
	kept []byte
}

func (l *tailLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, b...)
	if n := len(l.kept) - 16<<10; n > 0 {
		l.kept = append(l.kept[:0], l.kept[n:]...)
	}
	return len(b), nil
}

func (l *tailLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.kept)
}

// errNotYet is what a readiness check returns while the server starts.
var errNotYet = errors.New("no answer yet")
