package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/internal/panics"
	"github.com/stillwarm/stillwarm/lambda"
	"github.com/stillwarm/stillwarm/lambda/internal/runtimeapitest"
)

// leave leaves work that a gate holds. It reports whether the invocation took it.
func leave(ctx context.Context, gate string) bool {
	return invocation.From(ctx).After(func(context.Context) { _ = runtimeapitest.Pass(gate) })
}

// afterFunctions leave work for after the response, in every way in which a handler can end.
func afterFunctions() map[string]function {
	return map[string]function{
		"bench: order": {handler: func(_ context.Context, o order) (order, error) { return o, nil }},
		"after: string": {handler: func(ctx context.Context, n int) (string, error) {
			if n == 1 {
				leave(ctx, "work")
			}
			return "answer", nil
		}},
		"after: error": {handler: func(ctx context.Context) error {
			leave(ctx, "work")
			return errors.New("failed")
		}, options: withBackendTimeout(time.Minute)},
		"after: panic": {handler: func(ctx context.Context) {
			leave(ctx, "work")
			panic("on fire")
		}, options: withBackendTimeout(time.Minute)},
		"after: unencodable": {handler: func(ctx context.Context) (any, error) {
			leave(ctx, "work")
			return make(chan int), nil
		}, options: withBackendTimeout(time.Minute)},
		"after: bounded": {handler: func(ctx context.Context) error {
			leave(ctx, "work")
			invocation.From(ctx).OnEnd("end", func() { _ = runtimeapitest.Pass("end") })
			return errors.New("failed")
		}, options: withBackendTimeout(20 * time.Millisecond)},
		"after: refresh": {handler: refreshing(), options: withBackendTimeout(time.Minute)},
		"after: panic in a run": {start: func() {
			lambda.StartHandlerFunc(func(ctx context.Context, _ order) (string, error) { return waitForRun(), nil })
		}},
		"after: raw panic in a run": {handler: rawFunc(func(context.Context, []byte) ([]byte, error) { return []byte(waitForRun()), nil })},
		"after: raw":                {handler: rawWork{}},
		"after: raw panic": {handler: rawFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
			leave(ctx, "work")
			theRun()
			return nil, nil
		}), options: withBackendTimeout(20 * time.Millisecond)},
		"after: raw nil":      {handler: rawFunc(func(context.Context, []byte) ([]byte, error) { return nil, nil })},
		"after: raw retained": {handler: retaining()},
		"after: late": {handler: func(ctx context.Context, n int) (string, error) {
			taken := leave(ctx, "work")
			if n == 1 {
				return "", errors.New("failed")
			}
			return fmt.Sprint("taken ", taken, ", ended ", ctx.Err() != nil), nil
		}},
		"after: raw error": {handler: rawFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
			leave(ctx, "work")
			return nil, errors.New("failed")
		}), options: withBackendTimeout(time.Minute)},
		"after: middleware": {handler: middleware{lambda.NewHandler(func(ctx context.Context) (string, error) {
			leave(ctx, "work")
			return "answer", nil
		})}},
		"after: NewHandler": {handler: lambda.NewHandler(func(ctx context.Context) (string, error) {
			leave(ctx, "work")
			return "answer", nil
		})},
		"after: generic": {start: func() {
			lambda.StartHandlerFunc(func(ctx context.Context, _ order) (string, error) {
				leave(ctx, "work")
				return "answer", nil
			})
		}},
		"after: strict event": {handler: func(ctx context.Context, _ strict) (string, error) {
			leave(ctx, "work")
			return "answer", nil
		}, options: func() []lambda.Option {
			return append(withBackendTimeout(time.Minute)(), lambda.WithSetIndent("", "  "))
		}},
		"after: stream":   {handler: stream},
		"after: deadline": {handler: untilDeadline()},
		"after: managed": {handler: func(ctx context.Context) (string, error) {
			taken := leave(ctx, "work")
			invocation.From(ctx).OnEnd("end", func() { _ = runtimeapitest.Pass("end") })
			return fmt.Sprint("left: ", taken), runtimeapitest.Pass("handler")
		}},
	}
}

