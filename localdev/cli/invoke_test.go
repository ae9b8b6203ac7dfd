package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/localdev/internal/proctest"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

func TestInvokeAndEvents(t *testing.T) {
	r, err := runner.Start(proctest.Context(t), runner.Options{Binary: probe})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	addr := strings.TrimPrefix(r.URL(), "http://")
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "event.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name string
		args []string
		want string
		code int
	}{
		{"an event of a file", []string{"invoke", file(`{"do":"raw","arg":"[1,2]"}`), "--addr", addr}, "[1,2]\n", 0},
		{"a sample", []string{"invoke", "sqs", "--addr", addr}, `"served":`, 0},
		{"a function that fails", []string{"invoke", file(`{"do":"error","arg":"boom"}`), "--addr", addr}, "the function failed (Unhandled)", 1},
		{"nobody answers", []string{"invoke", "sqs", "--addr", "127.0.0.1:1"}, "start the function with", 1},
		{"no such file", []string{"invoke", "sqz"}, "neither a file nor a sample", 2},
		{"no JSON", []string{"invoke", file("{")}, "is not JSON", 2},
		{"the list", []string{"events"}, "EventBridge schedule", 0},
		{"one", []string{"events", "s3"}, `"Records"`, 0},
		{"none", []string{"events", "s4"}, "there are", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			if code := Main(proctest.Context(t), c.args, &out, &out); code != c.code || !strings.Contains(out.String(), c.want) {
				t.Errorf("status %d: %s", code, out.String())
			}
		})
	}
}

func TestJSONLog(t *testing.T) {
	var log bytes.Buffer
	r, err := runner.Start(proctest.Context(t), runner.Options{Binary: probe, JSON: true, Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Invoke(proctest.Context(t), []byte(`{"do":"log","arg":"a line"}`)); err != nil {
		t.Fatal(err)
	}
	if err := r.WaitIdle(proctest.Context(t)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	kinds := map[string]int{}
	for line := range strings.Lines(log.String()) {
		var record struct{ Kind, Text string }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		kinds[record.Kind+" "+record.Text]++
	}
	if kinds["log a line"] != 1 || kinds["invocation "] != 1 {
		t.Errorf("%v", kinds)
	}
}
