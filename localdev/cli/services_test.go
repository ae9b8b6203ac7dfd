package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stillwarm/stillwarm/localdev/internal/proctest"
	"github.com/stillwarm/stillwarm/localdev/runner"
	"github.com/stillwarm/stillwarm/localdev/tools"
)

func TestServicesCommand(t *testing.T) {
	empty := t.TempDir()
	hidden := []string{"PATH=" + empty, "STILLWARM_TOOLS=" + empty}
	for _, c := range []struct {
		name string
		args []string
		want string
		code int
	}{
		{"list names every server, and how to install what is missing", []string{"list"}, "services install versitygw", 0},
		{"help says what there is", []string{"--help"}, "Install servers", 0},
		{"nothing is a mistake that names the verbs", nil, `"list"`, 2},
		{"an unknown verb is a mistake", []string{"start"}, "unexpected argument start", 2},
		{"an unknown server is refused with the known ones", []string{"install", "memcached"}, "redis-server, minio, versitygw", 2},
		{"what cannot be installed here says what to do", []string{"install", "redis-server"}, "with this system's package manager", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(command, append([]string{"services"}, c.args...)...)
			cmd.Env = append(os.Environ(), hidden...)
			out, _ := cmd.CombinedOutput()
			if !strings.Contains(string(out), c.want) || cmd.ProcessState.ExitCode() != c.code {
				t.Errorf("exit status %d: %s", cmd.ProcessState.ExitCode(), out)
			}
		})
	}
	t.Run("what is installed is not installed again", func(t *testing.T) {
		tool, err := tools.Lookup("versitygw")
		if err != nil {
			t.Fatal(err)
		}
		root := t.TempDir()
		path := filepath.Join(root, tool.Name+"@"+tool.Version, tool.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("STILLWARM_TOOLS", root)
		var out bytes.Buffer
		if code := Main(t.Context(), []string{"services", "install", "versitygw"}, &out, &out); code != 0 || !strings.Contains(out.String(), "is installed: "+path) {
			t.Errorf("exit status %d: %s", code, out.String())
		}
	})
}

// serverOf returns the process of the Redis that a session has started.
func serverOf(t *testing.T, s *session) int {
	t.Helper()
	at := strings.Index(s.collected.String(), "@127.0.0.1:")
	if at < 0 {
		t.Fatalf("no Redis in %s", s.collected.String())
	}
	port, _, _ := strings.Cut(s.collected.String()[at+len("@127.0.0.1:"):], "\n")
	out, err := exec.Command("ps", "-eo", "pid=,args=").Output()
	if err != nil {
		t.Skip("no ps")
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "redis-server 127.0.0.1:"+strings.TrimSpace(port)) {
			var pid int
			for _, digit := range strings.Fields(line)[0] {
				pid = pid*10 + int(digit-'0')
			}
			return pid
		}
	}
	t.Fatalf("no redis-server at port %s", port)
	return 0
}

func TestServersEndWithTheCommand(t *testing.T) {
	if _, err := tools.Find("redis-server"); err != nil {
		t.Skip(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			s := begin(t, "--backend", "redis")
			if !strings.Contains(s.collected.String(), "its data is removed at the end") {
				t.Errorf("the banner does not say what becomes of the data: %s", s.collected.String())
			}
			pid := serverOf(t, s)
			if err := s.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			_ = s.cmd.Wait()
			proctest.WaitGone(t, pid)
			s.gone(t)
		})
	}
}

func TestBannerBreaksLongLinesAndHidesPasswords(t *testing.T) {
	got := wrapped("one two three four", 9)
	if want := []string{"one two", "three", "four"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := runner.WithoutPasswords("rediss://user:secret@host s3://bucket"); strings.Contains(got, "secret") || !strings.Contains(got, "s3://bucket") {
		t.Errorf("%q", got)
	}
}
