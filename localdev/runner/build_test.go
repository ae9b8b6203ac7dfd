package runner_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/localdev/internal/proctest"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

func TestBuild(t *testing.T) {
	t.Run("a folder is built under its own go.mod", func(t *testing.T) {
		r := start(t, runner.Options{Function: filepath.Join("..", "testdata", "probe"), Tags: "lambda.norpc", FastBuild: true})
		if _, a := invoke(t, r, order{}); a.Served != 1 {
			t.Errorf("%+v", a)
		}
	})
	t.Run("a function gets the backend that nobody has asked for only where it can use it", func(t *testing.T) {
		for folder, want := range map[string]string{"../../examples/http-api": "", "../../lambda/demo": "disk://"} {
			r := start(t, runner.Options{Function: folder, FastBuild: true})
			if got := r.Backend(); (got == "") != (want == "") || !strings.HasPrefix(got, want) {
				t.Errorf("%s: %q", folder, got)
			}
			if note := r.BackendNote(); strings.Contains(note, "does not import backends/disk") != (want == "") {
				t.Errorf("%s: %q", folder, note)
			}
		}
	})
	broken := func(t *testing.T) string {
		dir := t.TempDir()
		write(t, dir, "go.mod", "module broken\n\ngo 1.26\n")
		write(t, dir, "main.go", "package main\n\nfunc main() { undefinedThing() }\n")
		return dir
	}
	t.Run("a failed build is an error with the compiler's output", func(t *testing.T) {
		t.Setenv("GOWORK", "off")
		_, err := runner.Start(proctest.Context(t), runner.Options{Function: broken(t)})
		if err == nil || !strings.Contains(err.Error(), "undefined: undefinedThing") {
			t.Error(err)
		}
	})
	t.Run("requests show a failed build and find it mended", func(t *testing.T) {
		t.Setenv("GOWORK", "off")
		dir := broken(t)
		r := start(t, runner.Options{Function: dir, ServeBuildErrors: true})
		request, _ := http.NewRequestWithContext(proctest.Context(t), http.MethodGet, r.URL(), nil)
		request.Header.Set("Accept", "text/html")
		response, body := do(t, request)
		if response.StatusCode != 502 || !strings.Contains(body, "undefined: undefinedThing") || !strings.Contains(body, "<pre>") {
			t.Errorf("%s %s", response.Status, body)
		}
		write(t, dir, "main.go", "package main\n\nimport \"os\"\n\nfunc main() { os.Exit(9) }\n")
		if _, body := get(t, r.URL()); !strings.Contains(body, "exit status 9") {
			t.Error(body)
		}
	})
	t.Run("bad options are named", func(t *testing.T) {
		_, err := runner.Start(t.Context(), runner.Options{
			Binary: probe, Containers: -1, MemoryMB: 5, Env: []string{"novalue"},
		})
		for _, want := range []string{"containers is -1", "memory is 5 MB", `env "novalue"`} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not say %s", err, want)
			}
		}
	})
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
