package fleet_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/tests/fleet/internal/wire"
)

// unique returns a name that no other test uses.
func unique() string { return strings.ToLower(rand.Text()) }

// process is one worker.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr *bytes.Buffer
	ended  sync.Once
}

// start runs a worker and waits until it takes commands. It ends with the test.
func start(t testing.TB, s wire.Setup) *process {
	t.Helper()
	setup, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(workerProgram(t)), stderr: &bytes.Buffer{}}
	p.cmd.Env = append(os.Environ(), wire.Env+"="+string(setup))
	p.cmd.Stderr = p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdout = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.end)
	if _, err := p.reply(); err != nil {
		t.Fatalf("the worker does not begin: %v", err)
	}
	return p
}

// startFleet starts n workers with the same setup.
func startFleet(t testing.TB, n int, s wire.Setup) []*process {
	t.Helper()
	fleet := make([]*process, n)
	for i := range fleet {
		fleet[i] = start(t, s)
	}
	return fleet
}

// pid is the worker's process id.
func (p *process) pid() int { return p.cmd.Process.Pid }

// kill ends the worker as a crash would, by SIGKILL.
func (p *process) kill() { _ = p.cmd.Process.Kill() }

// end lets the worker finish; a worker that does not is killed.
func (p *process) end() {
	p.ended.Do(func() {
		_ = p.stdin.Close()
		late := time.AfterFunc(15*time.Second, p.kill)
		defer late.Stop()
		_ = p.cmd.Wait()
		if p.t.Failed() {
			p.t.Logf("worker %d said:\n%s", p.pid(), lastLines(p.stderr.String(), 20))
		}
	})
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// tell sends a command without waiting for its reply.
func (p *process) tell(c wire.Command) error {
	return json.NewEncoder(p.stdin).Encode(c)
}

// reply waits for the next reply.
func (p *process) reply() (wire.Reply, error) {
	var r wire.Reply
	line, err := p.stdout.ReadBytes('\n')
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, err
	}
	if r.Error != "" {
		return r, fmt.Errorf("worker %d: %s", p.pid(), r.Error)
	}
	return r, nil
}

// do sends a command and waits for its reply.
func (p *process) do(c wire.Command) wire.Reply {
	p.t.Helper()
	if err := p.tell(c); err != nil {
		p.t.Fatal(err)
	}
	r, err := p.reply()
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// together sends one command to all, and returns the replies in the same order; a worker that has ended has none.
func together(t testing.TB, fleet []*process, c wire.Command) []*wire.Reply {
	t.Helper()
	replies := make([]*wire.Reply, len(fleet))
	var wg sync.WaitGroup
	for i, p := range fleet {
		wg.Go(func() {
			if p.tell(c) != nil {
				return
			}
			if r, err := p.reply(); err == nil {
				replies[i] = &r
			}
		})
	}
	wg.Wait()
	return replies
}

// noted is one line of the file in which the workers note their runs.
type noted struct {
	pid      int
	key, run string
	at       int64
}

// runsFile returns a new name for such a file.
func runsFile(t testing.TB) string { return filepath.Join(t.TempDir(), "runs") }

// runs returns the runs that have begun.
func runs(t testing.TB, file string) []noted {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var all []noted
	for line := range strings.Lines(string(content)) {
		var n noted
		if _, err := fmt.Sscan(line, &n.pid, &n.key, &n.run, &n.at); err != nil {
			t.Fatalf("%s: %q: %v", file, line, err)
		}
		all = append(all, n)
	}
	return all
}
