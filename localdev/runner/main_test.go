package runner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/stillwarm/stillwarm/localdev/internal/proctest"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

// probe is the built test function.
var probe string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "runner-test-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(folder)
		if probe, err = proctest.Build("testdata/probe", folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// start starts a runner for the probe that ends with the test.
func start(t *testing.T, o runner.Options) *runner.Runner {
	t.Helper()
	if o.Binary == "" && o.Function == "" {
		o.Binary = probe
	}
	r, err := runner.Start(proctest.Context(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// answer is what the probe says of itself.
type answer struct {
	PID       int               `json:"pid"`
	Served    int               `json:"served"`
	RequestID string            `json:"requestId"`
	ARN       string            `json:"arn"`
	Tenant    string            `json:"tenant"`
	Client    string            `json:"client"`
	Left      float64           `json:"left"`
	Env       map[string]string `json:"env"`
}

// order is what the probe is told.
type order map[string]any

func (o order) json() []byte {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return b
}

// invoke sends an order and fails the test unless it is answered.
func invoke(t *testing.T, r *runner.Runner, o order) (runner.Response, answer) {
	t.Helper()
	response, err := r.Invoke(proctest.Context(t), o.json())
	if err != nil {
		t.Fatal(err)
	}
	if response.FunctionError != "" {
		t.Fatalf("the function failed: %s", response.Payload)
	}
	var a answer
	if err := json.Unmarshal(response.Payload, &a); err != nil {
		t.Fatalf("%s: %v", response.Payload, err)
	}
	return response, a
}

// fails sends an order and returns the error document that it is answered.
func fails(t *testing.T, r *runner.Runner, o order) (errorType, message string) {
	t.Helper()
	response, err := r.Invoke(proctest.Context(t), o.json())
	if err != nil {
		t.Fatal(err)
	}
	if response.FunctionError != "Unhandled" {
		t.Fatalf("FunctionError %q, payload %s", response.FunctionError, response.Payload)
	}
	var d struct{ ErrorType, ErrorMessage string }
	if err := json.Unmarshal(response.Payload, &d); err != nil {
		t.Fatalf("%s: %v", response.Payload, err)
	}
	return d.ErrorType, d.ErrorMessage
}

// get asks the function's URL and returns the response and its body.
func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(proctest.Context(t), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, request)
}

func do(t *testing.T, request *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func post(t *testing.T, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(proctest.Context(t), http.MethodPost, url, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	return do(t, request)
}

func waitIdle(t *testing.T, r *runner.Runner) {
	t.Helper()
	if err := r.WaitIdle(proctest.Context(t)); err != nil {
		t.Fatal(err)
	}
}

// invocations collects complete invocations.
type invocations struct {
	mu   sync.Mutex
	list []runner.Invocation
	more chan struct{}
}

func newInvocations() *invocations { return &invocations{more: make(chan struct{}, 1000)} }

func (i *invocations) add(inv runner.Invocation) {
	i.mu.Lock()
	i.list = append(i.list, inv)
	i.mu.Unlock()
	i.more <- struct{}{}
}

// next waits for one more to be complete and returns the last.
func (i *invocations) next(t *testing.T) runner.Invocation {
	t.Helper()
	select {
	case <-i.more:
	case <-proctest.Context(t).Done():
		t.Fatal("no invocation became complete")
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.list[len(i.list)-1]
}

// buffer is a writer that can be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
