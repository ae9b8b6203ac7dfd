package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/lambda"
	"github.com/stillwarm/stillwarm/lambda/internal/runtimeapitest"
)

// connection has something to release: that passes a gate.
type connection struct{}

func (*connection) Close() error { return runtimeapitest.Pass("release") }

func connect(context.Context, adapter.None) (*connection, error) { return &connection{}, nil }

// useConnection is a handler that holds a connection, whose runtime the options choose.
func useConnection(opts ...adapter.ResourceOption) func(context.Context) (string, error) {
	conn := adapter.CacheResource(connect, opts...)
	return func(ctx context.Context) (string, error) {
		_, err := conn.Get(ctx, adapter.None{})
		return "used", err
	}
}

var runs atomic.Int64

// count tells how often it ran; an order of nothing is an error.
func count(_ context.Context, o order) (int64, error) {
	n := runs.Add(1)
	if o.Item == "" {
		return 0, errors.New("nothing ordered")
	}
	return n, nil
}

func userCallback() { _ = runtimeapitest.Pass("user") }

func cacheFunctions() map[string]function {
	return map[string]function{
		"cache: handler": {start: func() { lambda.Start(lambda.CacheHandler(count, adapter.TTL("1h"))) }},
		"cache: http": {start: func() {
			lambda.Start(lambda.CacheHTTP(func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
				return events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: map[string]string{"Cache-Control": "max-age=60"}, Body: "x"}, nil
			}))
		}},
		"cache: gated": {start: func() {
			lambda.Start(lambda.CacheHandler(func(_ context.Context, o order) (string, error) { return o.Item, nil }, adapter.Name("gated")),
				lambda.WithSetEscapeHTML(true))
		}},
		"cache: release": {start: func() { lambda.Start(useConnection(), lambda.WithEnableSIGTERM(userCallback)) }},
		"cache: release, NewHandler": {start: func() {
			lambda.Start(lambda.NewHandlerWithOptions(useConnection(), lambda.WithEnableSIGTERM(userCallback)))
		}},
		"cache: release, WithRuntime": {start: func() {
			rt, err := adapter.New(adapter.Config{})
			if err != nil {
				panic(err)
			}
			lambda.Start(useConnection(adapter.WithRuntime(rt)), lambda.WithRuntime(rt), lambda.WithEnableSIGTERM(userCallback))
		}},
		"cache: nothing to release": {start: func() {
			number := adapter.CacheResource(func(context.Context, adapter.None) (*int, error) { return new(int), nil }, adapter.Name("number"))
			lambda.Start(func(ctx context.Context) (*int, error) { return number.Get(ctx, adapter.None{}) })
		}},
	}
}

func TestCachedHandlerRunsOnceForEqualEvents(t *testing.T) {
	s, _ := run(t, "cache: handler")
	for _, tt := range []struct{ payload, body string }{
		{`{"item":"tea"}`, `1`},
		{`{"item":"tea","count":0}`, `1`},
		{`{"item":"milk"}`, `2`},
		{`{}`, `nothing ordered`},
		{`{}`, `nothing ordered`},
		{`{"item":"tea"}`, `1`},
		{`{"item":"cake"}`, `5`},
	} {
		if a := answer(t, s.Send(runtimeapitest.Event{Payload: []byte(tt.payload)})); !strings.Contains(string(a.Body), tt.body) {
			t.Errorf("%s: answered %s, want %s", tt.payload, a.Body, tt.body)
		}
	}
}

func TestInvocationIsRecordedBeforeTheNext(t *testing.T) {
	for name, tt := range map[string]struct {
		env    string
		marked bool
	}{
		"in development":              {"STILLWARM_MODE=development", true},
		"deployed, not by default":    {"STILLWARM_MODE=deployed", false},
		"deployed, with debug output": {"AWS_LAMBDA_LOG_LEVEL=DEBUG", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := run(t, "cache: handler", tt.env)
			inv := s.Send(runtimeapitest.Event{Payload: []byte(`{"item":"tea"}`), RequestID: "abc-1"})
			runtimeapitest.Wait(t, "the end of the invocation", inv.Done())
			log := strings.NewReplacer(`"`, "", ":", "=").Replace(p.Log()) // JSON and text alike
			for _, part := range []string{"stillwarm= invocation", "requestId=abc-1", "hits=0", "misses=1", "runs=1", "handlerMs=", "afterMs="} {
				if strings.Contains(log, part) != tt.marked {
					t.Errorf("%q in the log: %v, want %v\n%s", part, !tt.marked, tt.marked, p.Log())
				}
			}
		})
	}
}

// Requests to an HTTP cache are counted as calls are.
func TestInvocationRecordsCountRequests(t *testing.T) {
	s, p := run(t, "cache: http", "AWS_LAMBDA_LOG_LEVEL=DEBUG")
	event, err := json.Marshal(v2("/"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"hits=0 misses=1 stale=0 waits=0 runs=1", "hits=1 misses=0 stale=0 waits=0 runs=0"} {
		before := len(p.Log())
		inv := s.Send(runtimeapitest.Event{Payload: event})
		runtimeapitest.Wait(t, "the end of the invocation", inv.Done())
		log := strings.NewReplacer(`"`, "", ":", "=", ",", " ").Replace(p.Log()[before:]) // JSON and text alike
		if !strings.Contains(log, want) {
			t.Errorf("want %s in\n%s", want, log)
		}
	}
}

func TestResourcesAreReleasedOnceAtSIGTERM(t *testing.T) {
	for _, name := range []string{"cache: release", "cache: release, NewHandler", "cache: release, WithRuntime"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := run(t, name)
			if a := answer(t, s.Send(runtimeapitest.Event{Payload: []byte("{}")})); string(a.Body) != `"used"` {
				t.Fatalf("answered %s", a.Body)
			}
			if got := s.Extensions(); len(got) != 1 {
				t.Errorf("registered extensions %v, want one", got)
			}
			if err := p.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			runtimeapitest.Wait(t, "the user's callback", s.Gate("user").Reached())
			if isClosed(s.Gate("release").Reached()) {
				t.Error("the resource was released before the user's callback was done")
			}
			s.Gate("release").Open()
			s.Gate("user").Open()
			runtimeapitest.Wait(t, "the release", s.Gate("release").Reached())
			s.Close() // the service goes away, and the process with it
			runtimeapitest.Wait(t, "the end of the process", p.Exited())
			if n := s.Gate("release").Passed(); n > 1 {
				t.Errorf("released %d times", n)
			}
		})
	}
}

func TestNoExtensionWithoutSomethingToRelease(t *testing.T) {
	s, _ := run(t, "cache: nothing to release")
	answer(t, s.Send(runtimeapitest.Event{Payload: []byte("{}")}))
	if got := s.Extensions(); len(got) != 0 {
		t.Errorf("registered %v: a cold start pays for it", got)
	}
}
