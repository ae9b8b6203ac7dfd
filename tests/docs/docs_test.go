// Package docs_test holds the README and the pages to what they say: examples compile and run, links lead somewhere.
package docs_test

import (
	"fmt"
	"go/format"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/localdev/runner"
)

const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// goBlocks returns the Go examples of a page, in order.
func goBlocks(page string) []string {
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// module makes a user's module in a folder of its own that uses this checkout, and returns the folder.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	checkout, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	requirements := regexp.MustCompile(`(?s)require \(.*?\n\)`).FindAllString(read(t, "go.mod"), -1)
	files["go.mod"] = "module example.com/user\n\ngo 1.26\n\nrequire github.com/stillwarm/stillwarm v0.0.0\n\n" +
		"replace github.com/stillwarm/stillwarm => " + checkout + "\n\n" + strings.Join(requirements, "\n\n") + "\n"
	files["go.sum"] = read(t, "go.sum")
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func build(t *testing.T, dir string) string {
	t.Helper()
	bin := filepath.Join(dir, "bootstrap")
	cmd := exec.Command("go", "build", "-mod=mod", "-tags", "lambda.norpc", "-o", bin, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

func TestReadmeFirstExample(t *testing.T) {
	example := goBlocks(read(t, "README.md"))[0]
	if n := strings.Count(example, "\n"); n >= 15 {
		t.Errorf("the example has %d lines; under 15 are promised", n)
	}
	if formatted, err := format.Source([]byte(example)); err != nil || string(formatted) != example {
		t.Errorf("the example is not formatted: %v", err)
	}
	bin := build(t, module(t, map[string]string{"main.go": example}))
	// One container: the second request must not start another while the first still works after its response.
	r, err := runner.Start(t.Context(), runner.Options{Binary: bin, Addr: "127.0.0.1:0", Containers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	seconds := regexp.MustCompile(`ttl=\d+`)
	readme := seconds.ReplaceAllString(read(t, "README.md"), "ttl=N")
	for i, want := range []string{"stillwarm; fwd=uri-miss; ", "stillwarm; hit; "} {
		res, err := http.Get(strings.TrimSuffix(r.URL(), "/") + "/?city=Oslo") //nolint:noctx // bounded by the runner
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		status := res.Header.Get("Cache-Status")
		if err != nil || string(body) != "sunny in Oslo" || !strings.HasPrefix(status, want) {
			t.Fatalf("request %d: %q %q %v", i+1, status, body, err)
		}
		if shown := "\nCache-Status: " + seconds.ReplaceAllString(status, "ttl=N") + "\n"; !strings.Contains(readme, shown) {
			t.Errorf("the README shows another output than%s", shown)
		}
	}
}

// What has no meaning must not compile: section 1 of the semantics.
func TestOptionsOfTheOtherKindDoNotCompile(t *testing.T) {
	const program = `package main

import (
	"context"

	"github.com/stillwarm/stillwarm/adapter"
)

func f(context.Context, int) (int, error) { return 0, nil }

func main() { %s }
`
	for name, call := range map[string]string{
		"Persist for a resource": `adapter.CacheResource(f, adapter.Persist(true))`,
		"MaxSize for a resource": `adapter.CacheResource(f, adapter.MaxSize("1MB"))`,
		"Validate for data":      `adapter.CacheData(f, adapter.Validate(func(context.Context, int) bool { return true }))`,
		"a legacy option":        `adapter.CacheData(f, adapter.AllowOutputMutation(true))`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := module(t, map[string]string{"main.go": fmt.Sprintf(program, call)})
			cmd := exec.Command("go", "build", "-mod=mod", "-o", os.DevNull, ".")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "GOWORK=off")
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "Option value in argument") {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}
