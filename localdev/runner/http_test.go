package runner_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/localdev/internal/proctest"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

func TestFunctionURL(t *testing.T) {
	r := start(t, runner.Options{})
	t.Run("status, headers, cookies and body reach the client", func(t *testing.T) {
		response, body := get(t, r.URL()+"/?do=html")
		if response.StatusCode != 201 || body != "<p>hello</p>" || response.Header.Get("Content-Type") != "text/html" ||
			response.Header.Get("X-One") != "1" || !slices.Equal(response.Header.Values("Set-Cookie"), []string{"a=1; Path=/", "b=2"}) {
			t.Errorf("%s %v %q", response.Status, response.Header, body)
		}
	})
	t.Run("a binary body comes out as bytes", func(t *testing.T) {
		if _, body := get(t, r.URL()+"/?do=binary"); body != "\x00\x01\x02\xff" {
			t.Errorf("%q", body)
		}
	})
	t.Run("plain JSON is a 200", func(t *testing.T) {
		response, body := get(t, r.URL()+"/?do=raw&arg="+url.QueryEscape(`{"a": [1]}`))
		if response.StatusCode != 200 || body != `{"a":[1]}` || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v %q", response.Status, response.Header, body)
		}
	})
	t.Run("what is no response is a 502 that says why", func(t *testing.T) {
		response, body := get(t, r.URL()+"/?do=raw&arg="+url.QueryEscape(`{"statusCode": "many"}`))
		if response.StatusCode != 502 || !strings.Contains(body, "statusCode is") {
			t.Errorf("%s %q", response.Status, body)
		}
	})
	t.Run("a function error is a 502 with the error", func(t *testing.T) {
		response, body := get(t, r.URL()+"/?do=error&arg=boom")
		if response.StatusCode != 502 || body != `{"errorMessage":"boom","errorType":"errorString"}` {
			t.Errorf("%s %q", response.Status, body)
		}
	})
	t.Run("HEAD has no body", func(t *testing.T) {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodHead, r.URL()+"/?do=html", nil)
		if response, body := do(t, request); response.StatusCode != 201 || body != "" {
			t.Errorf("%s %q", response.Status, body)
		}
	})
	t.Run("the function receives payload format 2.0", func(t *testing.T) {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost,
			r.URL()+"/a%20b//c?do=echo&x=1&x=2", strings.NewReader("\x00\xff"))
		request.Header["X-Two"] = []string{"one", "two"}
		request.Header.Set("Cookie", "a=1; b=2")
		request.Header.Set("Content-Type", "application/octet-stream")
		_, body := do(t, request)
		var a struct {
			Event events.LambdaFunctionURLRequest
		}
		if err := json.Unmarshal([]byte(body), &a); err != nil {
			t.Fatal(err)
		}
		e := a.Event
		if e.RawPath != "/a%20b//c" || e.RawQueryString != "do=echo&x=1&x=2" || e.Headers["x-two"] != "one,two" ||
			!slices.Equal(e.Cookies, []string{"a=1", "b=2"}) || !e.IsBase64Encoded ||
			e.Body != base64.StdEncoding.EncodeToString([]byte("\x00\xff")) || e.QueryStringParameters["x"] != "1,2" ||
			e.RequestContext.HTTP.Method != "POST" {
			t.Errorf("%+v", e)
		}
	})
	t.Run("a request larger than Lambda takes is a 413", func(t *testing.T) {
		if response, body := post(t, r.URL(), strings.Repeat("x", 7<<20)); response.StatusCode != 413 {
			t.Errorf("%s %.200s", response.Status, body)
		}
	})
	t.Run("a response larger than Lambda takes is an error that says so", func(t *testing.T) {
		response, body := get(t, r.URL()+"/?do=big")
		if response.StatusCode != 502 || !strings.Contains(body, "Function.ResponseSizeTooLarge") {
			t.Errorf("%s %.200s", response.Status, body)
		}
	})
}

