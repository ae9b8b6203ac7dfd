package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stillwarm/stillwarm/localdev/internal/proctest"
)

// The binaries under test: this command, and the function that it runs.
var command, probe string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "localdev-test-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(folder)
		if probe, err = proctest.Build("testdata/probe", folder); err == nil {
			command, err = proctest.Build(".", folder)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// session is a run of the command with one container that has started a child.
type session struct {
	cmd       *exec.Cmd
	url       string
	output    *bufio.Scanner
	pid       int // of the function
	child     int // of the function's child
	tmp       string
	collected strings.Builder
}

func begin(t *testing.T, args ...string) *session {
	t.Helper()
	return launch(t, []string{command}, args...)
}

// launch is begin with another way to start the command.
func launch(t *testing.T, launcher []string, args ...string) *session {
	t.Helper()
	tmp := t.TempDir()
	pidFile := filepath.Join(tmp, "child")
	s := &session{tmp: filepath.Join(tmp, "tmp")}
	if err := os.Mkdir(s.tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	args = append([]string{"--binary", probe, "--addr", "127.0.0.1:0", "--env", "PROBE_CHILD=" + pidFile}, args...)
	s.cmd = exec.Command(launcher[0], append(launcher[1:], args...)...)
	s.cmd.Env = append(os.Environ(), "TMPDIR="+s.tmp, "GOTMPDIR="+tmp)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	s.output = bufio.NewScanner(out)
	s.read(t, "Ctrl-C")
	found := regexp.MustCompile(`address +(http://\S+)/`).FindStringSubmatch(s.collected.String())
	if found == nil {
		t.Fatalf("no address in %s", s.collected.String())
	}
	s.url = found[1]
	response, err := http.Get(s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var a struct{ PID int }
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	s.pid = a.PID
	if s.child, err = strconv.Atoi(string(b)); err != nil {
		t.Fatal(err)
	}
	if !proctest.Alive(s.pid) || !proctest.Alive(s.child) {
		t.Fatal("the processes do not run")
	}
	return s
}

// read reads the output until a line has the text in it.
func (s *session) read(t *testing.T, text string) {
	t.Helper()
	for s.output.Scan() {
		s.collected.WriteString(s.output.Text() + "\n")
		if strings.Contains(s.output.Text(), text) {
			return
		}
	}
	t.Fatalf("the output ended without %q: %s", text, s.collected.String())
}

// gone fails the test if anything of the session stays.
func (s *session) gone(t *testing.T) {
	t.Helper()
	proctest.WaitGone(t, s.pid)
	proctest.WaitGone(t, s.child)
	proctest.Eventually(t, "the temporary folder to be removed", func() bool {
		left, err := os.ReadDir(s.tmp)
		return err == nil && len(left) == 0
	})
}

func TestSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String()+" ends the command, its function, the function's child and the folder", func(t *testing.T) {
			s := begin(t)
			if err := s.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, &scannerReader{s.output})
			if err := s.cmd.Wait(); err != nil {
				t.Errorf("it ended with %v", err)
			}
			s.gone(t)
		})
	}
	t.Run("SIGTERM of go run ends the command that it runs", func(t *testing.T) {
		s := launch(t, []string{"go", "run", ".."})
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, &scannerReader{s.output})
		_ = s.cmd.Wait()
		s.gone(t)
	})
	t.Run("SIGKILL of the command leaves nothing either", func(t *testing.T) {
		s := begin(t)
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = s.cmd.Wait()
		s.gone(t)
	})
}

// scannerReader drains what a scanner has not read.
type scannerReader struct{ s *bufio.Scanner }

func (r *scannerReader) Read(p []byte) (int, error) {
	if !r.s.Scan() {
		return 0, io.EOF
	}
	return 0, nil
}

func TestCommand(t *testing.T) {
	t.Run("the banner tells where, what and how to try it", func(t *testing.T) {
		s := begin(t, "--containers", "3", "--memory", "256", "--timeout", "5s", "--backend", "none")
		for _, want := range []string{
			"address     http://127.0.0.1:", "/_stillwarm/", "none (memory only)", "up to 3, 256 MB, timeout 5s", "curl -d '{}' http",
		} {
			if !strings.Contains(s.collected.String(), want) {
				t.Errorf("no %q in %s", want, s.collected.String())
			}
		}
		s.read(t, "GET /")
		if _, err := http.Get(s.url + "/again"); err != nil {
			t.Fatal(err)
		}
		s.read(t, "GET /again")
	})
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"help lists the flags", []string{"--help"}, "--queue-timeout"},
		{"an unknown flag suggests the nearest", []string{"--timout", "5"}, "did you mean \"--timeout\""},
		{"a folder that is not there", []string{"no/such/folder"}, "no such folder"},
		{"a folder of another package", []string{"../runner"}, "holds package runner"},
		{"a folder without Go files", []string{"../testdata"}, "holds no Go files"},
		{"a file for a folder", []string{"cli.go"}, "is a file"},
		{"a folder named twice", []string{"../testdata/probe", "--function", "../testdata/rogue"}, "named twice"},
		{"a binary that is not there", []string{"--binary", "no/such/file"}, "no such file"},
		{"a binary that is not executable", []string{"--binary", "cli.go"}, "chmod +x"},
		{"tags for what is built", []string{"--binary", probe, "--tags", "x"}, "--tags is for a build"},
		{"a timeout that is none", []string{"--timeout", "soon"}, "write 5, 5s or 1m30s"},
		{"a timeout beyond Lambda's", []string{"--binary", probe, "--timeout", "20m"}, "Lambda allows up to 15m"},
		{"memory beyond Lambda's", []string{"--binary", probe, "--memory", "64"}, "Lambda allows 128 to 10240"},
		{"an address that is none", []string{"--binary", probe, "--addr", "here"}, "write 8787"},
		{"data for no backend", []string{"--binary", probe, "--backend", "none", "--data", "x"}, "--backend none has none"},
		{"a variable that nobody has", []string{"--binary", probe, "--env", "NO_SUCH_VARIABLE_HERE"}, "NO_SUCH_VARIABLE_HERE=VALUE"},
		{"a backend that is no URL is refused with examples", []string{"--binary", probe, "--addr", "127.0.0.1:0", "--backend", "x"}, "disk:///"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := exec.Command(command, c.args...).CombinedOutput()
			if !strings.Contains(string(out), c.want) {
				t.Errorf("%v: %s", err, out)
			}
			code := 0
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				code = exit.ExitCode()
			}
			if want := map[bool]int{true: 0, false: 2}[c.args[0] == "--help"]; code != want {
				t.Errorf("exit status %d, want %d", code, want)
			}
		})
	}
}
