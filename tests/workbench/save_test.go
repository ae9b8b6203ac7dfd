package workbench

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/localdev/runner"
)

// demo copies the demo into a folder of this module, where it may be edited, and lets it say which edition it is.
func demo(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("testdata", "edited-") //nolint:usetesting // within this module
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	source := filepath.Join("..", "..", "lambda", "demo")
	files, err := os.ReadDir(source)
	if err != nil {
		tb.Fatal(err)
	}
	told := false
	for _, f := range files {
		if strings.HasSuffix(f.Name(), "_test.go") || strings.HasSuffix(f.Name(), ".md") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(source, f.Name()))
		if err != nil {
			tb.Fatal(err)
		}
		const before = "\tres.Headers[\"Referrer-Policy\"]"
		if with := strings.Replace(string(text), before, "\tres.Headers[\"X-Edition\"] = edition\n"+before, 1); with != string(text) {
			text, told = []byte(with), true
		}
		write(tb, filepath.Join(dir, f.Name()), string(text))
	}
	if !told {
		tb.Fatal("the demo's page sets no headers any more: the benchmark does not know how to tell its editions apart")
	}
	edit(tb, dir, 0)
	return dir
}

func edit(tb testing.TB, dir string, n int) {
	write(tb, filepath.Join(dir, "edition.go"), fmt.Sprintf("package main\n\nconst edition = \"%d\"\n", n))
}

// BenchmarkSave measures what a developer waits for after a save of the demo: until the first answer of the new version,
// with its parts. -benchtime 10x is ten saves; what is reported are medians.
func BenchmarkSave(b *testing.B) {
	dir := demo(b)
	r, err := runner.Start(b.Context(), runner.Options{
		Function: dir, Watch: true, FastBuild: true, BuildCommand: []string{stillwarm(b), "build"},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(r.Close)
	parts := map[string][]time.Duration{}
	for n := 1; b.Loop(); n++ {
		s := save(b, r, dir, n)
		for name, took := range s {
			parts[name] = append(parts[name], took)
		}
		b.Logf("save %d: %v", n, s)
	}
	for name, took := range parts {
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Milliseconds()), name+"-ms")
	}
	b.ReportMetric(0, "ns/op")
}

// save makes an edition and returns how long each part took until its first answer. It asks nothing while the build runs:
// the machine is the build's.
func save(b *testing.B, r *runner.Runner, dir string, n int) map[string]time.Duration {
	before := r.Build()
	saved := time.Now()
	edit(b, dir, n)
	var noticed time.Time
	var built runner.BuildState
	for built.Serving == 0 {
		switch state := r.Build(); {
		case state.Status == runner.Failed:
			b.Fatal(state.Problem)
		case state.Status == runner.Building && noticed.IsZero():
			noticed = state.Since
		case state.Status == runner.Built && state.Serving > before.Serving:
			built = state
		}
		time.Sleep(time.Millisecond)
	}
	response, err := http.Get(r.URL() + "/")
	if err != nil {
		b.Fatal(err)
	}
	_ = response.Body.Close()
	if got := response.Header.Get("X-Edition"); got != strconv.Itoa(n) {
		b.Fatalf("edition %q answered, want %d", got, n)
	}
	return map[string]time.Duration{
		"total": time.Since(saved), "notice": noticed.Sub(saved), "build": built.Took, "start": time.Since(built.Since),
	}
}
