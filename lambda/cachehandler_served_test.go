package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/lambda"
	"github.com/stillwarm/stillwarm/lambda/internal/runtimeapitest"
)

func TestCachedHandler(t *testing.T) {
	runs := 0
	h := lambda.CacheHandler(func(_ context.Context, e ownEvent) (string, error) {
		runs++
		return fmt.Sprint(e.Item, runs), nil
	}, adapter.Name("cachedhandler"), adapter.TTL("1h"))
	tea := ownEvent{Item: "tea"}
	call := func(want string) {
		t.Helper()
		if got, err := h.Call(t.Context(), tea); err != nil || got != want {
			t.Fatalf("got %q %v, want %q", got, err, want)
		}
	}
	t.Run("L4 Call, Clear, ClearFor, Refresh, Stats, Explain", func(t *testing.T) {
		call("tea1")
		call("tea1")
		if x, err := h.Explain(t.Context(), tea); err != nil || !x.Hit {
			t.Fatalf("%+v %v", x, err)
		}
		if err := h.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		call("tea2")
		if err := h.ClearFor(t.Context(), tea); err != nil {
			t.Fatal(err)
		}
		call("tea3")
		if got, err := h.Refresh(t.Context(), tea); err != nil || got != "tea4" {
			t.Fatal(got, err)
		}
		call("tea4")
		if s := h.Stats(); s.Hits != 2 || s.Runs != 4 {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("a nil handler", func(t *testing.T) {
		defer func() {
			if _, ok := recover().(error); !ok {
				t.Error("accepted")
			}
		}()
		lambda.CacheHandler[ownEvent, string](nil)
	})
}

func TestHandlerThatNeverHits(t *testing.T) {
	var log bytes.Buffer
	rt, err := adapter.New(adapter.Config{Mode: adapter.Deployed, Logger: slog.New(slog.NewJSONHandler(&log, nil)), Backend: "none"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := lambda.ContextWithRuntime(t.Context(), rt)
	t.Run("L4 says so once, with the fields that differed and no values", func(t *testing.T) {
		h := lambda.CacheHandler(func(_ context.Context, e ownEvent) (string, error) { return e.Item, nil }, adapter.Name("neverhits"), adapter.WithRuntime(rt))
		for i := range 300 {
			e := ownEvent{Item: "secret-tea", At: int64(i), Meta: map[string]string{"request-id": fmt.Sprint("v", i), "same": "x", "alice@example.com": fmt.Sprint(i)}}
			if _, err := h.Call(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Fatalf("%d records: %s", n, log.String())
		}
		var record struct {
			Level, Msg, Hint   string
			Misses             int
			FieldsThatDiffered []string
		}
		if err := json.Unmarshal(log.Bytes(), &record); err != nil {
			t.Fatal(err)
		}
		if want := []string{"At", "Meta.request-id"}; !reflect.DeepEqual(record.FieldsThatDiffered, want) || record.Misses != 100 || record.Level != "WARN" {
			t.Errorf("%s", log.String())
		}
		for _, value := range []string{"secret-tea", "v99", "alice"} {
			if strings.Contains(log.String(), value) {
				t.Errorf("the log has a value: %s", log.String())
			}
		}
	})
	t.Run("L4 equal events whose results are not kept", func(t *testing.T) {
		log.Reset()
		h := lambda.CacheHandler(func(context.Context, ownEvent) (string, error) { return "", errors.New("down") }, adapter.Name("neverkept"), adapter.WithRuntime(rt))
		for range 150 {
			_, _ = h.Call(ctx, ownEvent{})
		}
		if s := log.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, "refused by CacheIf") {
			t.Error(s)
		}
	})
	t.Run("L4 what differed is named whatever its type, and nothing that is not part of the key", func(t *testing.T) {
		for want, call := range map[string]func(i int){
			`["At"]`: missing(ctx, t, "time", rt, func(i int) timedEvent {
				return timedEvent{At: time.Unix(int64(i), 0), ID: fmt.Sprint(i)}
			}),
			`["Who"]`: missing(ctx, t, "redacted", rt, func(i int) redactedEvent {
				return redactedEvent{Who: redacted(fmt.Sprint(i))}
			}),
			`["Meta"]`: missing(ctx, t, "names", rt, func(i int) ownEvent {
				return ownEvent{Meta: map[string]string{fmt.Sprintf("%036d", i): ""}}
			}),
			`["Items"]`:             missing(ctx, t, "list", rt, func(i int) listEvent { return listEvent{Items: []int{1, 2, 3, 4, i}} }),
			`["(the whole event)"]`: missing(ctx, t, "raw", rt, func(i int) json.RawMessage { return json.RawMessage(fmt.Sprint(i)) }),
			`["username"]`: missing(ctx, t, "vpn", rt, func(i int) events.ClientVPNConnectionHandlerRequest {
				return events.ClientVPNConnectionHandlerRequest{ConnectionID: fmt.Sprint(i), Username: fmt.Sprint(i)}
			}),
			`["userName"]`: missing(ctx, t, "embedded", rt, func(i int) (e events.CognitoEventUserPoolsPreSignup) {
				e.UserName = fmt.Sprint(i)
				return e
			}),
		} {
			log.Reset()
			for i := range 100 {
				call(i)
			}
			if s := log.String(); !strings.Contains(s, `"fieldsThatDiffered":`+want) || !strings.Contains(s, "adapter.Key") {
				t.Errorf("want %s: %s", want, s)
			}
		}
	})
	t.Run("L4 the same keys again and again are results that are not kept, whatever else the events have", func(t *testing.T) {
		log.Reset()
		h := lambda.CacheHandler(func(context.Context, timedEvent) (string, error) { return "", errors.New("down") },
			adapter.Name("samekeys"), adapter.WithRuntime(rt))
		for i := range 100 {
			_, _ = h.Call(ctx, timedEvent{ID: fmt.Sprint(i)})
		}
		s := log.String()
		if strings.Count(s, "\n") != 1 || !strings.Contains(s, "refused by CacheIf") || !strings.Contains(s, `"fieldsThatDiffered":null`) {
			t.Error(s)
		}
	})
	t.Run("L4 calls that are not to be cached do not count, and no misses of functions that the handler calls", func(t *testing.T) {
		inner := adapter.CacheData(func(_ context.Context, i int) (int, error) { return i, nil },
			adapter.Name("neverhits.inner"), adapter.WithRuntime(rt))
		runs := 0
		declined := lambda.CacheHandler(func(ctx context.Context, _ ownEvent) (int, error) { runs++; return inner.Get(ctx, runs) },
			adapter.Name("declined"), adapter.WithRuntime(rt), adapter.Key(func(ownEvent) (int, bool) { return 0, false }))
		object := lambda.CacheHandler(func(ctx context.Context, _ events.S3ObjectLambdaEvent) (int, error) {
			runs++
			return inner.Get(ctx, runs)
		},
			adapter.Name("object"), adapter.WithRuntime(rt))
		log.Reset()
		for range 120 {
			_, _ = declined.Call(ctx, ownEvent{})
			_, _ = object.Call(ctx, events.S3ObjectLambdaEvent{GetObjectContext: &events.S3ObjectLambdaGetObjectContext{OutputToken: "t"}})
		}
		if s := log.String(); strings.Contains(s, "has not hit") {
			t.Error(s)
		}
	})
	t.Run("a handler that hits says nothing", func(t *testing.T) {
		log.Reset()
		h := lambda.CacheHandler(func(context.Context, ownEvent) (string, error) { return "", nil }, adapter.Name("hits"), adapter.WithRuntime(rt))
		for i := range 300 {
			_, _ = h.Call(ctx, ownEvent{At: int64(i / 50)})
		}
		if log.Len() != 0 {
			t.Error(log.String())
		}
	})
}

type (
	timedEvent struct {
		At time.Time
		ID string `cache:"-"`
	}
	redacted      string
	redactedEvent struct{ Who redacted }
	listEvent     struct{ Items []int }
)

func (redacted) String() string { return "[REDACTED]" }

// missing returns the call of a cached handler with the i-th event, which misses.
func missing[In any](ctx context.Context, t *testing.T, name string, rt *adapter.Runtime, event func(i int) In) func(i int) {
	h := lambda.CacheHandler(func(context.Context, In) (int, error) { return 0, nil },
		adapter.Name("missing."+name), adapter.WithRuntime(rt))
	return func(i int) {
		if _, err := h.Call(ctx, event(i)); err != nil {
			t.Error(err)
		}
	}
}

func TestCachedHandlerIsServedLikeAFunction(t *testing.T) {
	s, p := run(t, "cache: gated", "STILLWARM_BACKEND=gated:")
	event := runtimeapitest.Event{Payload: []byte(`{"item":"<tea>"}`)}
	first := s.Send(event)
	if a := answer(t, first); string(a.Body) != "\"\\u003ctea\\u003e\"" || a.ContentType != "application/json" {
		t.Errorf("L1 Start's options apply: %q %s", a.Body, a.ContentType)
	}
	runtimeapitest.Wait(t, "L2 the write after the answer", s.Gate("write").Reached())
	s.Gate("write").Open()
	runtimeapitest.Wait(t, "the end", first.Done())
	answer(t, s.Send(event))
	if strings.Contains(p.Log(), "WARN") {
		t.Error(p.Log())
	}
}
