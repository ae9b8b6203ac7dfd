package runner_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/proctest"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

func TestForeignRequests(t *testing.T) {
	r := start(t, runner.Options{})
	ask := func(t *testing.T, method, path, host string, header ...string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(proctest.Context(t), method, r.URL()+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			request.Host = host
		}
		for i := 0; i+1 < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		response, body := do(t, request)
		return response.StatusCode, body
	}
	const invocations = "/2015-03-31/functions/function/invocations"
	for _, c := range []struct {
		name, method, path, host string
		header                   []string
		want                     int
	}{
		{"the function's URL by another name", "GET", "/", "evil.example", nil, 403},
		{"the function's URL by a name that looks like one of this machine", "GET", "/", "127.0.0.1.evil.example", nil, 403},
		{"the page by another name", "GET", "/_stillwarm/", "evil.example", nil, 403},
		{"the page's state by another name", "GET", "/_stillwarm/state", "evil.example:80", nil, 403},
		{"the Invoke API by another name", "POST", invocations, "evil.example", nil, 403},
		{"the Invoke API for a page of another origin", "POST", invocations, "", []string{"Origin", "http://evil.example", "Content-Type", "text/plain"}, 403},
		{"the Invoke API for a page without an origin", "POST", invocations, "", []string{"Origin", "null"}, 403},
		{"the Invoke API for a page on another port", "POST", invocations, "", []string{"Origin", "http://127.0.0.1:1"}, 403},
		{"the Invoke API for what a browser calls cross-site", "POST", invocations, "", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"the Invoke API for a program", "POST", invocations, "", nil, 200},
		{"the function's URL by localhost", "GET", "/", "localhost:8787", nil, 200},
		{"the function's URL for a page of another origin: its CORS is its own", "GET", "/", "", []string{"Origin", "http://127.0.0.1:3000"}, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, body := ask(t, c.method, c.path, c.host, c.header...); got != c.want {
				t.Errorf("%d, want %d: %s", got, c.want, body)
			}
		})
	}
}

func TestSlowBodyIsBounded(t *testing.T) {
	r := start(t, runner.Options{BodyTimeout: 50 * time.Millisecond})
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusRequestTimeout {
		t.Error(response.Status)
	}
	if n := len(r.Containers()); n != 0 {
		t.Errorf("%d containers were started for it", n)
	}
}

func TestListeningToAllWarns(t *testing.T) {
	var log buffer
	r := start(t, runner.Options{Addr: "0.0.0.0:0", Log: &log})
	if !strings.Contains(log.String(), "everyone who reaches this machine") {
		t.Error(log.String())
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(r.URL(), "http://"))
	request, err := http.NewRequestWithContext(proctest.Context(t), http.MethodGet, "http://127.0.0.1:"+port+"/_stillwarm/state", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "evil.example"
	if response, _ := do(t, request); response.StatusCode != http.StatusForbidden {
		t.Errorf("the page by another name: %s", response.Status)
	}
}

func TestPasswordsAreHidden(t *testing.T) {
	const backend = "redis://user:secret@127.0.0.1:1"
	var log buffer
	r := start(t, runner.Options{Backend: backend, Log: &log})
	_, state := get(t, r.URL()+"/_stillwarm/state")
	for name, text := range map[string]string{"the page": state, "the log": log.String()} {
		if strings.Contains(text, "secret") {
			t.Errorf("%s shows the password: %s", name, text)
		}
	}
	if !bytes.Contains([]byte(state), []byte("127.0.0.1:1")) {
		t.Error(state)
	}
}
