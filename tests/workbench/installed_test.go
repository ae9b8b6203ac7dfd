package workbench

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stillwarm builds the command as a release does, without the paths of this machine.
func stillwarm(tb testing.TB) string {
	tb.Helper()
	binary := filepath.Join(tb.TempDir(), "stillwarm")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, ".")
	build.Dir = filepath.Join("..", "..", "cmd", "stillwarm")
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// elsewhere writes a function with a module of its own into a folder outside this repository.
func elsewhere(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	top, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	copied := func(name string) string {
		text, err := os.ReadFile(filepath.Join(top, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	_, requires, _ := strings.Cut(copied("go.mod"), "\n")
	write(t, filepath.Join(dir, "go.mod"), "module example.com/fn\n"+requires+"\nrequire github.com/stillwarm/stillwarm v0.0.0\n\n"+
		"replace github.com/stillwarm/stillwarm => "+top+"\n")
	write(t, filepath.Join(dir, "go.sum"), copied("go.sum"))
	write(t, filepath.Join(dir, "main.go"), `package main

import (
	"context"
	"os"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/lambda"
)

var lengths = adapter.CacheData(length)

func length(_ context.Context, s string) (int, error) { return len(s), nil }

func handle(ctx context.Context, _ map[string]any) (string, error) {
	_, err := lengths.Get(ctx, "abc")
	return version + " for " + os.Getenv("AWS_ACCESS_KEY_ID"), err
}

func main() { lambda.Start(handle) }
`)
	write(t, filepath.Join(dir, "version.go"), "package main\n\nconst version = \"first\"\n")
	return dir
}

// transcript is what a command says, to be read while it runs.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

var addressLine = regexp.MustCompile(`address +(http://\S+/)\n`)

// TestAnInstalledCommandNeedsNoCheckout runs a binary without source at hand, in a folder that has nothing to do with it.
func TestAnInstalledCommandNeedsNoCheckout(t *testing.T) {
	dir, home := elsewhere(t), t.TempDir()
	write(t, filepath.Join(home, "config"), "[profile dev]\nregion = eu-north-1\n")
	write(t, filepath.Join(home, "credentials"), "[dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = s1\n")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, stillwarm(t), "dev", "--addr", "127.0.0.1:0", "--backend", "s3://bucket?endpoint=http://127.0.0.1:1&path-style=true")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "AWS_PROFILE=dev", "AWS_CONFIG_FILE="+filepath.Join(home, "config"),
		"AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(home, "credentials"), "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=")
	var said transcript
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(said.String())
		}
	})
	address, read := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(read)
		defer close(address)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			line := lines.Text() + "\n"
			_, _ = io.WriteString(&said, line)
			if m := addressLine.FindStringSubmatch(line); m != nil {
				address <- m[1]
			}
		}
	}()
	url, ok := <-address
	if !ok {
		t.Fatal("it ended without an address")
	}
	for _, version := range []string{"first", "second"} {
		write(t, filepath.Join(dir, "version.go"), "package main\n\nconst version = \""+version+"\"\n")
		for want, got := version+" for AKIADEV", ""; !strings.Contains(got, want); {
			if ctx.Err() != nil {
				t.Fatalf("%s: %s", want, got)
			}
			got = body(ctx, url)
			time.Sleep(20 * time.Millisecond) // asking all the time would hold up the build
		}
	}
	if text := said.String(); !strings.Contains(text, "credentials from your AWS configuration") {
		t.Error("it does not say whose credentials the function has")
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-read
	if err := cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
}

// body returns what is answered, or why nothing is.
func body(ctx context.Context, url string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
