package release_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/tests/release"
)

const (
	root    = "github.com/stillwarm/stillwarm"
	version = "v0.9.0"
)

// repository is a clone of this checkout, with whatever is not committed yet committed there.
func repository(t *testing.T) string {
	t.Helper()
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// A shallow checkout of a CI would make a shallow clone, which is refused: the released commit is all that is needed.
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"config", "user.name", "Test"}, {"config", "user.email", "test@example.com"}, {"config", "core.autocrlf", "false"},
	} {
		git(t, dir, args...)
	}
	files := output(t, checkout, nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	for name := range strings.SplitSeq(files, "\x00") {
		info, err := os.Lstat(filepath.Join(checkout, name))
		if name == "" || err != nil || !info.Mode().IsRegular() {
			continue // deleted and not yet committed
		}
		content, err := os.ReadFile(filepath.Join(checkout, name))
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, content, info.Mode()); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, dir)
	return dir
}

// A user has the proxy folder of make release and empty folders for everything else: modules, commands, home. What the
// proxy folder lacks, the modules of others, comes from where this machine has it.
type user struct {
	env []string
	bin string
}

func newUser(t *testing.T) *user {
	t.Helper()
	proxy := filepath.Join(t.TempDir(), "proxy")
	if _, err := release.Run(t.Context(), release.Options{Repo: repository(t), Version: version, Proxy: proxy}); err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	others := output(t, bin, nil, "go", "env", "GOMODCACHE")
	upstream := output(t, bin, nil, "go", "env", "GOPROXY")
	env := append(useProxy(t, proxy),
		"GOPROXY=file://"+proxy+",file://"+others+"/cache/download,"+upstream, "GONOSUMDB="+root+","+root+"/*",
		"GOFLAGS=-trimpath", // so that the build cache knows packages whatever folder they are in
		"GOBIN="+bin, "GOCACHE="+output(t, bin, nil, "go", "env", "GOCACHE"), "HOME="+t.TempDir(),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	return &user{env: env, bin: bin}
}

// module makes a module of the user's with one file and returns its folder.
func (u *user) module(t *testing.T, name, code string) string {
	t.Helper()
	dir := t.TempDir()
	u.run(t, dir, "go", "mod", "init", "example.com/"+name)
	write(t, dir, map[string]string{"main.go": code})
	return dir
}

func (u *user) run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	t.Logf("$ %s %s", name, strings.Join(args, " "))
	return output(t, dir, u.env, name, args...)
}

// readme returns the README's code blocks in a language.
func readme(t *testing.T, language string) []string {
	t.Helper()
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllSubmatch(page, -1) {
		blocks = append(blocks, string(m[1]))
	}
	return blocks
}

// From an empty folder with nothing but the proxy folder to a second request that is a hit. Stays under three minutes on an
// idle machine; the time is logged, not asserted.
func TestFromAnEmptyFolder(t *testing.T) {
	u := newUser(t)
	began := time.Now()
	t.Run("the README's commands install the command, which serves its first example", func(t *testing.T) {
		dir := t.TempDir()
		for line := range strings.Lines(installSection(t)) {
			line, _, _ = strings.Cut(line, "#")
			switch line = strings.TrimSpace(line); line {
			case "": // the comment that says to write main.go
				write(t, dir, map[string]string{"main.go": readme(t, "go")[0]})
			case "stillwarm dev":
				t.Logf("after %s: installed", time.Since(began).Round(time.Second))
			default:
				_, inFolder, _ := strings.Cut("&& "+line, "&& cd hello && ") // the folder is made already
				u.run(t, dir, "sh", "-c", cmp.Or(inFolder, line))
			}
		}
		// With more containers a second request that comes before the first one's work after the response is done starts another
		// one, whose memory is cold: the example has no backend.
		url := u.serve(t, dir, "stillwarm", "dev", "--addr", "127.0.0.1:0", "--no-watch", "--containers", "1")
		first, second := fetch(t, url+"?city=Oslo"), fetch(t, url+"?city=Oslo")
		if !strings.Contains(first, "fwd=") || !strings.Contains(second, "stillwarm; hit") {
			t.Errorf("the first request: %s; the second: %s", first, second)
		}
		t.Logf("after %s: two requests, the second a hit", time.Since(began).Round(time.Second))
	})
	t.Run("Start here, up to what needs an account", func(t *testing.T) { u.followStart(t) })
	t.Run("the runner of its own is installed", func(t *testing.T) {
		u.run(t, t.TempDir(), "go", "install", root+"/localdev@"+version)
	})
	t.Run("a function with OpenTelemetry", func(t *testing.T) {
		dir := u.module(t, "traced", "package main\n\nimport \""+root+"/telemetry/otel\"\n\nfunc main() { _, _ = otel.New(otel.Options{}) }\n")
		u.run(t, dir, "go", "get", root+"/telemetry/otel@"+version)
		u.run(t, dir, "go", "build", "-o", os.DevNull, ".")
	})
	t.Run("a function with the whole chain of credentials", func(t *testing.T) {
		code := strings.Replace(readme(t, "go")[0], `	"context"`, "	\"context\"\n	_ \""+root+`/backends/s3/awsconfig"`, 1)
		dir := u.module(t, "chain", code)
		u.run(t, dir, "go", "get", root+"/adapter@"+version, root+"/lambda@"+version, root+"/backends/s3/awsconfig@"+version)
		u.run(t, dir, "go", "mod", "tidy")
		u.run(t, dir, "go", "build", "-o", os.DevNull, ".")
	})
}