// withBackendTimeout bounds what is done before an answer.
func withBackendTimeout(d time.Duration) func() []lambda.Option {
	return func() []lambda.Option {
		rt, err := adapter.New(adapter.Config{BackendTimeout: d})
		if err != nil {
			panic(err)
		}
		return []lambda.Option{lambda.WithRuntime(rt)}
	}
}

// refreshing leaves a refresh and fails; the next invocation tells what became of it.
func refreshing() any {
	var did, dropped atomic.Int64
	return func(ctx context.Context, n int) (string, error) {
		if n == 1 {
			invocation.From(ctx).AfterResponse(func(context.Context) { did.Add(1) }, func() { dropped.Add(1) })
			return "", errors.New("failed")
		}
		return fmt.Sprint("done: ", did.Load(), "; dropped: ", dropped.Load()), nil
	}
}

// panickedError is what the run below panics with.
type panickedError struct{ Code int }

func (e *panickedError) Error() string { return fmt.Sprint("code ", e.Code) }

// waitForRun waits for a run in another goroutine that panics, as the flight of a cached function does.
func waitForRun() string {
	caught := make(chan panics.Carrier)
	go func() {
		defer func() { caught <- panics.Capture(recover()) }()
		theRun()
	}()
	panic(<-caught)
}

func theRun() { panic(&panickedError{Code: 7}) }

// rawFunc is a handler of bytes.
type rawFunc func(context.Context, []byte) ([]byte, error)

func (f rawFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return f(ctx, payload) }

// retaining keeps the bytes of each event and answers with those of the one before, which the work after the response may
// still read.
func retaining() rawFunc {
	var last []byte
	return func(_ context.Context, payload []byte) ([]byte, error) {
		answer := last
		last = payload
		return answer, nil
	}
}

type rawWork struct{}

func (rawWork) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	leave(ctx, "work")
	return []byte("answer"), nil
}

// middleware is a handler around another.
type middleware struct{ next lambda.Handler }

func (m middleware) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return m.next.Invoke(ctx, payload)
}

// stream answers in two parts with a gate between them; what the stream uses is let go when the invocation ends.
func stream(ctx context.Context) (io.Reader, error) {
	open := new(atomic.Bool)
	open.Store(true)
	invocation.From(ctx).OnEnd("resource", func() { open.Store(false) })
	leave(ctx, "work")
	return io.MultiReader(strings.NewReader("first,"), readerFunc(func([]byte) (int, error) {
		err := runtimeapitest.Pass("rest")
		return 0, errors.Join(err, io.EOF)
	}), readerFunc(func(p []byte) (int, error) {
		return copy(p, fmt.Sprint("resource open: ", open.Load())), io.EOF
	})), nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) {
	n, err := f(p)
	if err != nil && errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return n, err
}

// untilDeadline leaves work that takes as long as it may; the next invocation tells how it went.
func untilDeadline() any {
	var report string
	return func(ctx context.Context, n int) (string, error) {
		if n == 2 {
			return report, nil
		}
		deadline, _ := ctx.Deadline()
		invocation.From(ctx).After(func(after context.Context) {
			limit, bounded := after.Deadline()
			<-after.Done()
			report = fmt.Sprint("bounded: ", bounded, "; earlier: ", limit.Before(deadline), "; in time: ",
				time.Now().Before(deadline), "; tenant: ", invocation.From(after).TenantID())
		})
		return "", nil
	}
}

func TestAnswerComesBeforeTheWork(t *testing.T) {
	for _, name := range []string{"after: string", "after: NewHandler", "after: generic", "after: raw", "after: middleware"} {
		t.Run("L2 L3 "+name, func(t *testing.T) {
			t.Parallel()
			s, _ := run(t, name)
			event := runtimeapitest.Event{Payload: []byte("1")}
			if name == "after: generic" {
				event.Payload = []byte("{}")
			}
			first := s.Send(event)
			if a := answer(t, first); a.Failed || strings.Trim(string(a.Body), `"`) != `answer` {
				t.Errorf("answered %q, failed: %v", a.Body, a.Failed)
			}
			runtimeapitest.Wait(t, "the work", s.Gate("work").Reached())
			second := s.Send(event)
			if isClosed(first.Done()) || isClosed(second.Taken()) || s.Polls() != 1 {
				t.Errorf("the next invocation was asked for while work was left (%d polls)", s.Polls())
			}
			s.Gate("work").Open()
			runtimeapitest.Wait(t, "the end of the first invocation", first.Done())
			answer(t, second)
		})
	}
}

