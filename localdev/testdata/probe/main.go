// Command probe is the function with which the runner's tests see what it does: its event says how to behave.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

var served atomic.Int64

// order says what to do. It comes as a raw event, or as the query or body of a request.
type order struct {
	Do     string   `json:"do"`
	Arg    string   `json:"arg"`
	Gate   string   `json:"gate"` // an address that is dialled, and waited for until it hangs up
	After  string   `json:"after"`
	Record string   `json:"record"` // written to stderr
	Env    []string `json:"env"`
}

func main() {
	switch os.Getenv("PROBE_INIT") {
	case "panic":
		panic("no luck at the start")
	case "exit":
		os.Exit(3)
	case "hang":
		select {}
	case "report":
		report()
	}
	if pidFile := os.Getenv("PROBE_CHILD"); pidFile != "" {
		child(pidFile)
	}
	if file := os.Getenv("PROBE_EXTENSION"); file != "" {
		signal.Ignore(syscall.SIGTERM) // so that the SHUTDOWN event has time to arrive
		extension(file)
	}
	if note := os.Getenv("PROBE_SIGTERM"); note != "" {
		lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() { terminated(note) }))
		return
	}
	lambda.Start(handle)
}

// terminated leaves a note that SIGTERM came. "stubborn" in it makes the process stay.
func terminated(note string) {
	_ = os.WriteFile(note, []byte("terminated"), 0o600)
	if !strings.Contains(note, "stubborn") {
		os.Exit(0)
	}
}

// child starts a process that would live for long, and leaves its id.
func child(pidFile string) {
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	_ = os.WriteFile(pidFile, fmt.Append(nil, cmd.Process.Pid), 0o600)
}

// report tells the Runtime API that the start failed, as a runtime does that finds no handler.
func report() {
	conn, err := net.Dial("tcp", os.Getenv("AWS_LAMBDA_RUNTIME_API"))
	if err != nil {
		panic(err)
	}
	body := `{"errorType":"Runtime.NoConfig","errorMessage":"the configuration is missing"}`
	fmt.Fprintf(conn, "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s",
		os.Getenv("AWS_LAMBDA_RUNTIME_API"), len(body), body)
	_, _ = bufio.NewReader(conn).ReadString('\n')
	os.Exit(1)
}

// deferred is a response whose Close works on after the client has its answer.
type deferred struct {
	r     io.Reader // not exported: aws-lambda-go would take a struct with exported fields for JSON
	close func()
}

func (d deferred) Read(p []byte) (int, error) { return d.r.Read(p) }

func (d deferred) Close() error { d.close(); return nil }

type answer struct {
	PID       int               `json:"pid"`
	Served    int64             `json:"served"`
	RequestID string            `json:"requestId"`
	ARN       string            `json:"arn"`
	Tenant    string            `json:"tenant"`
	Client    string            `json:"client"`
	Left      float64           `json:"left"` // seconds
	Env       map[string]string `json:"env,omitempty"`
	Event     json.RawMessage   `json:"event,omitempty"`
}

func handle(ctx context.Context, event json.RawMessage) (any, error) {
	o := orderOf(event)
	n := served.Add(1)
	if o.Record != "" {
		fmt.Fprintln(os.Stderr, strings.ReplaceAll(o.Record, "REQUEST", requestID(ctx)))
	}
	if o.Gate != "" {
		wait(o.Gate)
	}
	a := answer{PID: os.Getpid(), Served: n, RequestID: requestID(ctx), Env: map[string]string{}}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		a.ARN, a.Tenant, a.Client = lc.InvokedFunctionArn, lc.TenantID, lc.ClientContext.Custom["who"]
	}
	if deadline, ok := ctx.Deadline(); ok {
		a.Left = time.Until(deadline).Seconds()
	}
	for _, name := range o.Env {
		a.Env[name] = os.Getenv(name)
	}
	if o.After != "" {
		b, err := json.Marshal(a)
		return deferred{strings.NewReader(string(b)), func() { wait(o.After) }}, err
	}
	return act(o, a, event)
}

func act(o order, a answer, event json.RawMessage) (any, error) {
	switch o.Do {
	case "error":
		return nil, errors.New(o.Arg)
	case "panic":
		panic(o.Arg)
	case "exit":
		os.Exit(7)
	case "hang":
		select {}
	case "log":
		fmt.Println(o.Arg)
		slog.New(slog.NewJSONHandler(os.Stderr, nil)).Info("structured", "n", 1, "text", "two words")
	case "echo":
		a.Event = event
	case "raw":
		return json.RawMessage(o.Arg), nil
	case "big":
		return strings.Repeat("x", 7<<20), nil
	case "html":
		return events.LambdaFunctionURLResponse{
			StatusCode: 201, Headers: map[string]string{"Content-Type": "text/html", "X-One": "1"},
			Cookies: []string{"a=1; Path=/", "b=2"}, Body: "<p>hello</p>",
		}, nil
	case "binary":
		return events.LambdaFunctionURLResponse{
			StatusCode: 200, Headers: map[string]string{"Content-Type": "application/octet-stream"},
			Body: base64.StdEncoding.EncodeToString([]byte{0, 1, 2, 0xff}), IsBase64Encoded: true,
		}, nil
	case "stream":
		return stream(o.Arg), nil
	}
	return a, nil
}

// stream answers one line, waits for the gate to hang up, and answers a second line, or fails.
func stream(gate string) any {
	r, w := io.Pipe()
	go func() {
		_, _ = io.WriteString(w, "first\n")
		failing := strings.HasPrefix(gate, "fail ")
		wait(strings.TrimPrefix(gate, "fail "))
		if failing {
			_ = w.CloseWithError(errors.New("the source dried up"))
			return
		}
		_, _ = io.WriteString(w, "second\n")
		_ = w.Close()
	}()
	return &events.LambdaFunctionURLStreamingResponse{
		StatusCode: 206, Headers: map[string]string{"Content-Type": "text/plain"}, Cookies: []string{"s=1"}, Body: r,
	}
}

// wait dials the gate, which notes the arrival, and returns when the gate hangs up.
func wait(gate string) {
	conn, err := net.Dial("tcp", gate)
	if err != nil {
		panic(err)
	}
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
}

func requestID(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return ""
}

// orderOf reads the order from a raw event, or from a request's query.
func orderOf(event json.RawMessage) order {
	var o order
	_ = json.Unmarshal(event, &o)
	var request events.LambdaFunctionURLRequest
	if json.Unmarshal(event, &request) == nil && request.Version != "" {
		q := request.QueryStringParameters
		o = order{Do: q["do"], Arg: q["arg"], Gate: q["gate"], After: q["after"], Record: q["record"]}
	}
	return o
}
