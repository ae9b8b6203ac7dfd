package main

import (
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/lambda/internal/runtimeapitest"
)

// fewer resamples do where the race detector makes each many times as slow.
const fewer = 20_000

// TestMain is the demo itself where a test has started this binary for that.
func TestMain(m *testing.M) {
	resamples = fewer
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		os.Exit(m.Run())
	}
	main()
}

func TestDemoAnswersBeforeItsEntryIsWritten(t *testing.T) {
	s, p := start(t, "STILLWARM_BACKEND=gated:", "STILLWARM_MODE=development")
	event := httpEvent(t, "/rain-odds", "month", "7", "days", "5")

	first := s.Send(event)
	res := httpAnswer(t, first)
	status := res.Headers["Cache-Status"]
	if res.StatusCode != 200 || !strings.HasPrefix(status, "stillwarm-data; fwd=miss, stillwarm; fwd=uri-miss") {
		t.Fatalf("%d, %q: %s", res.StatusCode, status, res.Body)
	}
	runtimeapitest.Wait(t, "the write of the entry", s.Gate("write").Reached())
	second := s.Send(event)
	if s.Polls() != 1 {
		t.Error("the next invocation was asked for before the entry was written")
	}
	s.Gate("write").Open()

	runtimeapitest.Wait(t, "the end of the first invocation", first.Done())
	if log := p.Log(); !strings.Contains(log, "stillwarm: invocation") || !strings.Contains(log, "misses=3") { // the request, the odds and the data set
		t.Errorf("the invocation's record is not in the log:\n%s", log)
	}
	again := httpAnswer(t, second)
	if got := again.Headers["Cache-Status"]; !strings.Contains(got, ", stillwarm; hit; ttl=") {
		t.Errorf("the second answer says %q", got)
	}
	if again.Body != res.Body {
		t.Errorf("the hit answered %s, the miss %s", again.Body, res.Body)
	}
}

func TestDemoHasItsDataSetReleased(t *testing.T) {
	s, p := start(t)
	if got := s.Extensions(); len(got) != 1 {
		t.Errorf("registered %v, want one extension: there is a resource to release", got)
	}
	if res := httpAnswer(t, s.Send(httpEvent(t, "/summary", "year", "2014", "month", "7"))); res.StatusCode != 200 {
		t.Fatalf("%d: %s", res.StatusCode, res.Body)
	}
	if log := p.Log(); strings.Contains(log, "deprecated") || !strings.Contains(log, "cacheStatus") {
		t.Errorf("the log:\n%s", log)
	}
}

func start(t *testing.T, env ...string) (*runtimeapitest.Server, *runtimeapitest.Process) {
	t.Helper()
	s, err := runtimeapitest.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	p := runtimeapitest.Run(t, s, env...)
	runtimeapitest.Until(t, "the first poll", func() bool { return s.Polls() > 0 })
	return s, p
}

// httpEvent is what a GET becomes on its way through an HTTP API.
func httpEvent(t *testing.T, path string, query ...string) runtimeapitest.Event {
	t.Helper()
	values := url.Values{}
	params := map[string]string{}
	for i := 0; i < len(query); i += 2 {
		values.Set(query[i], query[i+1])
		params[query[i]] = query[i+1]
	}
	req := request{Version: "2.0", RawPath: path, RawQueryString: values.Encode(), QueryStringParameters: params}
	req.RequestContext.Stage = "$default"
	req.RequestContext.HTTP.Method, req.RequestContext.HTTP.Path = "GET", path
	payload, err := json.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	return runtimeapitest.Event{Payload: payload}
}

func httpAnswer(t *testing.T, inv *runtimeapitest.Invocation) (res response) {
	t.Helper()
	runtimeapitest.Wait(t, "the answer", inv.Answered())
	a := inv.Answer()
	if err := json.Unmarshal(a.Body, &res); err != nil || a.Failed {
		t.Fatalf("answered %q, failed: %v, %v", a.Body, a.Failed, err)
	}
	return res
}
