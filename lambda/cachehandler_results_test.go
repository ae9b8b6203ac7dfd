package lambda_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/lambda"
)

func TestResultsThatAreNone(t *testing.T) {
	t.Run("L4 batch failures, streams and interfaces are refused with the way out", func(t *testing.T) {
		for want, text := range map[string]string{
			"repeated at each retry":     refusal[ownEvent, events.SQSEventResponse](t),
			"would be repeated":          refusal[ownEvent, *events.DynamoDBTimeWindowEventResponse](t),
			"can be read once":           refusal[ownEvent, *events.LambdaFunctionURLStreamingResponse](t),
			"cache what it is made of":   refusal[ownEvent, *bytes.Buffer](t),
			"return the type itself":     refusal[ownEvent, any](t),
			"which can be read once; re": refusal[ownEvent, io.Reader](t),
		} {
			if !strings.Contains(text, want) || strings.Contains(text, "CacheResource") {
				t.Errorf("%q is not in %q", want, text)
			}
		}
	})
	t.Run("L4 a failure with a nil error is not cached", func(t *testing.T) {
		for status, runsWanted := range map[int]int{200: 1, 404: 1, 408: 3, 425: 3, 429: 3, 500: 3, 503: 3} {
			runs := 0
			h := lambda.CacheHandler(func(context.Context, ownEvent) (events.APIGatewayProxyResponse, error) {
				runs++
				return events.APIGatewayProxyResponse{StatusCode: status}, nil
			}, adapter.Name(fmt.Sprint("status.", status)))
			for range 3 {
				if res, err := h.Call(t.Context(), ownEvent{}); err != nil || res.StatusCode != status {
					t.Fatal(res, err)
				}
			}
			if runs != runsWanted {
				t.Errorf("%d: %d runs, want %d", status, runs, runsWanted)
			}
		}
	})
	t.Run("L4 a status of any kind of integer counts", func(t *testing.T) {
		runs := 0
		type answer struct{ StatusCode int32 }
		h := lambda.CacheHandler(func(context.Context, ownEvent) (answer, error) { runs++; return answer{503}, nil }, adapter.Name("status.int32"))
		for want := range 2 {
			if res, err := h.Call(t.Context(), ownEvent{}); err != nil || res.StatusCode != 503 || runs != want+1 {
				t.Error(res, err, runs)
			}
		}
	})
	t.Run("T6 L4 a failure is answered by an older result where FailSafe allows it", func(t *testing.T) {
		now := time.Now()
		rt, err := adapter.New(adapter.Config{Backend: "none", Clock: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		status := 200
		h := lambda.CacheHandler(func(context.Context, ownEvent) (events.APIGatewayProxyResponse, error) {
			return events.APIGatewayProxyResponse{StatusCode: status}, nil
		}, adapter.Name("status.failsafe"), adapter.WithRuntime(rt), adapter.TTL("1m"), adapter.FailSafe("1h"))
		for _, status = range []int{200, 503} {
			if res, err := h.Call(t.Context(), ownEvent{}); err != nil || res.StatusCode != 200 {
				t.Errorf("the handler's %d was answered as %d, %v", status, res.StatusCode, err)
			}
			now = now.Add(2 * time.Minute)
		}
	})
	t.Run("L4 CacheIf decides where it is given", func(t *testing.T) {
		runs := 0
		h := lambda.CacheHandler(func(context.Context, ownEvent) (*events.ALBTargetGroupResponse, error) {
			runs++
			return &events.ALBTargetGroupResponse{StatusCode: 503}, nil
		}, adapter.Name("status.own"), adapter.CacheIf(func(*events.ALBTargetGroupResponse) bool { return true }))
		for range 3 {
			if _, err := h.Call(t.Context(), ownEvent{}); err != nil {
				t.Fatal(err)
			}
		}
		if runs != 1 {
			t.Errorf("%d runs", runs)
		}
	})
}