func TestStreaming(t *testing.T) {
	r := start(t, runner.Options{})
	t.Run("the client reads the first part while the function still writes", func(t *testing.T) {
		gate := proctest.NewGate(t)
		response := open(t, r.URL()+"/?do=stream&arg="+gate.Addr)
		defer response.Body.Close()
		body := bufio.NewReader(response.Body)
		first, err := body.ReadString('\n')
		if err != nil || first != "first\n" {
			t.Fatalf("%q %v", first, err)
		}
		gate.Arrive(t)() // the function waited here all the time
		rest, err := io.ReadAll(body)
		if err != nil || string(rest) != "second\n" {
			t.Errorf("%q %v", rest, err)
		}
		if response.StatusCode != 206 || response.Header.Get("Content-Type") != "text/plain" ||
			response.Header.Get("Set-Cookie") != "s=1" {
			t.Errorf("%s %v", response.Status, response.Header)
		}
	})
	t.Run("a stream that fails breaks off instead of ending", func(t *testing.T) {
		gate := proctest.NewGate(t)
		response := open(t, r.URL()+"/?do=stream&arg="+url.QueryEscape("fail "+gate.Addr))
		defer response.Body.Close()
		gate.Arrive(t)()
		if body, err := io.ReadAll(response.Body); err == nil {
			t.Errorf("a clean end after %q", body)
		}
	})
	t.Run("a client that leaves does not stop the function", func(t *testing.T) {
		gate := proctest.NewGate(t)
		response := open(t, r.URL()+"/?do=stream&arg="+gate.Addr)
		pass := gate.Arrive(t)
		_ = response.Body.Close()
		pass()
		waitIdle(t, r)
		if len(r.Containers()) == 0 {
			t.Error("the container is gone")
		}
	})
}

