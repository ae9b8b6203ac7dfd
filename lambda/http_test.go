package lambda_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/internal/httpreq"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/lambda"
	"github.com/stillwarm/stillwarm/lambda/internal/runtimeapitest"
)

// mux shows what a handler of net/http gets, and does what handlers do.
func mux() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, deadline := r.Context().Deadline()
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		fmt.Fprintf(w, "%s %s %q %s deadline %v authenticated %v", r.Method, r.URL.Path, body, r.RemoteAddr, deadline,
			httpreq.From(r.Context()).Authenticated)
	})
	m.HandleFunc("/work", func(w http.ResponseWriter, r *http.Request) {
		leave(r.Context(), "work")
		fmt.Fprint(w, "answer")
	})
	m.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		leave(r.Context(), "work")
		fmt.Fprint(w, "first,")
		_ = runtimeapitest.Pass("rest")
		fmt.Fprint(w, "invocation: ", invocation.From(r.Context()) != nil)
	})
	m.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 7<<20)) })
	m.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { theRun() })
	m.HandleFunc("/late-panic", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half")
		w.(http.Flusher).Flush()
		theRun()
	})
	return m
}

func httpFunctions() map[string]function {
	return map[string]function{
		"http: buffered":   {handler: lambda.HTTPHandler(mux(), lambda.BasePath("v1"))},
		"http: streamed":   {handler: lambda.HTTPHandler(mux(), lambda.StreamResponse())},
		"http: middleware": {handler: middleware{lambda.HTTPHandler(mux())}},
	}
}

// payload20 is an event of a function URL.
func payload20(method, path string) []byte {
	return fmt.Appendf(nil, `{"version":"2.0","rawPath":%q,"headers":{"host":"x.lambda-url.eu-west-1.on.aws"},
		"requestContext":{"domainName":"x.lambda-url.eu-west-1.on.aws","http":{"method":%q,"sourceIp":"203.0.113.9"}}}`, path, method)
}

type httpAnswer struct {
	StatusCode   int                 `json:"statusCode"`
	Description  string              `json:"statusDescription"`
	Headers      map[string]string   `json:"headers"`
	MultiHeaders map[string][]string `json:"multiValueHeaders"`
	Cookies      []string            `json:"cookies"`
	Body         string              `json:"body"`
}

func httpAnswerOf(t *testing.T, a runtimeapitest.Answer) (h httpAnswer) {
	t.Helper()
	if a.Failed || a.ContentType != "application/json" {
		t.Fatalf("failed: %v, %s: %s", a.Failed, a.ContentType, a.Body)
	}
	if err := json.Unmarshal(a.Body, &h); err != nil {
		t.Fatalf("%v: %s", err, a.Body)
	}
	return h
}

