package services

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	_ "github.com/stillwarm/stillwarm/backends/all"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/localdev/awschain"
	"github.com/stillwarm/stillwarm/localdev/internal/proctest"
)

// hide makes every server look as if it were not installed.
func hide(t *testing.T) {
	t.Helper()
	t.Setenv("PATH", t.TempDir())
	t.Setenv("STILLWARM_TOOLS", t.TempDir())
}

// need skips the test where a service has no program, or fails it where servers are required.
func need(t *testing.T, word string) {
	t.Helper()
	var err error
	switch word {
	case "redis":
		_, err = findRedis()
	case "minio":
		_, err = minio.find(Options{})
	case "versitygw":
		_, err = versity.find(Options{})
	}
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" || os.Getenv("STILLWARM_REQUIRE_SERVERS") == "1" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// use opens a backend, and gives this process what it would give the function.
func use(t *testing.T, o Options) (Backend, *progress) {
	t.Helper()
	said := &progress{}
	o.Progress = said
	if o.Temp == "" {
		o.Temp = t.TempDir()
	}
	b, err := Open(proctest.Context(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sync.OnceFunc(b.Stop))
	for _, kv := range b.Env {
		name, value, _ := strings.Cut(kv, "=")
		t.Setenv(name, value)
	}
	t.Logf("%s: %s", o.Value, b.Services)
	return b, said
}

// progress collects what the terminal would show.
type progress struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *progress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// store opens the backend as the function does.
func store(t *testing.T, b Backend) backends.Store {
	t.Helper()
	pm, err := backends.Open(t.Context(), b.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pm.Close() })
	s, err := pm.Store(t.Context(), backends.Function{Name: "f"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// children returns the processes that this one has started and that run.
func children(t *testing.T) []int {
	t.Helper()
	out, err := exec.Command("ps", "-o", "pid=,comm=", "--ppid", strconv.Itoa(os.Getpid())).Output()
	if err != nil && len(out) == 0 {
		return nil
	}
	var pids []int
	for line := range strings.Lines(string(out)) {
		var pid int
		var name string
		if _, err := fmt.Sscan(line, &pid, &name); err == nil && name != "ps" {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestServersStartAnswerAndEnd(t *testing.T) {
	for _, c := range []struct {
		word, says string
		env        bool
	}{
		{"redis", "Redis ", false}, {"minio", "MinIO (", true}, {"versitygw", "Versity Gateway (", true}, {"redis minio", "Redis ", true},
	} {
		t.Run(c.word, func(t *testing.T) {
			for word := range strings.FieldsSeq(c.word) {
				need(t, word)
			}
			before := children(t)
			temp := t.TempDir()
			b, said := use(t, Options{Value: c.word, Temp: temp})
			s := store(t, b)
			if err := backendstest.Put(t.Context(), s, "k", []byte("v"), time.Time{}); err != nil {
				t.Fatal(err)
			}
			if got, _, err := backendstest.Get(t.Context(), s, "k"); err != nil || string(got) != "v" {
				t.Errorf("got %q, %v", got, err)
			}
			if len(b.Services) != len(strings.Fields(c.word)) || !strings.HasPrefix(b.Services[0], c.says) ||
				!strings.Contains(b.Services[0], "removed at the end") {
				t.Errorf("says %q", b.Services)
			}
			if !strings.Contains(said.String(), "starting ") || strings.Contains(said.String(), "stand-in") {
				t.Errorf("the terminal shows %q", said)
			}
			if (len(b.Env) > 0) != c.env {
				t.Errorf("the function's environment gets %d variables", len(b.Env))
			}
			started := slices.DeleteFunc(children(t), func(pid int) bool { return slices.Contains(before, pid) })
			if len(started) != len(strings.Fields(c.word)) {
				t.Errorf("%d processes were started", len(started))
			}
			b.Stop()
			for _, pid := range started {
				proctest.WaitGone(t, pid)
			}
		})
	}
}

func TestDataStaysOverARestart(t *testing.T) {
	for _, word := range []string{"redis", "minio", "versitygw"} {
		t.Run(word, func(t *testing.T) {
			need(t, word)
			data := t.TempDir()
			b, _ := use(t, Options{Value: word, Data: data})
			if err := backendstest.Put(t.Context(), store(t, b), "k", []byte("v"), time.Time{}); err != nil {
				t.Fatal(err)
			}
			b.Stop()
			again, _ := use(t, Options{Value: word, Data: data})
			if got, _, err := backendstest.Get(t.Context(), store(t, again), "k"); err != nil || string(got) != "v" {
				t.Errorf("after the restart: %q, %v", got, err)
			}
			if !strings.Contains(strings.Join(again.Services, ""), "its data stays in ") {
				t.Errorf("says %q", again.Services)
			}
			again.Stop()
		})
	}
	t.Run("one runner at a time", func(t *testing.T) {
		need(t, "redis")
		data := t.TempDir()
		b, _ := use(t, Options{Value: "redis", Data: data})
		_, err := Open(proctest.Context(t), Options{Value: "redis", Data: data, Temp: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), "another runner uses it") {
			t.Errorf("a second one: %v", err)
		}
		b.Stop()
		again, _ := use(t, Options{Value: "redis", Data: data})
		again.Stop()
	})
	t.Run("files, where no service is asked for", func(t *testing.T) {
		data := t.TempDir()
		b, _ := use(t, Options{Data: data})
		if want := "disk://" + filepath.ToSlash(data) + "/cache"; b.URL != want || b.Note != "kept" {
			t.Errorf("%q, %q; want %q", b.URL, b.Note, want)
		}
	})
}

func TestStandIns(t *testing.T) {
	for _, word := range []string{"redis", "s3"} {
		t.Run(word+" says clearly that it is one, and what to install", func(t *testing.T) {
			hide(t)
			b, said := use(t, Options{Value: word, Data: t.TempDir()})
			if !strings.Contains(said.String(), "a stand-in inside the runner answers instead of") {
				t.Errorf("the terminal shows %q", said)
			}
			says := strings.Join(b.Services, "\n")
			for _, want := range []string{"STAND-IN", "stillwarm services install", "in spite of --data"} {
				if !strings.Contains(says, want) {
					t.Errorf("no %q in %q", want, says)
				}
			}
		})
		t.Run(word+" keeps the promises of a backend, leases included", func(t *testing.T) {
			hide(t)
			b, _ := use(t, Options{Value: word})
			n := 0
			base, separator := b.URL, "?"
			if word == "s3" {
				separator = "&"
			}
			var at string
			open := func(t *testing.T) backends.PersistenceManager {
				pm, err := backends.Open(t.Context(), at)
				if err != nil {
					t.Fatal(err)
				}
				return pm
			}
			backendstest.Run(t, backendstest.Harness{
				Name: "stand-in for " + word + " at " + base,
				Open: func(t *testing.T) backends.PersistenceManager {
					n++
					if word == "s3" {
						at = strings.Replace(base, "/"+prefix+"?", "/"+prefix+strconv.Itoa(n)+"?", 1) + separator + "max-entry=8MiB"
					} else {
						at = base + separator + "prefix=t" + strconv.Itoa(n) + "&max-entry=8MiB&read-timeout=1m&write-timeout=1m"
					}
					return open(t)
				},
				Reopen: open, MaxEntry: 8 << 20, Slow: word == "s3",
			})
		})
	}
}

func TestServerThatWasAskedForByNameHasNoStandIn(t *testing.T) {
	hide(t)
	for _, word := range []string{"minio", "versitygw"} {
		_, err := Open(t.Context(), Options{Value: word, Temp: t.TempDir()})
		if !errors.Is(err, errNotInstalled) || !strings.Contains(err.Error(), "services install "+word) {
			t.Errorf("%s: %v", word, err)
		}
	}
}

func TestNothingIsLeftWhereAStartFails(t *testing.T) {
	need(t, "redis")
	before := children(t)
	t.Run("a server that ends at once is an error with its last lines, and the others are ended", func(t *testing.T) {
		tools := t.TempDir()
		redis, err := findRedis()
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("STILLWARM_TOOLS", t.TempDir())
		t.Setenv("PATH", tools+":"+filepath.Dir(redis)+":/bin:/usr/bin")
		script := "#!/bin/sh\necho FATAL: no disk\nexit 3\n"
		if err := os.WriteFile(filepath.Join(tools, "minio"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err = Open(proctest.Context(t), Options{Value: "redis minio", Temp: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), "FATAL: no disk") || !strings.Contains(err.Error(), "exit status 3") {
			t.Errorf("%v", err)
		}
	})
	t.Run("Ctrl-C while a server starts", func(t *testing.T) {
		slow := t.TempDir()
		t.Setenv("STILLWARM_TOOLS", t.TempDir())
		t.Setenv("PATH", slow+":/bin:/usr/bin")
		if err := os.WriteFile(filepath.Join(slow, "minio"), []byte("#!/bin/sh\nexec sleep 600\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(proctest.Context(t))
		said := &progress{}
		go func() {
			for !strings.Contains(said.String(), "starting MinIO") && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		if _, err := Open(ctx, Options{Value: "minio", Temp: t.TempDir(), Progress: said}); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
	for _, pid := range children(t) {
		if !slices.Contains(before, pid) {
			proctest.WaitGone(t, pid)
		}
	}
}

func TestCredentialsComeFromTheAWSConfiguration(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config":      "[profile dev]\nregion = eu-north-1\n",
		"credentials": "[dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = s1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
	t.Run("a profile's reach the function as Lambda would set them, with its region", func(t *testing.T) {
		t.Setenv("AWS_PROFILE", "dev")
		b, err := Open(t.Context(), Options{Value: "s3://bucket/cache", Temp: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"AWS_ACCESS_KEY_ID=AKIADEV", "AWS_SECRET_ACCESS_KEY=s1", "AWS_SESSION_TOKEN="}
		if b.URL != "s3://bucket/cache?region=eu-north-1" || !slices.Equal(b.Env, want) || b.Warning != "" {
			t.Errorf("%q, %q, %q", b.URL, b.Env, b.Warning)
		}
		if says := strings.Join(b.Services, ""); strings.Contains(says, "AKIA") || !strings.Contains(says, "credentials from your AWS configuration") {
			t.Errorf("says %q", says)
		}
	})
	t.Run("a runner that links the chain asks it", func(t *testing.T) {
		t.Setenv("AWS_PROFILE", "dev")
		b, err := Open(t.Context(), Options{Value: "s3://bucket/cache", Temp: t.TempDir(), AskAWS: awschain.Ask})
		if err != nil {
			t.Fatal(err)
		}
		if b.URL != "s3://bucket/cache?region=eu-north-1" || !slices.Contains(b.Env, "AWS_ACCESS_KEY_ID=AKIADEV") || b.Warning != "" {
			t.Errorf("%q, %q, %q", b.URL, b.Env, b.Warning)
		}
	})
	t.Run("none are a warning that says what to do", func(t *testing.T) {
		t.Setenv("AWS_PROFILE", "nobody")
		b, err := Open(t.Context(), Options{Value: "s3://bucket/cache?region=eu-central-1", Temp: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.Warning, "AWS_PROFILE") || !strings.Contains(b.Warning, "nobody") {
			t.Errorf("%q", b.Warning)
		}
	})
}