// serve starts a runner and returns the address that it prints.
func (u *user) serve(t *testing.T, dir, command string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, filepath.Join(u.bin, command), args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), u.env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	t.Logf("$ %s %s", command, strings.Join(args, " "))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ended sync.WaitGroup
	ended.Go(func() { _ = cmd.Wait(); _ = in.Close() })
	t.Cleanup(func() { cancel(); ended.Wait() })
	var said bytes.Buffer
	lines := bufio.NewScanner(io.TeeReader(out, &said))
	for lines.Scan() {
		if url := regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).FindString(lines.Text()); url != "" {
			ended.Go(func() { _, _ = io.Copy(io.Discard, out) })
			return url
		}
	}
	t.Fatalf("%s ended without an address:\n%s", command, said.String())
	return ""
}

// installSection returns the README's commands.
func installSection(t *testing.T) string {
	t.Helper()
	for _, block := range readme(t, "sh") {
		if strings.Contains(block, "go install") {
			return block
		}
	}
	t.Fatal("the README has no commands that install")
	return ""
}

// fetch returns an answer's Cache-Status and body.
func fetch(t *testing.T, url string) string {
	t.Helper()
	t.Logf("$ curl -i %s", url)
	r, err := http.Get(url) //nolint:gosec // on this machine
	if err != nil {
		t.Fatal(err)
	}
	answer := r.Header.Get("Cache-Status") + " " + body(t, r, err)
	t.Log(answer)
	return answer
}

func body(t *testing.T, r *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Commands that people and editors run all the time must leave a clean checkout clean; go completes go.work.sum and go.sum
// files wherever a hash is missing.
func TestCommandsLeaveTheCheckoutClean(t *testing.T) {
	repo := repository(t)
	modules := strings.Fields(output(t, repo, nil, "go", "list", "-m", "-f", "{{.Dir}}"))
	check := func(command string) {
		if status := git(t, repo, "status", "--porcelain"); status != "" {
			t.Errorf("%s leaves changes:\n%s\nmake tidy, and commit what it writes", command, status)
			git(t, repo, "checkout", "--quiet", ".")
		}
	}
	for _, command := range []string{"go list -m all", "go mod graph", "go mod download", "go mod verify"} {
		args := strings.Fields(command)
		output(t, repo, nil, args[0], args[1:]...)
		check(command)
	}
	for _, dir := range modules {
		output(t, dir, []string{"GOWORK=off"}, "go", "mod", "tidy")
		check("go mod tidy in " + dir)
	}
	for _, dir := range modules { // asks for the hashes that a build, a vet or a test asks for
		output(t, dir, nil, "go", "list", "-test", "-deps", "./...")
		check("go list -test -deps in " + dir)
	}
}
