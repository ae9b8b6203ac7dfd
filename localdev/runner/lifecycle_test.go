package runner_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/proctest"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

func TestContainers(t *testing.T) {
	t.Run("no process runs before the first invocation", func(t *testing.T) {
		r := start(t, runner.Options{})
		if n := len(r.Containers()); n != 0 {
			t.Errorf("%d containers", n)
		}
	})
	t.Run("the first invocation is cold and the second finds the same process warm", func(t *testing.T) {
		r := start(t, runner.Options{})
		first, a := invoke(t, r, order{})
		waitIdle(t, r)
		second, b := invoke(t, r, order{})
		if !first.Cold || second.Cold || a.PID != b.PID || b.Served != 2 || first.RequestID == second.RequestID {
			t.Errorf("first %+v %+v, second %+v %+v", first, a, second, b)
		}
	})
	t.Run("40 concurrent callers on 4 containers never have more than 4 processes", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 4})
		gate := proctest.NewGate(t)
		var wg sync.WaitGroup
		var mu sync.Mutex
		pids := map[int]bool{}
		for range 40 {
			wg.Go(func() {
				_, a := invoke(t, r, order{"gate": gate.Addr})
				mu.Lock()
				defer mu.Unlock()
				pids[a.PID] = true
			})
		}
		// Four stand at the gate at once, and nobody else can come before one of them has passed.
		for range 40 {
			pass := gate.Arrive(t)
			if n := len(r.Containers()); n > 4 {
				t.Errorf("%d containers", n)
			}
			if gate.Waiting() > 3 {
				t.Errorf("%d more invocations run than there are containers", gate.Waiting()-3)
			}
			pass()
		}
		wg.Wait()
		if len(pids) == 0 || len(pids) > 4 {
			t.Errorf("%d processes served", len(pids))
		}
	})
	t.Run("a busy container makes the next caller start another", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 2})
		gate := proctest.NewGate(t)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { invoke(t, r, order{"gate": gate.Addr}) })
		}
		one, two := gate.Arrive(t), gate.Arrive(t)
		if n := len(r.Containers()); n != 2 {
			t.Errorf("%d containers", n)
		}
		one()
		two()
		wg.Wait()
	})
	t.Run("the client has its answer while the function works on", func(t *testing.T) {
		seen := newInvocations()
		r := start(t, runner.Options{Containers: 1, OnInvocation: seen.add})
		gate := proctest.NewGate(t)
		invoke(t, r, order{"after": gate.Addr}) // returns although the gate is closed
		pass := gate.Arrive(t)
		if state := r.Containers()[0].State; state != "after response" {
			t.Errorf("the container is %s", state)
		}
		pass()
		if inv := seen.next(t); inv.After <= 0 {
			t.Errorf("work after the response: %s", inv.After)
		}
	})
	t.Run("the next invocation is held until the function asks for it", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 1})
		gate := proctest.NewGate(t)
		invoke(t, r, order{"after": gate.Addr})
		pass := gate.Arrive(t)
		second := make(chan answer, 1)
		go func() {
			_, a := invoke(t, r, order{})
			second <- a
		}()
		// While the first works, the second can only be refused for lack of room, not served.
		if _, err := r.Invoke(canceled(t), nil); err == nil {
			t.Error("an invocation was served while the container was busy")
		}
		select {
		case <-second:
			t.Fatal("the second invocation did not wait")
		default:
		}
		pass()
		if a := <-second; a.Served != 2 {
			t.Errorf("served %d", a.Served)
		}
	})
	t.Run("an invocation can name its container", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 3})
		for _, n := range []int{2, 3, 2} {
			response, err := r.InvokeWith(proctest.Context(t), nil, runner.InvokeOptions{Container: n})
			if err != nil || response.Container != n {
				t.Errorf("container %d answered, want %d: %v", response.Container, n, err)
			}
		}
	})
	t.Run("an idle container ends after the idle time", func(t *testing.T) {
		r := start(t, runner.Options{Idle: time.Millisecond})
		_, a := invoke(t, r, order{})
		proctest.WaitGone(t, a.PID)
		proctest.Eventually(t, "the container to leave", func() bool { return len(r.Containers()) == 0 })
		if response, _ := invoke(t, r, order{}); !response.Cold {
			t.Error("the next invocation was not cold")
		}
	})
}