func open(t *testing.T, url string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(proctest.Context(t), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func TestInvokeAPI(t *testing.T) {
	seen := newInvocations()
	r := start(t, runner.Options{OnInvocation: seen.add})
	url := r.URL() + "/2015-03-31/functions/function/invocations"
	t.Run("a raw event gets the raw answer", func(t *testing.T) {
		response, body := post(t, url, `{"do":"raw","arg":"{\"statusCode\":404}"}`)
		if response.StatusCode != 200 || body != `{"statusCode":404}` || response.Header.Get("X-Amz-Executed-Version") != "$LATEST" ||
			response.Header.Get("X-Amz-Function-Error") != "" {
			t.Errorf("%s %v %q", response.Status, response.Header, body)
		}
		seen.next(t)
	})
	t.Run("a function error is a 200 with X-Amz-Function-Error", func(t *testing.T) {
		response, body := post(t, url, `{"do":"error","arg":"boom"}`)
		if response.StatusCode != 200 || response.Header.Get("X-Amz-Function-Error") != "Unhandled" ||
			!strings.Contains(body, `"errorMessage":"boom"`) {
			t.Errorf("%s %v %q", response.Status, response.Header, body)
		}
		if inv := seen.next(t); inv.Fault != "errorString: boom" {
			t.Errorf("%+v", inv)
		}
	})
	t.Run("an asynchronous event is accepted before the function is done", func(t *testing.T) {
		gate := proctest.NewGate(t)
		response, _ := post(t, url, string(order{"gate": gate.Addr}.json()), "X-Amz-Invocation-Type", "Event")
		if response.StatusCode != 202 {
			t.Error(response.Status)
		}
		gate.Arrive(t)()
		seen.next(t)
	})
	t.Run("a dry run runs nothing", func(t *testing.T) {
		if response, _ := post(t, url, `{}`, "X-Amz-Invocation-Type", "DryRun"); response.StatusCode != 204 {
			t.Error(response.Status)
		}
	})
	for name, c := range map[string][3]string{
		"what is no JSON is refused":                {`{`, "X-Amz-Invocation-Type", "RequestResponse"},
		"an unknown invocation type is refused":     {`{}`, "X-Amz-Invocation-Type", "Sometimes"},
		"a client context that is none is refused":  {`{}`, "X-Amz-Client-Context", "no base64!"},
		"a client context without JSON is refused ": {`{}`, "X-Amz-Client-Context", "e30gfQ=="},
	} {
		t.Run(name, func(t *testing.T) {
			if response, body := post(t, url, c[0], c[1], c[2]); response.StatusCode != 400 {
				t.Errorf("%s %s", response.Status, body)
			}
		})
	}
	t.Run("tenant, client context, ARN and deadline reach the function", func(t *testing.T) {
		client := base64.StdEncoding.EncodeToString([]byte("{\"custom\":\n{\"who\":\"me\"}}"))
		_, body := post(t, url, `{}`, "X-Amz-Tenant-Id", "acme", "X-Amz-Client-Context", client)
		var a answer
		if err := json.Unmarshal([]byte(body), &a); err != nil {
			t.Fatal(err)
		}
		if a.Tenant != "acme" || a.Client != "me" || a.Left <= 0 || a.Left > 30 ||
			!strings.HasPrefix(a.ARN, "arn:aws:lambda:") {
			t.Errorf("%+v", a)
		}
	})
}

func TestEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_THE_DEVELOPER", "1")
	t.Setenv("STILLWARM_BACKEND", "redis://elsewhere")
	names := []string{
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
		"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_FORMAT", "AWS_EXECUTION_ENV",
		"AWS_REGION", "_HANDLER", "TZ", "STILLWARM_MODE", "STILLWARM_BACKEND", "SECRET_OF_THE_DEVELOPER", "MINE",
		"AWS_LAMBDA_LOG_STREAM_NAME", "LAMBDA_TASK_ROOT",
	}
	r := start(t, runner.Options{Name: "quotes", MemoryMB: 256, Region: "eu-central-1", Env: []string{"MINE=a=b"}})
	_, a := invoke(t, r, order{"env": names})
	for name, want := range map[string]string{
		"AWS_LAMBDA_FUNCTION_NAME": "quotes", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "TZ": ":UTC",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/quotes",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_REGION": "eu-central-1",
		"AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023", "_HANDLER": "bootstrap", "STILLWARM_MODE": "development",
		"STILLWARM_BACKEND": r.Backend(), "SECRET_OF_THE_DEVELOPER": "", "MINE": "a=b",
		"LAMBDA_TASK_ROOT": filepath.Dir(probe),
	} {
		t.Run(name+" is set as in the service", func(t *testing.T) {
			if a.Env[name] != want {
				t.Errorf("%q, want %q", a.Env[name], want)
			}
		})
	}
	if a.Env["AWS_LAMBDA_LOG_STREAM_NAME"] == "" {
		t.Error("no log stream")
	}
	if !strings.HasPrefix(r.Backend(), "disk://") {
		t.Errorf("backend %q", r.Backend())
	}
}

func TestLog(t *testing.T) {
	t.Run("a line tells cold, path, status, hits and misses, and the record itself is not shown", func(t *testing.T) {
		var log buffer
		seen := newInvocations()
		r := start(t, runner.Options{Log: &log, OnInvocation: seen.add})
		record := `{"level":"INFO","msg":"stillwarm: invocation","requestId":"REQUEST","hits":2,"misses":1,"stale":0,"waits":0}`
		get(t, r.URL()+"/?record="+url.QueryEscape(record))
		inv := seen.next(t)
		if inv.Cache.Hits != 2 || inv.Cache.Misses != 1 || !inv.Cold || inv.Status != 200 {
			t.Errorf("%+v", inv)
		}
		if s := log.String(); !strings.Contains(s, "#1  cold  GET /?record=") || !strings.Contains(s, "2 hits, 1 miss") ||
			strings.Contains(s, "stillwarm: invocation\"") {
			t.Error(s)
		}
	})
	t.Run("what the function logs stands beneath its invocation's line", func(t *testing.T) {
		var log buffer
		seen := newInvocations()
		r := start(t, runner.Options{Log: &log, OnInvocation: seen.add})
		get(t, r.URL()+"/?do=log&arg=hello")
		seen.next(t)
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "GET /?do=log") || !strings.HasSuffix(lines[1], "#1  | hello") ||
			!strings.HasSuffix(lines[2], `#1  | INFO  structured n=1 text="two words"`) {
			t.Errorf("%q", lines)
		}
	})
	t.Run("deprecations are warned of once, on the page too", func(t *testing.T) {
		var log buffer
		seen := newInvocations()
		r := start(t, runner.Options{Log: &log, OnInvocation: seen.add})
		for range 2 {
			get(t, r.URL()+"/?record="+url.QueryEscape(`{"level":"WARN","msg":"adapter.Cache is deprecated","deprecated":true}`))
			seen.next(t)
		}
		if n := strings.Count(log.String(), "warning adapter.Cache is deprecated"); n != 1 {
			t.Errorf("%d times in %s", n, log.String())
		}
		if _, state := get(t, r.URL()+"/_stillwarm/state"); !strings.Contains(state, "adapter.Cache is deprecated") {
			t.Error(state)
		}
	})
}

