package lambda_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/lambda"
	"github.com/stillwarm/stillwarm/lambda/internal/runtimeapitest"
)

// handle is a resource that knows whether it was released.
type handle struct{ closed atomic.Bool }

func (h *handle) Close() error {
	if h.closed.Swap(true) {
		panic("closed twice")
	}
	return nil
}

func openHandle(context.Context, int) (*handle, error) { return &handle{}, nil }

func square(_ context.Context, n int) (int, error) { return n * n, nil }

// busy is a handler that uses both kinds of cached functions under keys of its own, and says when it must not.
func busy() any {
	handles := adapter.CacheResource(openHandle)
	squares := adapter.CacheData(square)
	return func(ctx context.Context, n int) (string, error) {
		h, err := handles.Get(ctx, n%3)
		if err != nil {
			return "", err
		}
		v, err := squares.Get(ctx, n)
		if err != nil {
			return "", err
		}
		return fmt.Sprint(v, " closed: ", h.closed.Load()), nil
	}
}

func shutdownFunctions() map[string]function {
	return map[string]function{"shutdown: busy": {start: func() { lambda.Start(busy()) }}}
}

func TestCloseBesideCalls(t *testing.T) {
	t.Run("L5 SIGTERM on Managed Instances while calls run: all are answered, nothing panics, nothing races", func(t *testing.T) {
		s, p := run(t, "shutdown: busy", "AWS_LAMBDA_MAX_CONCURRENCY=4",
			"AWS_LAMBDA_INITIALIZATION_TYPE=lambda-managed-instances", "STILLWARM_BACKEND=memory:")
		const calls = 400
		var sent []*runtimeapitest.Invocation
		for n := range calls {
			sent = append(sent, s.Send(runtimeapitest.Event{Payload: fmt.Append(nil, n)}))
		}
		answer(t, sent[calls/8])
		if err := p.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		for n, inv := range sent {
			if a := answer(t, inv); a.Failed || string(a.Body) != fmt.Sprintf(`"%d closed: false"`, n*n) {
				t.Fatalf("call %d was answered %s", n, a.Body)
			}
		}
		for _, bad := range []string{"DATA RACE", "panic", "WaitGroup"} {
			if log := p.Log(); strings.Contains(log, bad) {
				t.Fatalf("the log has %q:\n%s", bad, log)
			}
		}
	})
}
