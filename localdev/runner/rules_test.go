package runner_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stillwarm/stillwarm/localdev/internal/proctest"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

func TestRuntimeAPIRules(t *testing.T) {
	rogue, err := proctest.Build("testdata/rogue", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var said []string
	r := start(t, runner.Options{Binary: rogue, Containers: 1, OnOutput: func(_ int, line []byte) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, string(line))
	}})
	response, err := r.Invoke(proctest.Context(t), []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	waitIdle(t, r)
	t.Run("the first response counts", func(t *testing.T) {
		if string(response.Payload) != `"right"` {
			t.Errorf("%s", response.Payload)
		}
	})
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{
		"register without a name: 403 Extension.MissingHeader",
		"register for nonsense: 403 Extension.InvalidEventType",
		"register without JSON: 400 InvalidRequestFormat",
		"an event for an unknown extension: 403 Extension.UnknownExtensionIdentifier",
		"an unknown path: 404 ",
		"a response before any invocation: 400 InvalidRequestID",
		"next: 200 ",
		"next before the response: 403 InvalidStateTransition",
		"a response for another invocation: 400 InvalidRequestID",
		"an init error too late: 403 InvalidStateTransition",
		"register too late: 403 Extension.RegistrationClosed",
		"the response: 202 ",
		"a second response: 403 InvalidStateTransition",
		"an error after the response: 403 InvalidStateTransition",
	} {
		name, _, _ := strings.Cut(want, ":")
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(strings.Join(said, "\n")+"\n", want+"\n") {
				t.Errorf("want %q in %q", want, said)
			}
		})
	}
}

func TestProgress(t *testing.T) {
	r := start(t, runner.Options{Containers: 1})
	gate := proctest.NewGate(t)
	record := `{"level":"INFO","msg":"stillwarm: running","text":"Running fetchQuotes(...)","function":"fetchQuotes","elapsed":200000000}`
	done := make(chan struct{})
	go func() {
		defer close(done)
		get(t, r.URL()+"/?gate="+gate.Addr+"&record="+url.QueryEscape(record))
	}()
	pass := gate.Arrive(t)
	shows := func() bool {
		_, state := get(t, r.URL()+"/_stillwarm/state")
		return strings.Contains(state, `"text":"Running fetchQuotes(...)"`)
	}
	t.Run("the page shows what runs", func(t *testing.T) { proctest.Eventually(t, "the progress", shows) })
	pass()
	<-done
	t.Run("and no longer when it is over", func(t *testing.T) {
		proctest.Eventually(t, "the progress to leave", func() bool { return !shows() })
	})
}

func TestDefaultFunction(t *testing.T) {
	t.Run("the demo is found from a folder below the repository's", func(t *testing.T) {
		t.Setenv("GOWORK", "off")
		root := t.TempDir()
		below := filepath.Join(root, "docs", "deep")
		for _, dir := range []string{below, filepath.Join(root, "lambda", "demo")} {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		write(t, root, "go.mod", "module other\n\ngo 1.26\n")
		write(t, filepath.Join(root, "lambda", "demo"), "main.go", "package main\n\nfunc main() { panic(1) }\n")
		t.Chdir(below)
		r, err := runner.Start(proctest.Context(t), runner.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		want, err := filepath.EvalSymlinks(filepath.Join(root, "lambda", "demo"))
		if err != nil {
			t.Fatal(err)
		}
		if r.Function() != want || r.Options().Name != "demo" {
			t.Errorf("%s, %s", r.Function(), r.Options().Name)
		}
	})
}
