package runner_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/localdev/internal/proctest"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

// shellRuntime is a custom runtime: a shell and curl.
const shellRuntime = `#!/bin/sh
set -eu
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
headers=$(mktemp)
while true; do
	event=$(curl -sS -D "$headers" "$api/next")
	id=$(grep -i '^Lambda-Runtime-Aws-Request-Id:' "$headers" | tr -d '[:space:]' | cut -d: -f2)
	echo "got $event"
	curl -sS -o /dev/null -X POST "$api/$id/response" -d "{\"echo\":$event}"
done
`

func TestAShellIsARuntime(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	script := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(script, []byte(shellRuntime), 0o755); err != nil {
		t.Fatal(err)
	}
	var log buffer
	r := start(t, runner.Options{Binary: script, Containers: 1, Log: &log})
	for _, event := range []string{`{"a":1}`, `"two"`} {
		response, err := r.Invoke(proctest.Context(t), []byte(event))
		if err != nil || string(response.Payload) != `{"echo":`+event+`}` {
			t.Errorf("%s, %v", response.Payload, err)
		}
	}
	waitIdle(t, r)
	if !strings.Contains(log.String(), `got {"a":1}`) {
		t.Error(log.String())
	}
}

func TestFreezeBetweenInvocations(t *testing.T) {
	r := start(t, runner.Options{Containers: 1, Freeze: true})
	for range 2 {
		invoke(t, r, order{})
		proctest.Eventually(t, "the container to freeze", func() bool {
			c := r.Containers()
			return len(c) == 1 && c[0].Frozen
		})
	}
}