func TestThrottling(t *testing.T) {
	t.Run("a caller that waited too long gets an error that says so, and 429 by HTTP", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 1, QueueTimeout: time.Millisecond})
		gate := proctest.NewGate(t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			invoke(t, r, order{"gate": gate.Addr})
		}()
		pass := gate.Arrive(t)
		_, err := r.Invoke(proctest.Context(t), nil)
		if throttled, ok := errors.AsType[*runner.ThrottledError](err); !ok || throttled.Waited == 0 {
			t.Errorf("error %v", err)
		}
		response, body := get(t, r.URL())
		if response.StatusCode != 429 || !strings.Contains(body, "1 containers were busy") ||
			response.Header.Get("X-Amzn-Errortype") != "TooManyRequestsException" {
			t.Errorf("%s %v %s", response.Status, response.Header, body)
		}
		pass()
		<-done
	})
	t.Run("without a queue a caller is refused at once", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 1, Queue: -1})
		gate := proctest.NewGate(t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			invoke(t, r, order{"gate": gate.Addr})
		}()
		pass := gate.Arrive(t)
		if _, err := r.Invoke(proctest.Context(t), nil); err == nil || !strings.Contains(err.Error(), "--queue") {
			t.Errorf("error %v", err)
		}
		pass()
		<-done
	})
}

func TestFailures(t *testing.T) {
	t.Run("an error is an error document and the process stays", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 1})
		_, a := invoke(t, r, order{})
		kind, message := fails(t, r, order{"do": "error", "arg": "no such symbol"})
		_, b := invoke(t, r, order{})
		if kind != "errorString" || message != "no such symbol" || a.PID != b.PID {
			t.Errorf("%s: %s; processes %d and %d", kind, message, a.PID, b.PID)
		}
	})
	t.Run("a panic is an error document and the next invocation starts a new process", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 1})
		_, a := invoke(t, r, order{})
		if kind, message := fails(t, r, order{"do": "panic", "arg": "oh no"}); kind != "string" || message != "oh no" {
			t.Errorf("%s: %s", kind, message)
		}
		response, b := invoke(t, r, order{})
		if !response.Cold || a.PID == b.PID {
			t.Errorf("cold %v, processes %d and %d", response.Cold, a.PID, b.PID)
		}
		proctest.WaitGone(t, a.PID)
	})
	t.Run("an exit tells its status and the next invocation starts a new process", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 1})
		kind, message := fails(t, r, order{"do": "exit"})
		if kind != "Runtime.ExitError" || !strings.Contains(message, "Runtime exited with error: exit status 7") {
			t.Errorf("%s: %s", kind, message)
		}
		if response, _ := invoke(t, r, order{}); !response.Cold {
			t.Error("not cold")
		}
	})
	t.Run("a process that is killed tells the signal", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 1})
		gate := proctest.NewGate(t)
		go func() {
			pass := gate.Arrive(t)
			_ = syscall.Kill(r.Containers()[0].PID, syscall.SIGKILL)
			pass()
		}()
		_, message := fails(t, r, order{"gate": gate.Addr, "do": "hang"})
		if !strings.Contains(message, "Runtime exited with error: signal: killed") {
			t.Error(message)
		}
	})
	t.Run("a timeout answers the caller and kills the process", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 1, Timeout: 250 * time.Millisecond})
		_, a := invoke(t, r, order{})
		kind, message := fails(t, r, order{"do": "hang"})
		if kind != "Sandbox.Timedout" || !strings.Contains(message, "Task timed out after 0.25 seconds") {
			t.Errorf("%s: %s", kind, message)
		}
		proctest.WaitGone(t, a.PID)
		if response, _ := invoke(t, r, order{}); !response.Cold {
			t.Error("not cold")
		}
	})
	t.Run("work after the response counts for the timeout, and the caller keeps its answer", func(t *testing.T) {
		seen := newInvocations()
		r := start(t, runner.Options{Containers: 1, Timeout: 250 * time.Millisecond, OnInvocation: seen.add})
		gate := proctest.NewGate(t)
		_, a := invoke(t, r, order{"after": gate.Addr})
		proctest.WaitGone(t, a.PID)
		if inv := seen.next(t); inv.Fault != "timed out after the response" || inv.Status != 200 {
			t.Errorf("%+v", inv)
		}
	})
}

func TestInitFailures(t *testing.T) {
	for _, c := range []struct{ name, init, kind, message string }{
		{"a panic at the start tells the exit status", "panic", "Runtime.ExitError", "exit status 2"},
		{"an exit at the start tells its status", "exit", "Runtime.ExitError", "exit status 3"},
		{"a reported init error is the answer", "report", "Runtime.NoConfig", "the configuration is missing"},
		{"a start that hangs is ended at its limit", "hang", "Sandbox.Timedout", "Init timed out after 0.25 seconds"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := runner.Options{Env: []string{"PROBE_INIT=" + c.init}}
			if c.init == "hang" {
				o.InitTimeout = 250 * time.Millisecond
			}
			r := start(t, o)
			for range 2 { // every invocation tries again
				if kind, message := fails(t, r, order{}); kind != c.kind || !strings.Contains(message, c.message) {
					t.Errorf("%s: %s", kind, message)
				}
			}
		})
	}
}