func TestHTTPHandler(t *testing.T) {
	t.Run("L4 serves the events of every source", func(t *testing.T) {
		s, _ := run(t, "http: buffered")
		for name, want := range map[string]string{
			"v2-named-stage":               `GET /items "" 203.0.113.9:0 deadline true authenticated false`,
			"v2-jwt":                       `GET /me "" 203.0.113.9:0 deadline true authenticated true`,
			"url-encoded-path":             `GET /a/b/é "" 203.0.113.9:0 deadline true authenticated false`,
			"rest-custom-domain-base-path": `GET /items "" 203.0.113.9:0 deadline true authenticated false`,
			"rest-base64-body":             `PUT /upload "ޭ\xbe\xef" 203.0.113.9:0 deadline true authenticated false`,
			"v1-http-api":                  `GET /a b "" 203.0.113.9:0 deadline true authenticated false`,
			"alb-single":                   `GET /a/b "" 203.0.113.9:0 deadline true authenticated false`,
			"alb-multi":                    `GET /items "" :0 deadline true authenticated false`,
		} {
			event, err := os.ReadFile(filepath.Join("internal/httpevent/testdata", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			a := httpAnswerOf(t, answer(t, s.Send(runtimeapitest.Event{Payload: event})))
			cookies := len(a.Cookies) + len(a.MultiHeaders["Set-Cookie"])
			for field := range a.Headers {
				if strings.EqualFold(field, "Set-Cookie") {
					cookies++
				}
			}
			if a.StatusCode != 200 || a.Body != want || cookies != 2 || (a.Description != "") != strings.HasPrefix(name, "alb") {
				t.Errorf("%s: %+v", name, a)
			}
		}
	})
	t.Run("L2 answers before the work", func(t *testing.T) {
		for _, name := range []string{"http: buffered", "http: middleware"} {
			s, _ := run(t, name)
			inv := s.Send(runtimeapitest.Event{Payload: payload20("GET", "/work")})
			if a := answer(t, inv); !strings.Contains(string(a.Body), `"body":"answer"`) {
				t.Errorf("%s: %s", name, a.Body)
			}
			runtimeapitest.Wait(t, "the work", s.Gate("work").Reached())
			s.Gate("work").Open()
			runtimeapitest.Wait(t, "the end", inv.Done())
		}
	})
	t.Run("L4 odd events are answered or refused, and the next one is served", func(t *testing.T) {
		s, _ := run(t, "http: buffered")
		for name, part := range map[string]string{
			"url-malformed-path": `"statusCode":400`, "alb-injected-header": `"statusCode":400`, "alb-invalid-base64": `"statusCode":400`,
			"sqs": `not an HTTP event`, "v2-empty-path-and-nil-maps": `"statusCode":200`, "rest-null-headers": `"statusCode":200`,
		} {
			event, err := os.ReadFile(filepath.Join("internal/httpevent/testdata", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			if a := answer(t, s.Send(runtimeapitest.Event{Payload: event})); !strings.Contains(string(a.Body), part) {
				t.Errorf("%s: %s", name, a.Body)
			}
		}
		a := answer(t, s.Send(runtimeapitest.Event{Payload: payload20("GET", "/large")}))
		if !a.Failed || !strings.Contains(string(a.Body), "function URL: 6 MiB; stream it") {
			t.Errorf("too large: %.200s", a.Body)
		}
		d := document(t, answer(t, s.Send(runtimeapitest.Event{Payload: payload20("GET", "/panic")})))
		if d.Message != "code 7" || d.Stack[0].Label != "theRun" {
			t.Errorf("panic: %+v", d)
		}
	})
	t.Run("called without Start", func(t *testing.T) {
		for _, opts := range [][]lambda.HTTPOption{nil, {lambda.StreamResponse()}} {
			b, err := lambda.HTTPHandler(mux(), opts...).Invoke(t.Context(), payload20("GET", "/x"))
			if err != nil || !strings.Contains(string(b), "GET /x") {
				t.Errorf("%s %v", b, err)
			}
		}
		if _, err := lambda.HTTPHandler(nil).Invoke(t.Context(), []byte("{")); err == nil {
			t.Error("no JSON was served")
		}
	})
}

func TestStreamedHTTP(t *testing.T) {
	const preamble = `{"statusCode":200,"headers":{"Content-Type":"text/plain"}}` + "\x00\x00\x00\x00\x00\x00\x00\x00"
	t.Run("L4 the answer goes out as it is written, the work after it", func(t *testing.T) {
		s, _ := run(t, "http: streamed")
		inv := s.Send(runtimeapitest.Event{Payload: payload20("GET", "/stream")})
		runtimeapitest.Wait(t, "the first part", inv.Begun())
		runtimeapitest.Wait(t, "the gate before the rest", s.Gate("rest").Reached())
		if isClosed(s.Gate("work").Reached()) || isClosed(inv.Answered()) {
			t.Error("the work began before the stream was sent")
		}
		s.Gate("rest").Open()
		a := answer(t, inv)
		if string(a.Body) != preamble+"first,invocation: true" || a.ContentType != "application/vnd.awslambda.http-integration-response" {
			t.Errorf("%s: %q", a.ContentType, a.Body)
		}
		runtimeapitest.Wait(t, "the work", s.Gate("work").Reached())
		s.Gate("work").Open()
		runtimeapitest.Wait(t, "the end", inv.Done())
	})
	t.Run("L4 a source that takes no stream gets the answer whole", func(t *testing.T) {
		s, _ := run(t, "http: streamed")
		event, err := os.ReadFile("internal/httpevent/testdata/alb-multi.json")
		if err != nil {
			t.Fatal(err)
		}
		httpAnswerOf(t, answer(t, s.Send(runtimeapitest.Event{Payload: event})))
	})
	t.Run("F2 a panic before the header is an error with the handler's line; later it cuts the stream", func(t *testing.T) {
		s, p := run(t, "http: streamed")
		late := answer(t, s.Send(runtimeapitest.Event{Payload: payload20("GET", "/late-panic")}))
		if !strings.HasSuffix(string(late.Body), "half") || late.Trailer.Get("Lambda-Runtime-Function-Error-Type") == "" {
			t.Errorf("%q, trailer %v", late.Body, late.Trailer)
		}
		d := document(t, answer(t, s.Send(runtimeapitest.Event{Payload: payload20("GET", "/panic")})))
		if d.Message != "code 7" || d.Type != "panickedError" || d.Stack[0].Label != "theRun" {
			t.Errorf("panic: %+v", d)
		}
		runtimeapitest.Wait(t, "the end of the process", p.Exited())
	})
	t.Run("L4 the type is guessed from the first part, whatever the status; a HEAD has it, too", func(t *testing.T) {
		for _, method := range []string{"GET", "HEAD"} {
			h := lambda.HTTPHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, "<html>")
			}), lambda.StreamResponse())
			b, err := h.Invoke(t.Context(), payload20(method, "/"))
			if want := `{"statusCode":201,"headers":{"Content-Type":"text/html; charset=utf-8"}}`; err != nil || !strings.HasPrefix(string(b), want) {
				t.Errorf("%s: %q %v", method, b, err)
			}
		}
	})
	t.Run("L4 a handler that aborts before it has sent anything is an error and no panic", func(t *testing.T) {
		for _, opts := range [][]lambda.HTTPOption{nil, {lambda.StreamResponse()}} {
			h := lambda.HTTPHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusCreated)
				panic(http.ErrAbortHandler)
			}), opts...)
			if b, err := h.Invoke(t.Context(), payload20("GET", "/")); err == nil || !strings.Contains(err.Error(), "cut off") {
				t.Errorf("%q %v", b, err)
			}
		}
	})
	t.Run("L4 a client that leaves ends the handler", func(t *testing.T) {
		ended := make(chan error, 1)
		h := lambda.HTTPHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			var err error
			for err == nil {
				_, err = io.WriteString(w, strings.Repeat("x", 1<<10))
			}
			ended <- err
		}), lambda.StreamResponse())
		stream := lambda.StreamOf(t.Context(), h, payload20("GET", "/"))
		if _, err := io.ReadFull(stream, make([]byte, 4<<10)); err != nil {
			t.Fatal(err)
		}
		if err := stream.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err == nil || errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
}
