package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// runtimeAPI is a Lambda Runtime API on loopback for one process at a time.
type runtimeAPI struct {
	addr    string
	http    *http.Server
	polls   chan time.Time // when the process asked for work
	events  chan []byte
	answers chan answered
	last    int
}

type answered struct {
	at     time.Time
	body   []byte
	failed bool
}

func newRuntimeAPI() (*runtimeAPI, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("runtime API: %w", err)
	}
	a := &runtimeAPI{
		addr: listener.Addr().String(), polls: make(chan time.Time, 1), events: make(chan []byte), answers: make(chan answered, 1),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", a.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{outcome}", a.answer)
	a.http = &http.Server{Handler: mux}
	go func() { _ = a.http.Serve(listener) }()
	return a, nil
}

func (a *runtimeAPI) close() { _ = a.http.Close() }

func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	select {
	case a.polls <- time.Now():
	case <-r.Context().Done():
		return
	}
	select {
	case event := <-a.events:
		a.last++
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", "request-"+strconv.Itoa(a.last))
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:bench")
		_, _ = w.Write(event) // a process that is gone is found out by its missing answer
	case <-r.Context().Done():
	}
}

func (a *runtimeAPI) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	at := time.Now()
	w.WriteHeader(http.StatusAccepted)
	a.answers <- answered{at, body, err != nil || r.PathValue("outcome") != "response"}
}

// patience is how long a process may take for a start or for an answer.
const patience = 30 * time.Second

// await waits for the process to ask for work and returns when it did.
func (a *runtimeAPI) await() (time.Time, error) {
	select {
	case at := <-a.polls:
		return at, nil
	case <-time.After(patience):
		return time.Time{}, fmt.Errorf("the function did not ask for work within %v", patience)
	}
}

// invoke sends an event to the process, which must be waiting, and returns how long its client waited for the answer. It
// returns when the process asks for more work.
func (a *runtimeAPI) invoke(event []byte) (time.Duration, error) {
	start := time.Now()
	a.events <- event
	select {
	case got := <-a.answers:
		if got.failed {
			return 0, fmt.Errorf("the function failed: %s", got.body)
		}
		_, err := a.await()
		return got.at.Sub(start), err
	case <-time.After(patience):
		return 0, fmt.Errorf("no answer within %v", patience)
	}
}

// A process is a function behind a Runtime API of its own.
type process struct {
	api *runtimeAPI
	cmd *exec.Cmd
}

// command is the function's process, not started. env is added to what Lambda sets.
func (a *runtimeAPI) command(binary string, env []string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), binary)
	cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + a.addr, "AWS_LAMBDA_FUNCTION_NAME=bench", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_REGION=us-east-1", "HOME=" + os.TempDir(), "PATH=" + os.Getenv("PATH"),
	}, env...)
	return cmd
}

// stop ends a process and takes what it may have left in the API.
func (a *runtimeAPI) stop(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	select {
	case <-a.polls:
	default:
	}
}

// start starts a function and waits until it asks for work.
func start(h *host, binary string, env ...string) (*process, error) {
	api, err := newRuntimeAPI()
	if err != nil {
		return nil, err
	}
	h.Cleanup(api.close)
	cmd := api.command(binary, env)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h.Cleanup(func() { api.stop(cmd) })
	_, err = api.await()
	return &process{api, cmd}, err
}