func TestShutdown(t *testing.T) {
	t.Run("Close leaves no process, no child of one, no folder and no open address", func(t *testing.T) {
		pidFile := filepath.Join(t.TempDir(), "child")
		r := start(t, runner.Options{Env: []string{"PROBE_CHILD=" + pidFile}})
		_, a := invoke(t, r, order{"env": []string{"TMPDIR"}})
		child := readPID(t, pidFile)
		if !proctest.Alive(child) || !proctest.Alive(a.PID) {
			t.Fatal("the processes do not run")
		}
		temp := filepath.Dir(a.Env["TMPDIR"])
		if _, err := os.Stat(temp); err != nil {
			t.Fatal(err)
		}
		r.Close()
		proctest.WaitGone(t, a.PID)
		proctest.WaitGone(t, child)
		if _, err := os.Stat(temp); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the temporary folder is there: %v", err)
		}
		if conn, err := net.Dial("tcp", strings.TrimPrefix(r.URL(), "http://")); err == nil {
			_ = conn.Close()
			t.Error("the address is still open")
		}
		if _, err := r.Invoke(t.Context(), nil); !errors.Is(err, runner.ErrClosed) {
			t.Errorf("Invoke after Close: %v", err)
		}
		r.Close() // again does nothing
	})
	t.Run("a function with an extension gets SIGTERM first", func(t *testing.T) {
		note := filepath.Join(t.TempDir(), "note")
		r := start(t, runner.Options{Env: []string{"PROBE_SIGTERM=" + note}})
		_, a := invoke(t, r, order{})
		r.Close()
		if b, err := os.ReadFile(note); err != nil || string(b) != "terminated" {
			t.Errorf("note %q, %v", b, err)
		}
		proctest.WaitGone(t, a.PID)
	})
	t.Run("one that ignores SIGTERM gets SIGKILL after the grace period", func(t *testing.T) {
		note := filepath.Join(t.TempDir(), "stubborn")
		r := start(t, runner.Options{Env: []string{"PROBE_SIGTERM=" + note}})
		_, a := invoke(t, r, order{})
		r.Close()
		if b, err := os.ReadFile(note); err != nil || string(b) != "terminated" {
			t.Errorf("note %q, %v", b, err)
		}
		proctest.WaitGone(t, a.PID)
	})
	t.Run("callers who wait for a container and callers in one are answered", func(t *testing.T) {
		r := start(t, runner.Options{Containers: 1})
		gate := proctest.NewGate(t)
		running := make(chan string, 1)
		go func() {
			response, err := r.Invoke(proctest.Context(t), order{"gate": gate.Addr}.json())
			running <- string(response.Payload) + errorText(err)
		}()
		gate.Arrive(t)
		r.Close()
		if got := <-running; !strings.Contains(got, "the local runner stopped") {
			t.Error(got)
		}
	})
}

func TestExtension(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events")
	var log buffer
	r := start(t, runner.Options{Containers: 1, Log: &log, Env: []string{"PROBE_EXTENSION=" + file}})
	response, a := invoke(t, r, order{})
	waitIdle(t, r) // not before the extension has asked for its next event
	events := readLines(t, file)
	t.Run("it hears of each invocation", func(t *testing.T) {
		if len(events) != 1 || !strings.Contains(events[0], `"eventType":"INVOKE"`) ||
			!strings.Contains(events[0], response.RequestID) {
			t.Errorf("%q", events)
		}
	})
	r.Close()
	proctest.WaitGone(t, a.PID)
	t.Run("it hears of the end and why", func(t *testing.T) {
		events := readLines(t, file)
		if last := events[len(events)-1]; !strings.Contains(last, `"eventType":"SHUTDOWN"`) ||
			!strings.Contains(last, `"shutdownReason":"spindown"`) {
			t.Errorf("%q", events)
		}
	})
	t.Run("the developer is told that the service refuses SHUTDOWN here", func(t *testing.T) {
		if !strings.Contains(log.String(), "the service refuses them") {
			t.Error(log.String())
		}
	})
}

func readLines(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func readPID(t *testing.T, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(b))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