func TestWorkComesBeforeAnAnswerThatNothingFollows(t *testing.T) {
	tests := []struct {
		name, payload string
		body          string
		failed        bool
	}{
		{"after: error", `1`, `"errorMessage":"failed"`, true},
		{"after: panic", `1`, `"errorMessage":"on fire"`, true},
		{"after: unencodable", `1`, `UnsupportedTypeError`, true},
		{"after: raw error", `1`, `"errorMessage":"failed"`, true},
		{"after: strict event", `{"item":"tea"}`, `"answer"`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, _ := run(t, tt.name)
			inv := s.Send(runtimeapitest.Event{Payload: []byte(tt.payload)})
			runtimeapitest.Wait(t, "the work", s.Gate("work").Reached())
			if isClosed(inv.Answered()) {
				t.Error("the answer was there before the work was done")
			}
			s.Gate("work").Open()
			a := answer(t, inv)
			if a.Failed != tt.failed || !strings.Contains(string(a.Body), tt.body) {
				t.Errorf("answered %q, failed: %v", a.Body, a.Failed)
			}
		})
	}
}

func TestWhatComesBeforeAnAnswerIsBounded(t *testing.T) {
	t.Run("L3 by one BackendTimeout in all, also where work and releases ignore their context", func(t *testing.T) {
		s, _ := run(t, "after: bounded")
		inv := s.Send(runtimeapitest.Event{Payload: []byte("1")})
		if a := answer(t, inv); !strings.Contains(string(a.Body), "failed") {
			t.Errorf("answered %q", a.Body)
		}
		runtimeapitest.Wait(t, "the next poll", inv.Done())
		if s.Gate("work").Passed()+s.Gate("end").Passed() != 0 {
			t.Error("a closed gate was passed")
		}
	})
	t.Run("L3 refreshes are left out", func(t *testing.T) {
		s, _ := run(t, "after: refresh")
		answer(t, s.Send(runtimeapitest.Event{Payload: []byte("1")}))
		if a := answer(t, s.Send(runtimeapitest.Event{Payload: []byte("2")})); string(a.Body) != `"done: 0; dropped: 1"` {
			t.Errorf("answered %s", a.Body)
		}
	})
}

func TestWorkIsBoundedByTheDeadline(t *testing.T) {
	s, _ := run(t, "after: deadline")
	s.Send(runtimeapitest.Event{Payload: []byte("1"), Timeout: 2 * time.Second, TenantID: "blue"})
	a := answer(t, s.Send(runtimeapitest.Event{Payload: []byte("2")}))
	if want := `"bounded: true; earlier: true; in time: true; tenant: blue"`; string(a.Body) != want {
		t.Errorf("the work found %s, want %s", a.Body, want)
	}
}

func TestWhereNothingFreezesNoWorkerIsHeld(t *testing.T) {
	tests := map[string][]string{
		"several invocations at once": {"AWS_LAMBDA_MAX_CONCURRENCY=2"},
		"managed instances": {
			"AWS_LAMBDA_MAX_CONCURRENCY=2", "AWS_LAMBDA_INITIALIZATION_TYPE=lambda-managed-instances",
		},
	}
	for name, env := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := run(t, "after: managed", env...)
			first := s.Send(runtimeapitest.Event{Payload: []byte("1")})
			second := s.Send(runtimeapitest.Event{Payload: []byte("2")})
			runtimeapitest.Wait(t, "the first invocation", first.Taken())
			runtimeapitest.Wait(t, "the second invocation beside it", second.Taken())
			s.Gate("handler").Open()
			for _, inv := range []*runtimeapitest.Invocation{first, second} {
				if a := answer(t, inv); string(a.Body) != `"left: false"` {
					t.Errorf("answered %s", a.Body)
				}
			}
			s.Gate("end").Open()
			runtimeapitest.Until(t, "both invocations' ends", func() bool { return s.Gate("end").Passed() == 2 })
		})
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