func TestPage(t *testing.T) {
	r := start(t, runner.Options{})
	t.Run("its paths never reach the function", func(t *testing.T) {
		for _, path := range []string{"/_stillwarm", "/_stillwarm/", "/_stillwarm/state", "/_stillwarm/x", "/a/../_stillwarm/x"} {
			request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL()+"/", nil)
			request.URL.Path = path
			do(t, request)
		}
		if n := len(r.Containers()); n != 0 {
			t.Errorf("%d containers started", n)
		}
	})
	t.Run("it needs nothing from outside, and may load nothing from there", func(t *testing.T) {
		for _, name := range []string{"", "style.css", "app.js", "store.js", "ui.js", "invocations.js", "cache.js", "containers.js", "advice.js", "composer.js", "waterfall.js", "format.js"} {
			response, body := get(t, r.URL()+"/_stillwarm/"+name)
			body = strings.ReplaceAll(body, "http://www.w3.org/2000/svg", "")
			if response.StatusCode != 200 || strings.Contains(body, "://") && !strings.Contains(body, "disk:") {
				t.Errorf("%s: %s", name, response.Status)
			}
			if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "connect-src 'self'") {
				t.Errorf("%s: %s", name, policy)
			}
		}
	})
	t.Run("changes need the token of the page", func(t *testing.T) {
		const action = `{"event":"{}"}`
		for _, header := range [][]string{nil, {"X-Stillwarm-Token", "guessed"}} {
			if response, _ := post(t, r.URL()+"/_stillwarm/api/send", action, header...); response.StatusCode != 403 {
				t.Errorf("%v: %s", header, response.Status)
			}
		}
		_, body := get(t, r.URL()+"/_stillwarm/")
		_, rest, _ := strings.Cut(body, `name="stillwarm-token" content="`)
		token, _, _ := strings.Cut(rest, `"`)
		if response, _ := post(t, r.URL()+"/_stillwarm/api/send", action, "X-Stillwarm-Token", token, "Origin", "http://evil.example"); response.StatusCode != 403 {
			t.Errorf("from another origin: %s", response.Status)
		}
		if response, body := post(t, r.URL()+"/_stillwarm/api/send", action, "X-Stillwarm-Token", token); response.StatusCode != 200 || !strings.Contains(body, `"result":"`) {
			t.Errorf("%s %s", response.Status, body)
		}
	})
	t.Run("a foreign name for this machine is refused", func(t *testing.T) {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL()+"/_stillwarm/state", nil)
		request.Host = "rebound.example.com"
		if response, _ := do(t, request); response.StatusCode != 403 {
			t.Error(response.Status)
		}
	})
	t.Run("its events follow what happens", func(t *testing.T) {
		response := open(t, r.URL()+"/_stillwarm/events")
		defer response.Body.Close()
		events := bufio.NewScanner(response.Body)
		events.Buffer(nil, 1<<20)
		events.Scan()
		get(t, r.URL()+"/followed")
		for events.Scan() {
			if strings.Contains(events.Text(), "GET /followed") && strings.Contains(events.Text(), `"complete":true`) {
				return
			}
		}
		t.Errorf("the stream ended: %v", events.Err())
	})
}
